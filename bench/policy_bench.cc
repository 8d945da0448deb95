// What a decision costs, beside that of the root user, which asks no policy: of a user in
// ten groups, each with a policy of twenty statements.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "kms/access_point_rules.h"
#include "kms/identity.h"
#include "kms/kms.h"

namespace kms {
namespace {

constexpr int kGroups = 10;
constexpr int kStatements = 20;
constexpr std::string_view kAction = "kms:cmk:encrypt";
constexpr std::string_view kKey = "0a1b2c3d-0000-4000-8000-000000000000";

class World {
 public:
  World() {
    const Identity::HandOver take = [&](const NewAccessKey& made) -> Result<void> {
      root.principal = made.principal;
      return {};
    };
    if (!identity.CreateAccount(take)) std::abort();
    root.region = "here";
    root.source = "10.0.0.1";
    root.tls = true;
    IamService& iam = kms->iam();
    user = root;
    user.principal.root = false;
    user.principal.user = iam.users.Create(root, {"user", {}}).value().id;
    for (int i = 0; i < kGroups; ++i) {
      const std::string name = "g" + std::to_string(i);
      const std::string group = iam.groups.Create(root, {name, {}}).value().id;
      const std::string granted =
          iam.policies.Create(root, {name, {}}, Document(i)).value().id;
      if (!iam.groups.AddUser(root, group, user.principal.user) ||
          !iam.policies.Grant(root, {group, granted, {}}))
        std::abort();
    }
  }

  // One of all statements allows, and none denies.
  static std::string Document(int number) {
    std::string text = R"({"Version": "1.1", "Statement": [)";
    for (int i = 0; i < kStatements; ++i) {
      const bool allows = number == kGroups / 2 && i == kStatements / 2;
      text += i == 0 ? "" : ",";
      text += R"({"Effect": ")" + std::string(allows ? "Allow" : "Deny") +
              R"(", "Action": "kms:cmk:*", "Resource": "cmk/)" +
              (allows ? std::string("*") : std::to_string(i) + "-*") +
              R"(", "Condition": {"IpAddress": {"kms:SourceIp": "10.0.0.0/8"}}})";
    }
    return text + "]}";
  }

  const ActionTable actions{{{kAction, true, true}, {"kms:cmk:decrypt", true, true}}};
  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root_key = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewSoftwareBackend(*root_key);
  std::unique_ptr<Clock> clock = NewSystemClock();
  std::unique_ptr<Policy> policy = NewIamPolicy(*store, *clock, actions);
  std::unique_ptr<Kms> kms = Kms::Open({.store = *store,
                                        .root = *root_key,
                                        .software = *backend,
                                        .policy = *policy,
                                        .clock = *clock,
                                        .actions = &actions})
                                 .value();
  Identity identity{*store, *root_key, *backend, *clock};
  RequestContext root, user;
};

World& TheWorld() {
  static World world;
  return world;
}

void Decide(benchmark::State& state, const RequestContext& context) {
  const World& world = TheWorld();
  const auto snapshot = world.store->Read().value();
  const Resource resource{context.principal.account, "here", "default", kKey};
  for (auto _ : state)
    if (!world.policy->May(*snapshot, context, kAction, resource)) std::abort();
}

void BM_MayOfTheRootUser(benchmark::State& state) { Decide(state, TheWorld().root); }
BENCHMARK(BM_MayOfTheRootUser);

void BM_MayOfAUser(benchmark::State& state) { Decide(state, TheWorld().user); }
BENCHMARK(BM_MayOfAUser)->ThreadRange(1, 2);

// What every request asks first; it reads the store for itself.
void BM_MayAnywhereOfAUser(benchmark::State& state) {
  const World& world = TheWorld();
  for (auto _ : state)
    if (!world.policy->MayAnywhere(world.user, kAction)) std::abort();
}
BENCHMARK(BM_MayAnywhereOfAUser)->ThreadRange(1, 2);

}  // namespace
}  // namespace kms

BENCHMARK_MAIN();
