// AccessPointRules: what an access point lets its access keys do, compiled; and the
// policy that asks it.
//
// Which actions (URI policy) and which resources: each check is closed at first, and
// allows everything; then it allows what is on its list, or all but that. From which
// addresses: anywhere, until a whitelist is switched on.
//
// Threads: immutable.

#ifndef KMS_ACCESS_POINT_RULES_H_
#define KMS_ACCESS_POINT_RULES_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/policy.h"
#include "kms/result.h"

namespace kms {

// A block of addresses. IPv4 lies among IPv6 as ::ffff:0:0/96, so that both spellings of
// an address are one.
struct AddressBlock {
  std::uint8_t address[16] = {};
  int prefix_bits = 128;  // 0 to 128
};

// ParseAddressBlock reads an address, or a block such as 10.0.0.0/8 or 2001:db8::/32,
// whose bits beyond the prefix are zero.
// Fails: kBadParameter.
Result<AddressBlock> ParseAddressBlock(std::string_view text);

// What a check allows of names.
enum class CheckKind : std::uint8_t {
  kClosed,  // everything
  kOnly,    // what is listed
  kAllBut   // what is not
};

class NameCheck {
 public:
  NameCheck() = default;
  NameCheck(CheckKind kind, std::vector<std::string> names)
      : kind_(kind), names_(std::move(names)) {
    std::ranges::sort(names_);
  }

  bool Allows(std::string_view name) const {
    return kind_ == CheckKind::kClosed ||
           std::ranges::binary_search(names_, name) == (kind_ == CheckKind::kOnly);
  }
  // Whether there is no name that it refuses.
  bool AllowsAll() const {
    return kind_ == CheckKind::kClosed || (kind_ == CheckKind::kAllBut && names_.empty());
  }
  bool open() const { return kind_ != CheckKind::kClosed; }

 private:
  CheckKind kind_ = CheckKind::kClosed;
  std::vector<std::string> names_;  // ascending: asked on every request, without a copy
};

class AccessPointRules {
 public:
  AccessPointRules(NameCheck actions, NameCheck resources, bool checks_addresses,
                   std::vector<AddressBlock> addresses)
      : actions_(std::move(actions)),
        resources_(std::move(resources)),
        checks_addresses_(checks_addresses),
        addresses_(std::move(addresses)) {}

  const NameCheck& actions() const { return actions_; }
  const NameCheck& resources() const { return resources_; }

  // AllowsAddress: whether the whitelist is off, or `address` is on it. What is no
  // address is on no list.
  bool AllowsAddress(std::string_view address) const;

 private:
  const NameCheck actions_;
  const NameCheck resources_;
  const bool checks_addresses_;
  const std::vector<AddressBlock> addresses_;
};

// IsAccessPointAction: whether access points offer `action` at all: those on keys
// (kms:cmk:…) and on certificates (kms:cert:…), and no other.
bool IsAccessPointAction(std::string_view action);

// NewAccessPointPolicy returns the policy for access keys of access points. In this
// order: the action's URI policy, the scope of the access key, and, once it is known, the
// resource. It asks the rules in the context and reads no store. A resource without an
// id but with a project is a new one, which no list can name: it is allowed. One with
// neither stands for all of the region.
std::unique_ptr<Policy> NewAccessPointPolicy();

// NewPrincipalPolicy returns a policy that asks `users` about the user of an access key,
// and about access keys of access points `access_points` first: such a key may do what
// its access point allows, and no more than the user who made it. Both outlive it.
std::unique_ptr<Policy> NewPrincipalPolicy(const Policy& users,
                                           const Policy& access_points);

}  // namespace kms

#endif  // KMS_ACCESS_POINT_RULES_H_
