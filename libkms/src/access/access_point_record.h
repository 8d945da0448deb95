// The record of an access point, and where it lies.

#ifndef KMS_ACCESS_ACCESS_POINT_RECORD_H_
#define KMS_ACCESS_ACCESS_POINT_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/index_entry.h"
#include "identity/access_key_record.h"
#include "kms/access_point_service.h"

namespace kms {

struct AccessPointRecord {
  std::string id;
  std::string account;
  std::string region;
  std::string project;
  std::string creator;
  std::string endpoint;
  std::string name;
  std::string vpc;
  std::string subnet;
  std::string email;
  std::string description;
  UnixMillis created = 0;
  std::uint64_t position = 0;  // among the access points of its account and region

  CheckKind action_check = CheckKind::kClosed;
  std::vector<std::string> actions;  // ascending
  CheckKind resource_check = CheckKind::kClosed;
  std::vector<std::string> resources;  // ids, ascending
  bool checks_addresses = false;
  std::vector<std::string> addresses;
};

// What a request for a new access key is answered with again.
struct PointKeyOutcome {
  std::string id;
  std::string user;
  AccessKeyScope scope = AccessKeyScope::kFull;
};

std::string WriteAccessPoint(const AccessPointRecord& record);
std::string WritePointKeyOutcome(const PointKeyOutcome& outcome);
// Fail: kCorrupt.
Result<AccessPointRecord> ReadAccessPoint(std::string_view json);
Result<PointKeyOutcome> ReadPointKeyOutcome(std::string_view json);

// Compile makes what requests ask of the record. Fails: kCorrupt.
Result<AccessPointRules> Compile(const AccessPointRecord& record);

// ChangeCheck opens the check if it is closed, and lets `names` (which need not be
// sorted) in or keeps them out.
void ChangeCheck(CheckKind& kind, std::vector<std::string>& listed, PolicyChange change,
                 std::vector<std::string> names);

// The index entries that follow from an access point, and from one of its access keys.
Index IndexOf(const AccessPointRecord& point);
Index IndexOfPointKey(const AccessKeyRecord& key);

namespace place {
std::string AccessPoint(std::string_view account, std::string_view region,
                        std::string_view id);
std::string AccessPointList(std::string_view account, std::string_view region);
std::string AccessPointList(std::string_view account, std::string_view region,
                            std::uint64_t position);
std::string AccessPointCounter(std::string_view account, std::string_view region);
std::string KeysOfAccessPoint(std::string_view access_point);
std::string KeysOfAccessPoint(std::string_view access_point, std::uint64_t position);
std::string KeyCounterOfAccessPoint(std::string_view account, std::string_view region,
                                    std::string_view access_point);
}  // namespace place

}  // namespace kms

#endif  // KMS_ACCESS_ACCESS_POINT_RECORD_H_
