// The policy of accounts with users: the root user, and what others were granted.

#include <memory>
#include <string>
#include <utility>

#include "identity/records.h"
#include "keys/lru_cache.h"
#include "kms/policy.h"
#include "policy/user_policies.h"

namespace kms {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{32} << 20;

class IamPolicy final : public Policy {
 public:
  IamPolicy(const KeyStore& store, const Clock& clock, const ActionTable& actions)
      : store_(store), clock_(clock), tables_(actions), cache_(kCacheBytes) {}

  Result<void> MayAnywhere(const RequestContext& context,
                           std::string_view action) const override {
    if (context.principal.root) return {};
    const auto index = tables_.actions.Find(action);
    if (!index) return Reason::kDenied;
    KMS_TRY(const auto snapshot, store_.Read());
    KMS_TRY(const auto held, PoliciesOf(*snapshot, context.principal));
    if (!held->MayAnywhere(Question(context, *index, KindOf(action), {})))
      return Reason::kDenied;
    return {};
  }

  Result<void> May(const Reader& reader, const RequestContext& context,
                   std::string_view action, const Resource& resource) const override {
    if (context.principal.account != resource.account) return Reason::kDenied;
    if (context.principal.root) return {};
    const auto index = tables_.actions.Find(action);
    if (!index) return Reason::kDenied;
    KMS_TRY(const auto held, PoliciesOf(reader, context.principal));
    const auto decision = held->Decide(
        Question(context, *index, resource.kind, resource.id), resource.project);
    if (decision.effect != PolicyVerdict::Effect::kAllow) return Reason::kDenied;
    return {};
  }

  Result<void> MayEverywhere(const Reader& reader, const RequestContext& context,
                             std::string_view action,
                             std::string_view kind) const override {
    if (context.principal.root) return {};
    const auto index = tables_.actions.Find(action);
    if (!index) return Reason::kDenied;
    KMS_TRY(const auto held, PoliciesOf(reader, context.principal));
    if (!held->MayEverywhere(Question(context, *index, kind, {}))) return Reason::kDenied;
    return {};
  }

 private:
  struct Cached {
    Revision revision;
    std::shared_ptr<const UserPolicies> policies;
  };

  PolicyQuestion Question(const RequestContext& context, std::size_t action,
                          std::string_view kind, std::string_view id) const {
    return {.action = action,
            .kind = kind,
            .id = id,
            .source = context.source,
            .now = clock_.Now(),
            .tls = context.tls};
  }

  Result<std::shared_ptr<const UserPolicies>> PoliciesOf(
      const Reader& reader, const Principal& principal) const {
    // Inside a transaction that changes them, the revision is 0, and nothing is kept.
    KMS_TRY(const auto changed, reader.Get(place::Iam(principal.account)));
    const Revision revision = changed ? changed->revision : 0;
    std::string key;
    key.reserve(principal.account.size() + principal.user.size() + 1);
    key.append(principal.account).append(1, '\0').append(principal.user);
    if (revision != 0) {
      const auto cached = cache_.Find(key);
      if (cached != nullptr && cached->revision == revision) return cached->policies;
    }
    KMS_TRY(auto loaded,
            UserPolicies::Load(reader, principal.account, principal.user, tables_));
    if (revision != 0)
      cache_.Put(std::move(key), std::make_shared<const Cached>(Cached{revision, loaded}),
                 loaded->footprint_bytes());
    return loaded;
  }

  const KeyStore& store_;
  const Clock& clock_;
  const PolicyTables tables_;
  mutable LruCache<Cached> cache_;  // by account and user
};

}  // namespace

std::unique_ptr<Policy> NewIamPolicy(const KeyStore& store, const Clock& clock,
                                     const ActionTable& actions) {
  return std::make_unique<IamPolicy>(store, clock, actions);
}

}  // namespace kms
