#include "world.h"

#include <stdlib.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace kms::bench {
namespace {

constexpr std::size_t kQueueLines = 1'000'000;

// What an application's user holds: one statement allows what it does, others do not
// concern it.
constexpr std::string_view kDocuments[] = {
    R"({"Version": "1.1", "Statement": [
         {"Effect": "Allow", "Resource": "cmk/*",
          "Action": ["kms:cmk:encrypt", "kms:cmk:decrypt", "kms:cmk:generateDataKey"],
          "Condition": {"IpAddress": {"kms:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}}}]})",
    R"({"Version": "1.1", "Statement": [
         {"Effect": "Allow", "Action": ["kms:cmk:list*", "kms:cmk:describe*"],
          "Resource": "*"},
         {"Effect": "Deny", "Action": "kms:cmk:*", "Resource": "cmk/00000000-*"}]})",
    R"({"Version": "1.1", "Statement": [
         {"Effect": "Deny", "Action": "kms:iam:*", "Resource": "*"}]})"};

// Makes the user, and makes `world` act as it.
void BecomeUser(World& world) {
  RequestContext& root = world.me;
  IamService& iam = world.kms->iam();
  const std::string user = iam.users.Create(root, {"application", {}}).value().id;
  int number = 0;
  for (const std::string_view document : kDocuments) {
    const std::string name = "group-" + std::to_string(number++);
    const std::string group = iam.groups.Create(root, {name, {}}).value().id;
    const std::string policy = iam.policies.Create(root, {name, {}}, document).value().id;
    if (!iam.groups.AddUser(root, group, user) ||
        !iam.policies.Grant(root, {group, policy, {}}))
      std::abort();
  }
  CreatedAccessKey made = iam.access_keys.Create(root, user).value();
  world.secret = std::move(*made.secret);
  root.principal.root = false;
  root.principal.user = user;
  root.principal.access_key = made.description.id;
}

}  // namespace

ScratchFolder::ScratchFolder()
    : path_((std::filesystem::temp_directory_path() / "kms-bench-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}
ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

World::World(const WorldOptions& options)
    : store(options.on_disk ? OpenLmdbKeyStore(folder.path()).value()
                            : NewMemoryKeyStore()),
      actions(server::ActionsOf(server::AllOperations())),
      users(NewIamPolicy(*store, *clock, actions)),
      policy(NewPrincipalPolicy(*users, *access_points)),
      kms(Kms::Open({.store = *store,
                     .root = *root,
                     .software = *backend,
                     .policy = *policy,
                     .clock = *clock,
                     .actions = &actions})
              .value()),
      identity(std::make_unique<Identity>(*store, *root, *backend, *clock)),
      authenticator(std::make_unique<server::Authenticator>(server::Authenticator::Parts{
          .signer = *signer,
          .find = [this](std::string_view id) { return identity->Find(id); },
          .guard = guard,
          .clock = *clock,
          .time = {}})) {
  const Identity::HandOver take = [&](const NewAccessKey& made) -> Result<void> {
    me.principal = made.principal;
    secret = made.secret.Clone();
    return {};
  };
  if (!identity->CreateAccount(take)) std::abort();
  me.region = "here";
  key = kms->keys().Create(me, {}).value().id;
  if (options.as_user) BecomeUser(*this);
  if (options.audit) {
    AuditSettings settings;
    settings.queue_lines = kQueueLines;
    audit = OpenAuditLog({.folder = folder.path() + "/audit",
                          .store = *store,
                          .root = *root,
                          .backend = *backend,
                          .clock = *clock},
                         settings)
                .value();
  }
  dispatcher = std::make_unique<server::Dispatcher>(
      server::DispatcherParts{.kms = *kms,
                              .dialect = *dialect,
                              .authenticator = *authenticator,
                              .policy = *policy,
                              .clock = *clock,
                              .lanes = lanes,
                              .metrics = metrics,
                              .operations = server::AllOperations(),
                              .regions = {"here"},
                              .audit = audit.get()});
}

World::~World() = default;

}  // namespace kms::bench
