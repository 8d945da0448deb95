#include "backup/nonce_margin.h"

#include <algorithm>

#include "backup/backup_stream.h"
#include "keys/records.h"
#include "keys/token_records.h"

namespace kms {
namespace {

constexpr std::uint64_t kShare = 16;

std::string Raised(std::uint64_t reserved) {
  const std::uint64_t used = std::min(reserved, kMostNonces);
  return WriteRecord(NonceCountRecord{kMostNonces - (kMostNonces - used) / kShare});
}

}  // namespace

Result<void> NonceMargin::Apply(Record& record) {
  const std::string kind = KindOf(record.key);
  if (kind == "hsm-root-nonces" || kind == "token-nonces") {
    KMS_TRY(const auto count, ReadRecord<NonceCountRecord>(record.value));
    record.value = Raised(count.reserved);
    counts_[record.key] = true;
  } else if (kind == "hsm-root") {
    KMS_TRY(const auto root, ReadRecord<HsmRootRecord>(record.value));
    // One whose making was broken off seals nothing, and goes at the next start.
    if (root.made) counts_.try_emplace(place::HsmRootNonces(root.index), false);
  } else if (kind == "version") {
    KMS_TRY(const auto version, FromJson<VersionRecord>(record.value));
    if (version.instance && version.public_key.empty())
      counts_.try_emplace(
          place::TokenNonces(Place{version.account, version.key, version.id, {}}), false);
  }
  return {};
}

std::vector<Record> NonceMargin::Rest(Revision revision) const {
  std::vector<Record> rest;
  for (const auto& [store_key, is_there] : counts_)
    if (!is_there) rest.push_back({store_key, Raised(0), revision});
  return rest;
}

}  // namespace kms
