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

  Result<void> May(const Reader& /*reader*/, const RequestContext& context,
                   std::string_view /*action*/, const Resource& resource) const override {
    if (!context.principal.root || context.principal.account != resource.account)
      return Reason::kDenied;
    return {};
  }

  Result<void> MayEverywhere(const Reader& /*reader*/, const RequestContext& context,
                             std::string_view action,
                             std::string_view /*kind*/) const override {
    return MayAnywhere(context, action);
  }
};

}  // namespace

Policy::~Policy() = default;

std::unique_ptr<Policy> NewRootPolicy() { return std::make_unique<RootPolicy>(); }

}  // namespace kms
