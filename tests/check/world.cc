#include "check/world.h"

#include "audit/keys.h"
#include "certificates/outside.h"
#include "core/json_record.h"
#include "keys/records.h"
#include "keys/token_records.h"

namespace kms::testing {
namespace {

constexpr std::uint32_t kRoot = 3;  // that FakeHsm tells of
constexpr UnixMillis kWeek = 7LL * 24 * 60 * 60 * 1000;

class MapSnapshot final : public Snapshot {
 public:
  explicit MapSnapshot(const Records& records) : records_(records) {}

  Result<std::optional<RecordView>> Get(std::string_view key) const override {
    const auto found = records_.find(std::string(key));
    if (found == records_.end()) return std::optional<RecordView>();
    return std::optional(RecordView{found->second.value, found->second.revision});
  }
  Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                   std::size_t limit) const override {
    std::vector<Record> found;
    for (auto at = records_.lower_bound(std::string(std::max(prefix, from)));
         at != records_.end() && at->first.starts_with(prefix) && found.size() < limit;
         ++at)
      found.push_back(at->second);
    return found;
  }
  Revision revision() const override { return 1; }

 private:
  const Records& records_;
};

}  // namespace

Records RecordsOf(const KeyStore& store) {
  Records all;
  const auto snapshot = store.Read().value();
  for (Record& record : snapshot->Scan({}, {}, SIZE_MAX).value())
    all[record.key] = record;
  return all;
}

Result<std::unique_ptr<Snapshot>> MapStore::Read() const {
  return std::unique_ptr<Snapshot>(std::make_unique<MapSnapshot>(records_));
}

World::World() {
  clock.Advance(x509::testing::kNow - clock.Now());
  kms = Kms::Open({.store = *store,
                   .root = *root,
                   .software = software,
                   .hsm = &hsm,
                   .policy = *policy,
                   .clock = clock,
                   .actions = &IamActions()})
            .value();
  MakeIdentities();
  MakeKeys();
  MakeImports();
  MakeCertificates();
  MakeTrail();
  records = RecordsOf(*store);
}

std::vector<std::string> World::FindingsIn(const Records& of) const {
  std::vector<std::string> lines;
  const MapStore changed(of);
  const auto checked = CheckStore(PartsOf(changed), [&](const StoreFinding& finding) {
    lines.push_back(finding.place + ": " + finding.fault);
  });
  EXPECT_OK(checked);
  EXPECT_EQ(checked ? checked->findings : 0, lines.size());
  return lines;
}

RequestContext World::Request() {
  RequestContext context = root_context;
  context.request_id = "request-" + std::to_string(++requests_);
  context.replayable_until = clock.Now() + 1000;
  return context;
}

void World::MakeIdentities() {
  IamService& all = kms->iam();
  const RequestContext& me = root_context;
  const auto user = all.users.Create(me, {"ann", ""}).value();
  const auto group = all.groups.Create(me, {"crew", ""}).value();
  EXPECT_OK(all.groups.AddUser(me, group.id, user.id));
  EXPECT_OK(all.access_keys.Create(me, user.id));
  const auto away = all.users.Create(me, {"bob", ""}).value();
  EXPECT_OK(all.access_keys.Create(me, away.id));
  EXPECT_OK(all.users.SetEnabled(me, away.id, false));
  EXPECT_OK(all.projects.Create(me, "tests", {"tests", ""}));
  const auto own = all.policies.Create(
      me, {"readers", ""},
      R"({"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["kms:cmk:list"],
          "Resource": ["*"]}]})");
  EXPECT_OK(all.policies.Grant(me, {group.id, own.value().id, "tests"}));
  EXPECT_OK(all.policies.Grant(me, {group.id, "KMSFullAccess", ""}));

  const auto point = kms->access_points().Create(
      me, {.name = "p", .vpc = "v", .subnet = "s", .project = "tests"});
  EXPECT_OK(kms->access_points().CreateKey(me, point.value().id, AccessKeyScope::kFull));
  EXPECT_OK(kms->access_points().CreateKey(me, point.value().id, AccessKeyScope::kKeys));
  EXPECT_OK(kms->access_points().Create(me, {.name = "q", .vpc = "v", .subnet = "s"}));
}

