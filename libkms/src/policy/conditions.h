// Conditions of a policy statement: where a request comes from, when, and over what.

#ifndef KMS_POLICY_CONDITIONS_H_
#define KMS_POLICY_CONDITIONS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kms/clock.h"
#include "kms/policy_document.h"

namespace kms {

// An address, those of v4 as they are mapped into v6, so that both spellings of one are
// the same.
using Address = std::array<std::uint8_t, 16>;

struct AddressRange {
  Address first{};
  int bits = 128;  // that must be equal
};

// ParseAddress reads "192.0.2.1" or "2001:db8::1".
std::optional<Address> ParseAddress(std::string_view text);

// ParseAddressRange reads an address or a CIDR block whose bits after the prefix are 0.
std::optional<AddressRange> ParseAddressRange(std::string_view text);

bool Contains(const AddressRange& range, const Address& address);

// ParseUtc reads "2026-01-31T08:00:00Z".
std::optional<UnixMillis> ParseUtc(std::string_view text);

struct Condition {
  enum class Operator : std::uint8_t {
    kIpAddress,
    kNotIpAddress,  // in none of the ranges
    kDateGreaterThan,
    kDateLessThan,
    kBool
  };
  Operator op = Operator::kBool;
  std::vector<AddressRange> ranges;
  std::vector<UnixMillis> times;
  std::vector<bool> truths;
};

// Holds: a source that is no address is in no range.
bool Holds(const Condition& condition, const PolicyQuestion& question);

}  // namespace kms

#endif  // KMS_POLICY_CONDITIONS_H_
