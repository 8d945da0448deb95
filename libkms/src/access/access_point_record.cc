#include "access/access_point_record.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/json_record.h"
#include "identity/records.h"
#include "keys/records.h"
#include "kms/encoding.h"

namespace kms {

template <typename Archive>
void Members(Archive& archive, AccessPointRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("region", r.region);
  archive("project", r.project);
  archive("creator", r.creator);
  archive("endpoint", r.endpoint);
  archive("name", r.name);
  archive("vpc", r.vpc);
  archive("subnet", r.subnet);
  archive("email", r.email);
  archive("description", r.description);
  archive("created", r.created);
  archive("position", r.position);
  archive("actionCheck", r.action_check);
  archive("actions", r.actions);
  archive("resourceCheck", r.resource_check);
  archive("resources", r.resources);
  archive("checksAddresses", r.checks_addresses);
  archive("addresses", r.addresses);
}

template <typename Archive>
void Members(Archive& archive, PointKeyOutcome& r) {
  archive("id", r.id);
  archive("user", r.user);
  archive("scope", r.scope);
}

constexpr std::int64_t Values(CheckKind) { return 3; }
constexpr std::int64_t Values(AccessKeyScope) { return 3; }

std::string WriteAccessPoint(const AccessPointRecord& record) {
  return WriteRecord(record);
}
std::string WritePointKeyOutcome(const PointKeyOutcome& outcome) {
  return WriteRecord(outcome);
}
Result<AccessPointRecord> ReadAccessPoint(std::string_view json) {
  return ReadRecord<AccessPointRecord>(json);
}
Result<PointKeyOutcome> ReadPointKeyOutcome(std::string_view json) {
  return ReadRecord<PointKeyOutcome>(json);
}

Result<AccessPointRules> Compile(const AccessPointRecord& record) {
  std::vector<AddressBlock> blocks;
  for (const std::string& text : record.addresses) {
    const auto block = ParseAddressBlock(text);
    if (!block)
      return record_internal::Corrupt("an access point has a malformed address");
    blocks.push_back(*block);
  }
  return AccessPointRules(NameCheck(record.action_check, record.actions),
                          NameCheck(record.resource_check, record.resources),
                          record.checks_addresses, std::move(blocks));
}

void ChangeCheck(CheckKind& kind, std::vector<std::string>& listed, PolicyChange change,
                 std::vector<std::string> names) {
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  const bool allow = change == PolicyChange::kAllow;
  if (kind == CheckKind::kClosed) {
    kind = allow ? CheckKind::kOnly : CheckKind::kAllBut;
    listed = std::move(names);
    return;
  }
  std::vector<std::string> changed;
  if (allow == (kind == CheckKind::kOnly)) {
    std::ranges::set_union(listed, names, std::back_inserter(changed));
  } else {
    std::ranges::set_difference(listed, names, std::back_inserter(changed));
  }
  listed = std::move(changed);
}

Index IndexOf(const AccessPointRecord& point) {
  const std::string pointer = ToJson(PointerRecord{point.id});
  Index index = {
      {place::AccessPointList(point.account, point.region, point.position), pointer}};
  if (point.project != kDefaultProject)
    index.push_back(
        {place::KeyOfProject(point.account, point.project, point.region, point.id),
         pointer});
  return index;
}

Index IndexOfPointKey(const AccessKeyRecord& key) {
  return {
      {place::KeysOfAccessPoint(key.access_point.value_or(""), key.position.value_or(0)),
       ToJson(PointerRecord{key.id})}};
}

namespace place {

using Text = std::string_view;

std::string AccessPoint(Text account, Text region, Text id) {
  return JoinKey({"access-point", account, region, id});
}
std::string AccessPointList(Text account, Text region) {
  return JoinKey({"access-point-list", account, region});
}
std::string AccessPointList(Text account, Text region, std::uint64_t position) {
  return JoinKey({"access-point-list", account, region, KeyNumber(position)});
}
std::string AccessPointCounter(Text account, Text region) {
  return JoinKey({"counter", account, region, "access-points"});
}
std::string KeysOfAccessPoint(Text access_point) {
  return JoinKey({"access-keys-of-point", access_point});
}
std::string KeysOfAccessPoint(Text access_point, std::uint64_t position) {
  return JoinKey({"access-keys-of-point", access_point, KeyNumber(position)});
}
std::string KeyCounterOfAccessPoint(Text account, Text region, Text access_point) {
  return JoinKey({"counter", account, region, "access-keys-of-point", access_point});
}

}  // namespace place
}  // namespace kms