void World::MakeKeys() {
  KeyService& keys = kms->keys();
  const RequestContext& me = root_context;
  const std::string rotated =
      keys.Create(Request(),
                  {.rotation_days = 7, .alias = "alias/one", .project = "tests"})
          .value()
          .id;
  EXPECT_OK(kms->aliases().Create(Request(), rotated, "alias/two"));
  const std::string pair =
      keys.Create(me, {.spec = KeySpec::kSm2, .usage = KeyUsage::kSignVerify}).value().id;
  EXPECT_OK(kms->versions().Create(me, pair));
  EXPECT_OK(keys.Create(me, {.spec = KeySpec::kRsa2048}));
  const std::string leaving = keys.Create(me, {.spec = KeySpec::kSm4}).value().id;
  EXPECT_OK(keys.ScheduleDeletion(me, leaving, 30));
  RequestContext elsewhere = me;
  elsewhere.region = "region-2";
  EXPECT_OK(keys.Create(elsewhere, {.alias = "alias/one"}));
  EXPECT_OK(kms->default_keys().Of(me, "ecs", "kms:cmk:generateDataKey"));
  const auto hsm_key = keys.Create(me, {.level = ProtectionLevel::kHsm});

  const Tag tag = kms->tags().Create(me, "stage", "test").value();
  const Tag other = kms->tags().Create(me, "owner", "ann").value();
  EXPECT_OK(kms->tags().Bind(me, rotated, {tag.id, tag.key, tag.value}));
  EXPECT_OK(kms->tags().Bind(me, rotated, {other.id, other.key, other.value}));
  EXPECT_OK(kms->tags().Bind(me, pair, {tag.id, tag.key, tag.value}));

  clock.Advance(kWeek);
  EXPECT_EQ(kms->RunDueWork().value().rotated, 1u);
  EXPECT_OK(keys.Disable(Request(), rotated));
  MakeTokenRecords(hsm_key.value().id);
}

// What the adapter of a token writes.
void World::MakeTokenRecords(const std::string& hsm_key) {
  const std::string& account = root_context.principal.account;
  const std::string version =
      kms->keys().Describe(root_context, hsm_key).value().primary_version;
  EXPECT_OK(store->Update([&](Transaction& transaction) -> Result<void> {
    transaction.Put(place::HsmRoot(kRoot), WriteRecord(HsmRootRecord{.index = kRoot,
                                                                     .id = "root",
                                                                     .serial = "1",
                                                                     .made = true,
                                                                     .seal = Bytes(8)}));
    transaction.Put(place::HsmRootNonces(kRoot), WriteRecord(NonceCountRecord{1024}));
    transaction.Put(place::TokenNonces(Place{account, hsm_key, version, {}, {}}),
                    WriteRecord(NonceCountRecord{1024}));
    transaction.Put(place::Discard("instance"),
                    ToJson(DiscardRecord{"instance", "gone", 0}));
    return {};
  }));
}

void World::MakeImports() {
  constexpr auto kOaep = EncryptionAlgorithm::kRsaOaepSha256;
  const RequestContext& me = root_context;
  for (const bool removed : {false, true}) {
    const std::string key =
        kms->keys().Create(me, {.origin = KeyOrigin::kExternal}).value().id;
    const auto parameters = kms->imports().GetParameters(me, key, kOaep).value();
    const Bytes wrapped = backend->LoadPublic(parameters.public_key)
                              .value()
                              ->Encrypt(kOaep, Bytes(32, 7))
                              .value();
    EXPECT_OK(kms->imports().ImportMaterial(me, key, parameters.token, wrapped,
                                            clock.Now() + 10 * kWeek));
    if (!removed) continue;
    EXPECT_OK(kms->imports().DeleteMaterial(me, key));
  }
  EXPECT_OK(kms->keys().Create(me, {.origin = KeyOrigin::kExternal}));
}

void World::MakeCertificates() {
  const RequestContext& me = root_context;
  CertificateService& certificates = kms->certificates();
  EXPECT_OK(certificates.Create(
      me, {.spec = KeySpec::kSm2, .subject = "CN=pending,C=CN,O=Example"}));
  const auto active =
      certificates.Create(me, {.spec = KeySpec::kSm2,
                               .subject = "CN=www.example.com,C=CN,O=Example",
                               .project = "tests"});
  const Hierarchy& ca = OutsideCa(KeySpec::kSm2);
  EXPECT_OK(certificates.Import(me, active.value().id, Issued(active.value().request, ca),
                                ChainOf(ca)));
  const Tag tag = kms->tags().Create(me, "stage", "live").value();
  EXPECT_OK(kms->tags().Bind(me, active.value().id, {tag.id, tag.key, tag.value}));
  const std::string leaf = x509::CertificatePem(ca.leaf);
  const std::string chain = ChainOf(ca);
  EXPECT_OK(kms->usb_key_certificates().Import(
      me, {.name = "a key", .certificate = leaf, .chain = chain}));
}

void World::MakeTrail() {
  EXPECT_OK(audit::EnsureKeys(*store, *root, *backend));
  EXPECT_OK(store->Update([](Transaction& transaction) -> Result<void> {
    audit::PutMark(transaction, 7, std::string(64, 'a'));
    return {};
  }));
}

}  // namespace kms::testing
