#include "kms/access_point_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace kms {
namespace {

constexpr std::string_view kKeyActions = "kms:cmk:";
constexpr std::string_view kCertificateActions = "kms:cert:";
constexpr std::uint8_t kMappedHead[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;
constexpr int kBits = 128;

// Reads a plain address, and tells which bit its own prefix begins at.
bool ReadAddress(std::string_view text, AddressBlock& block, int& first_bit) {
  const std::string whole(text);
  if (::inet_pton(AF_INET, whole.c_str(), block.address + sizeof kMappedHead) == 1) {
    std::memcpy(block.address, kMappedHead, sizeof kMappedHead);
    first_bit = kMappedBits;
    return true;
  }
  first_bit = 0;
  return ::inet_pton(AF_INET6, whole.c_str(), block.address) == 1;
}

bool BitAt(const AddressBlock& block, int bit) {
  return (block.address[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

bool Contains(const AddressBlock& block, const AddressBlock& address) {
  const auto bytes = static_cast<std::size_t>(block.prefix_bits / 8);
  if (std::memcmp(block.address, address.address, bytes) != 0) return false;
  for (int bit = block.prefix_bits / 8 * 8; bit < block.prefix_bits; ++bit)
    if (BitAt(block, bit) != BitAt(address, bit)) return false;
  return true;
}

class AccessPointPolicy final : public Policy {
 public:
  Result<void> MayAnywhere(const RequestContext& context,
                           std::string_view action) const override {
    const Principal& principal = context.principal;
    if (principal.access_point.empty() || context.access_point_rules == nullptr ||
        !IsAccessPointAction(action) ||
        !context.access_point_rules->actions().Allows(action))
      return Reason::kDenied;
    const bool on_keys = action.starts_with(kKeyActions);
    if (principal.scope != AccessKeyScope::kFull &&
        (principal.scope == AccessKeyScope::kKeys) != on_keys)
      return Reason::kDenied;
    return {};
  }

  Result<void> May(const Reader& /*reader*/, const RequestContext& context,
                   std::string_view action, const Resource& resource) const override {
    KMS_CHECK_OK(MayAnywhere(context, action));
    if (resource.account != context.principal.account ||
        resource.region != context.region)
      return Reason::kDenied;
    const NameCheck& check = context.access_point_rules->resources();
    const bool allowed = !resource.id.empty()        ? check.Allows(resource.id)
                         : !resource.project.empty() ? true
                                                     : check.AllowsAll();
    if (!allowed) return Reason::kDenied;
    return {};
  }

  Result<void> MayEverywhere(const Reader& /*reader*/, const RequestContext& context,
                             std::string_view action,
                             std::string_view /*kind*/) const override {
    KMS_CHECK_OK(MayAnywhere(context, action));
    if (!context.access_point_rules->resources().AllowsAll()) return Reason::kDenied;
    return {};
  }
};

class PrincipalPolicy final : public Policy {
 public:
  PrincipalPolicy(const Policy& users, const Policy& access_points)
      : users_(users), access_points_(access_points) {}

  Result<void> MayAnywhere(const RequestContext& context,
                           std::string_view action) const override {
    if (!context.principal.access_point.empty())
      KMS_CHECK_OK(access_points_.MayAnywhere(context, action));
    return users_.MayAnywhere(context, action);
  }
  Result<void> May(const Reader& reader, const RequestContext& context,
                   std::string_view action, const Resource& resource) const override {
    if (!context.principal.access_point.empty())
      KMS_CHECK_OK(access_points_.May(reader, context, action, resource));
    return users_.May(reader, context, action, resource);
  }
  Result<void> MayEverywhere(const Reader& reader, const RequestContext& context,
                             std::string_view action,
                             std::string_view kind) const override {
    if (!context.principal.access_point.empty())
      KMS_CHECK_OK(access_points_.MayEverywhere(reader, context, action, kind));
    return users_.MayEverywhere(reader, context, action, kind);
  }

 private:
  const Policy& users_;
  const Policy& access_points_;
};

}  // namespace

Result<AddressBlock> ParseAddressBlock(std::string_view text) {
  const std::size_t slash = text.find('/');
  AddressBlock block;
  int first_bit = 0;
  if (!ReadAddress(text.substr(0, slash), block, first_bit)) return Reason::kBadParameter;
  if (slash == std::string_view::npos) return block;
  const std::string_view digits = text.substr(slash + 1);
  int bits = -1;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits < 0 ||
      bits > kBits - first_bit || (digits.size() > 1 && digits.front() == '0'))
    return Reason::kBadParameter;
  block.prefix_bits = first_bit + bits;
  for (int bit = block.prefix_bits; bit < kBits; ++bit)
    if (BitAt(block, bit)) return Reason::kBadParameter;
  return block;
}

bool AccessPointRules::AllowsAddress(std::string_view address) const {
  if (!checks_addresses_) return true;
  AddressBlock block;
  int first_bit = 0;
  if (!ReadAddress(address, block, first_bit)) return false;
  return std::ranges::any_of(
      addresses_, [&](const AddressBlock& each) { return Contains(each, block); });
}

bool IsAccessPointAction(std::string_view action) {
  return action.starts_with(kKeyActions) || action.starts_with(kCertificateActions);
}

std::unique_ptr<Policy> NewAccessPointPolicy() {
  return std::make_unique<AccessPointPolicy>();
}

std::unique_ptr<Policy> NewPrincipalPolicy(const Policy& users,
                                           const Policy& access_points) {
  return std::make_unique<PrincipalPolicy>(users, access_points);
}

}  // namespace kms
