#include "kms/policy.h"

namespace kms {
namespace {

class RootPolicy final : public Policy {
 public:
  Result<void> MayAnywhere(const RequestContext& context,
                           std::string_view /*action*/) const override {
    if (!context.principal.root) return Reason::kDenied;
    return {};
  }

  Result<void> May(const RequestContext& context, std::string_view /*action*/,
                   const Resource& resource) const override {
    if (!context.principal.root || context.principal.account != resource.account)
      return Reason::kDenied;
    return {};
  }
};

}  // namespace

Policy::~Policy() = default;

std::unique_ptr<Policy> NewRootPolicy() { return std::make_unique<RootPolicy>(); }

}  // namespace kms
