#include "kms/placement.h"

#include <algorithm>
#include <set>
#include <utility>

#include "keys/records.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr std::size_t kBatch = 1024;

// Calls `visit` with every record below `prefix` whose key ends with the part `last`.
template <typename Visit>
Result<void> ForEach(const Reader& reader, const std::string& prefix,
                     std::string_view last, Visit visit) {
  const std::string end = '\0' + JoinKey({last});
  std::string from;
  for (;;) {
    KMS_TRY(const auto batch, reader.Scan(prefix, from, kBatch));
    for (const Record& record : batch)
      if (record.key.ends_with(end)) KMS_CHECK_OK(visit(record));
    if (batch.size() < kBatch) return {};
    from = batch.back().key + '\0';
  }
}

// The ids of the keys that `name` may stand for: aliases are of an account and a region.
Result<std::set<std::string>> IdsOf(const Reader& reader, std::string_view name) {
  // An alias is never shaped like an id.
  if (IsUuid(name)) return std::set<std::string>{std::string(name)};
  std::set<std::string> ids;
  KMS_CHECK_OK(
      ForEach(reader, place::Aliases(), name, [&](const Record& record) -> Result<void> {
        KMS_TRY(AliasRecord alias, FromJson<AliasRecord>(record.value));
        if (alias.name == name) ids.insert(std::move(alias.key));
        return {};
      }));
  return ids;
}

Result<void> AddVersions(const Reader& reader, const KeyRecord& key,
                         std::vector<KeyPlacement>& placements) {
  KMS_TRY(const auto records,
          reader.Scan(place::Versions(key.account, key.id), {}, kAllRecords));
  std::vector<KeyPlacement> found;
  for (const Record& record : records) {
    KMS_TRY(VersionRecord version, FromJson<VersionRecord>(record.value));
    KeyPlacement placement;
    placement.account = key.account;
    placement.region = key.region;
    placement.key = key.id;
    placement.level = key.level;
    placement.spec = key.spec;
    placement.number = version.number;
    placement.primary = version.id == key.primary;
    placement.created = version.created;
    placement.has_material = !version.sealed.empty();
    placement.sealed_bytes = version.sealed.size();
    placement.root = version.root.value_or(0);
    placement.in_token = version.in_token.value_or(false);
    placement.version = std::move(version.id);
    found.push_back(std::move(placement));
  }
  std::ranges::sort(found, {}, &KeyPlacement::number);
  std::ranges::move(found, std::back_inserter(placements));
  return {};
}

}  // namespace

Result<std::vector<KeyPlacement>> FindKeyPlacement(const KeyStore& store,
                                                   std::string_view name) {
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto ids, IdsOf(*snapshot, name));
  std::vector<KeyPlacement> placements;
  bool found = false;
  for (const std::string& id : ids) {
    KMS_CHECK_OK(
        ForEach(*snapshot, place::Keys(), id, [&](const Record& record) -> Result<void> {
          KMS_TRY(const KeyRecord key, FromJson<KeyRecord>(record.value));
          if (key.id != id) return {};
          found = true;
          return AddVersions(*snapshot, key, placements);
        }));
  }
  if (!found) return Reason::kKeyNotFound;
  return placements;
}

}  // namespace kms
