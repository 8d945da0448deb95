// The life of certificates: made, signed outside, imported, renewed, switched, exported,
// deleted.

#include "kms/certificate_service.h"

#include <functional>

#include "certificates/fixture.h"
#include "kms/encoding.h"
#include "x509/pkcs12.h"
#include "x509/pkcs12_files.h"

namespace kms {
namespace {

using testing::ChainOf;
using testing::Contents;
using testing::Fails;
using testing::Issued;
using testing::KeyOfRequest;
using testing::OutsideCa;
using testing::Pkcs12Of;
using x509::testing::kDay;
using x509::testing::kNow;
using enum CertificateStatus;

class CertificateServiceTest : public testing::CertificateTest {
 protected:
  RequestContext Request(const std::string& id, std::uint8_t what = 1) {
    RequestContext request = me;
    request.request_id = id;
    request.fingerprint.fill(what);
    request.replayable_until = clock.Now() + 30 * 60 * 1000;
    return request;
  }
  static SecretBytes Pass(std::string_view text = testing::kFilePass) {
    return SecretBytes::CopyOf(AsBytes(text));
  }
  Result<std::string> ImportFile(const Bytes& file, const SecretBytes& pass) {
    return certificates().ImportPkcs12(me, {.file = file, .pass_phrase = pass});
  }
};

class EverySpec : public CertificateServiceTest,
                  public ::testing::WithParamInterface<KeySpec> {};

TEST_P(EverySpec, BeginsAsARequest) {
  NewCertificate wanted = Wanted(GetParam());
  wanted.alternative_names = {"www.example.com", "192.0.2.1"};
  const auto made = certificates().Create(me, wanted).value();
  EXPECT_TRUE(IsUuid(made.id));
  EXPECT_NE(KeyOfRequest(made.request), nullptr);
  EXPECT_EQ(RequestOf(made.id), made.request);
  const auto described = certificates().Describe(me, made.id).value();
  EXPECT_EQ(described.summary.status, kPending);
  EXPECT_EQ(described.summary.spec, GetParam());
  EXPECT_EQ(described.summary.project, "default");
  EXPECT_EQ(described.summary.creator, me.principal.user);
  EXPECT_EQ(described.summary.subject, "");
  EXPECT_FALSE(described.contents.has_value());
  const auto texts = certificates().Get(me, made.id).value();
  EXPECT_EQ(texts.certificate, "");
  EXPECT_EQ(texts.chain, "");
}

TEST_P(EverySpec, IsActiveWithItsCertificate) {
  const std::string id = MakePending(GetParam());
  const auto& ca = OutsideCa(GetParam());
  const std::string certificate =
      Issued(RequestOf(id), ca,
             {.name = "www", .extensions = {{"subjectAltName", "DNS:www.example.com"}}});
  ASSERT_OK(certificates().Import(me, id, certificate, ChainOf(ca)));
  const auto described = certificates().Describe(me, id).value();
  EXPECT_EQ(described.summary.status, kActive);
  EXPECT_EQ(described.summary.subject, "CN=www, C=CN");
  EXPECT_EQ(described.summary.not_after, kNow + 100 * kDay);
  ASSERT_TRUE(described.contents.has_value());
  EXPECT_EQ(described.contents->issuer, "CN=middle, C=CN");
  EXPECT_EQ(described.contents->serial, "0a01");
  EXPECT_EQ(described.contents->signature_algorithm,
            GetParam() == KeySpec::kSm2 ? "SM3withSM2" : "SHA256withRSA");
  EXPECT_EQ(described.contents->alternative_names,
            std::vector<std::string>{"www.example.com"});
  const auto texts = certificates().Get(me, id).value();
  EXPECT_EQ(texts.certificate, certificate);
  EXPECT_EQ(texts.chain, ChainOf(ca));
  EXPECT_EQ(texts.request, RequestOf(id));
}

TEST_P(EverySpec, ComesAsAFile) {
  const auto id = ImportFile(Pkcs12Of(GetParam()), Pass());
  ASSERT_OK(id);
  const auto summary = certificates().Describe(me, *id).value().summary;
  EXPECT_EQ(summary.status, kActive);
  EXPECT_EQ(summary.spec, GetParam());
  EXPECT_FALSE(summary.exportable);
  EXPECT_EQ(summary.subject, "CN=leaf, C=CN");
  const auto texts = certificates().Get(me, *id).value();
  EXPECT_EQ(texts.request, "");
  EXPECT_EQ(texts.chain, ChainOf(OutsideCa(GetParam())));
  const auto algorithm = GetParam() == KeySpec::kSm2 ? SignatureAlgorithm::kSm2
                                                     : SignatureAlgorithm::kRsaPssSha256;
  const SignedMessage message = {algorithm, MessageType::kRaw, AsBytes("hello")};
  const auto signature = compute().Sign(me, *id, message);
  ASSERT_OK(signature);
  EXPECT_TRUE(compute().Verify(me, *id, message, *signature).value());
}

TEST_P(EverySpec, IsExportedUnderAPassPhrase) {
  const std::string id = MakeActive(GetParam(), true);
  const auto exported = certificates().Export(me, id, Pass());
  ASSERT_OK(exported);
  EXPECT_EQ(exported->id, id);
  const auto opened = x509::OpenPkcs12(exported->pkcs12, Pass());
  ASSERT_OK(opened);
  EXPECT_EQ(x509::CertificatePem(opened->certificate), exported->certificate);
  EXPECT_EQ(opened->chain.size(), 2U);
  EXPECT_EQ(exported->chain, ChainOf(OutsideCa(GetParam())));
  EXPECT_TRUE(exported->private_key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY"));
  // What was exported is the key pair, and comes in again.
  EXPECT_OK(ImportFile(exported->pkcs12, Pass()));
}

INSTANTIATE_TEST_SUITE_P(All, EverySpec,
                         ::testing::Values(KeySpec::kRsa2048, KeySpec::kSm2),
                         [](const auto& row) {
                           return row.param == KeySpec::kSm2 ? "Sm2" : "Rsa2048";
                         });

TEST_F(CertificateServiceTest, RefusesRequestsThatAreNone) {
  const auto create = [&](NewCertificate wanted) {
    return certificates().Create(me, wanted);
  };
  NewCertificate wanted = Wanted(KeySpec::kAes256);
  EXPECT_THAT(create(wanted), Fails(Reason::kBadKeySpec));
  wanted.spec = KeySpec::kSm2;
  wanted.subject = "CN=" + std::string(65, 'x') + ",C=CN";
  EXPECT_THAT(create(wanted), Fails(Reason::kBadParameter));
  wanted = Wanted(KeySpec::kSm2);
  wanted.alternative_names = {"a.example", "a.example"};
  EXPECT_THAT(create(wanted), Fails(Reason::kBadParameter));
  wanted = Wanted(KeySpec::kSm2);
  wanted.project = "none";
  EXPECT_THAT(create(wanted), Fails(Reason::kBadParameter));
  wanted = Wanted(KeySpec::kSm2);
  wanted.level = ProtectionLevel::kHsm;
  EXPECT_THAT(create(wanted), Fails(Reason::kHsmKeyCreationFailed));
  wanted.exportable = true;
  EXPECT_THAT(create(wanted), Fails(Reason::kPrivateKeyNotExportable));
  EXPECT_EQ(certificates().List(me, {}, {})->total, 0U);
}

TEST_F(CertificateServiceTest, RefusesCertificatesThatAreNotItsOwn) {
  const std::string id = MakePending(KeySpec::kSm2);
  const auto& ca = OutsideCa(KeySpec::kSm2);
  const std::string good = Issued(RequestOf(id), ca);
  const std::string middle = x509::CertificatePem(ca.middle);
  const std::string top = x509::CertificatePem(ca.root);
  const struct {
    const char* name;
    std::string certificate, chain;
    Reason reason;
  } cases[] = {
      {"another key", x509::CertificatePem(ca.leaf), ChainOf(ca),
       Reason::kCertificateMismatch},
      {"expired", Issued(RequestOf(id), ca, {.not_after = kNow - 1000}), ChainOf(ca),
       Reason::kCertificateMismatch},
      {"a gap in the chain", good, top, Reason::kCertificateMismatch},
      {"the chain upside down", good, top + middle, Reason::kCertificateMismatch},
      {"another chain", good, ChainOf(OutsideCa(KeySpec::kRsa2048)),
       Reason::kCertificateMismatch},
      {"twice", good, middle + middle, Reason::kCertificateMismatch},
      {"garbage", "name-x", ChainOf(ca), Reason::kBadParameter},
      {"nothing", "", ChainOf(ca), Reason::kBadParameter},
      {"trailing data", good + "x", ChainOf(ca), Reason::kBadParameter},
      {"two certificates", good + middle, top, Reason::kBadParameter},
      {"a garbage chain", good, "name-x", Reason::kBadParameter},
  };
  const auto before = Records();
  for (const auto& each : cases)
    EXPECT_THAT(certificates().Import(me, id, each.certificate, each.chain),
                Fails(each.reason))
        << each.name;
  EXPECT_EQ(Records(), before);
  // No trust anchors are here: a chain may end anywhere, and may be empty.
  EXPECT_OK(certificates().Import(me, id, good, middle));
  EXPECT_OK(certificates().Import(me, id, good, ""));
}

TEST_F(CertificateServiceTest, IsRenewedUnderItsId) {
  const std::string id = MakeActive(KeySpec::kSm2);
  const auto& ca = OutsideCa(KeySpec::kSm2);
  const std::string next = Issued(
      RequestOf(id), ca, {.not_before = kNow + kDay, .not_after = kNow + 400 * kDay});
  ASSERT_OK(certificates().Import(me, id, next, ChainOf(ca)));
  EXPECT_EQ(certificates().Get(me, id)->certificate, next);
  EXPECT_EQ(certificates().Describe(me, id)->summary.not_after, kNow + 400 * kDay);
  EXPECT_EQ(StatusOf(id), kActive);
  ASSERT_OK(certificates().SetStatus(me, id, kInactive));
  EXPECT_THAT(certificates().Import(me, id, next, ChainOf(ca)),
              Fails(Reason::kCertificateState));
}

TEST_F(CertificateServiceTest, HasTheStatusesOfTheManual) {
  const std::string id = MakePending(KeySpec::kSm2);
  for (const auto status : {kActive, kInactive, kRevoked})
    EXPECT_THAT(certificates().SetStatus(me, id, status),
                Fails(Reason::kCertificateState));
  Activate(id);
  EXPECT_THAT(certificates().SetStatus(me, id, kPending), Fails(Reason::kBadParameter));
  for (const auto status : {kInactive, kInactive, kActive, kActive, kInactive}) {
    ASSERT_OK(certificates().SetStatus(me, id, status));
    EXPECT_EQ(StatusOf(id), status);
  }
  ASSERT_OK(certificates().SetStatus(me, id, kRevoked));
  EXPECT_OK(certificates().SetStatus(me, id, kRevoked));
  for (const auto status : {kActive, kInactive})
    EXPECT_THAT(certificates().SetStatus(me, id, status),
                Fails(Reason::kCertificateState));
  EXPECT_THAT(
      certificates().Import(me, id, Issued(RequestOf(id), OutsideCa(KeySpec::kSm2)), ""),
      Fails(Reason::kCertificateState));
  EXPECT_EQ(StatusOf(id), kRevoked);
}

TEST_F(CertificateServiceTest, HasTagsUntilItIsDeleted) {
  const std::string id = MakePending(KeySpec::kSm2);
  TagService& tags = kms->tags();
  const std::string tag = tags.Create(me, "env", "prod").value().id;
  const TagName name{tag, "env", "prod"};
  ASSERT_OK(tags.Bind(me, id, name));
  EXPECT_EQ(tags.ListOfResource(me, id)->size(), 1U);
  EXPECT_THAT(tags.ListOfResource(ContextOf("account-2"), id),
              Fails(Reason::kKeyNotFound));
  ASSERT_OK(tags.Unbind(me, id, name));
  EXPECT_TRUE(tags.ListOfResource(me, id)->empty());
  ASSERT_OK(tags.Bind(me, id, name));
  ASSERT_OK(certificates().Delete(me, id));
  EXPECT_THAT(tags.ListOfResource(me, id), Fails(Reason::kKeyNotFound));
  for (const auto& [key, value] : Records())
    EXPECT_EQ(key.find(id), std::string::npos) << key;
  EXPECT_OK(tags.Delete(me, name));
}

TEST_F(CertificateServiceTest, LeavesNothingWhenItIsDeleted) {
  const auto before = Records();
  for (const bool active : {false, true}) {
    const std::string id =
        active ? MakeActive(KeySpec::kSm2) : MakePending(KeySpec::kSm2);
    ASSERT_OK(certificates().Delete(me, id));
    EXPECT_THAT(certificates().Describe(me, id), Fails(Reason::kCertificateNotFound));
    EXPECT_THAT(certificates().Delete(me, id), Fails(Reason::kCertificateNotFound));
    for (const auto& [key, value] : Records()) {
      EXPECT_EQ(key.find(id), std::string::npos) << key;
    }
  }
  EXPECT_EQ(certificates().List(me, {}, {})->total, 0U);
}

TEST_F(CertificateServiceTest, ListsPagesInOrderOfCreation) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(MakePending(KeySpec::kSm2));
  ASSERT_OK(certificates().Delete(me, ids[1]));
  ids.erase(ids.begin() + 1);
  for (std::size_t page = 0; page < 3; ++page) {
    const auto listed = certificates().List(me, {}, {.number = page, .size = 3}).value();
    EXPECT_EQ(listed.total, 4U);
    ASSERT_EQ(listed.items.size(), page == 0 ? 3U : page == 1 ? 1U : 0U);
    for (std::size_t i = 0; i < listed.items.size(); ++i)
      EXPECT_EQ(listed.items[i].id, ids[page * 3 + i]);
  }
}

TEST_F(CertificateServiceTest, BelongsToAnAccountAndARegion) {
  const std::string id = MakeActive(KeySpec::kSm2, true);
  for (const RequestContext& stranger :
       {ContextOf("account-2"), ContextOf("account-1", "region-2")}) {
    const auto absent = Fails(Reason::kCertificateNotFound);
    EXPECT_THAT(certificates().Describe(stranger, id), absent);
    EXPECT_THAT(certificates().Get(stranger, id), absent);
    EXPECT_THAT(certificates().Import(stranger, id, "", ""), absent);
    EXPECT_THAT(certificates().SetStatus(stranger, id, kInactive), absent);
    EXPECT_THAT(certificates().Export(stranger, id, Pass()), absent);
    EXPECT_THAT(certificates().Delete(stranger, id), absent);
    EXPECT_EQ(certificates().List(stranger, {}, {})->total, 0U);
  }
}

TEST_F(CertificateServiceTest, HasAQuota) {
  limits.certificates = 2;
  Reopen();
  const std::string id = MakePending(KeySpec::kSm2);
  MakePending(KeySpec::kSm2);
  EXPECT_THAT(certificates().Create(me, Wanted(KeySpec::kSm2)),
              Fails(Reason::kQuotaUsedUp));
  EXPECT_THAT(ImportFile(Pkcs12Of(KeySpec::kSm2), Pass()), Fails(Reason::kQuotaUsedUp));
  EXPECT_OK(
      certificates().Create(ContextOf("account-1", "region-2"), Wanted(KeySpec::kSm2)));
  ASSERT_OK(certificates().Delete(me, id));
  EXPECT_OK(ImportFile(Pkcs12Of(KeySpec::kSm2), Pass()));
}

TEST_F(CertificateServiceTest, ExportsOnlyWhatMayBeExported) {
  EXPECT_THAT(certificates().Export(me, MakeActive(KeySpec::kSm2), Pass()),
              Fails(Reason::kPrivateKeyNotExportable));
  NewCertificate wanted = Wanted(KeySpec::kSm2);
  wanted.exportable = true;
  const std::string id = Make(wanted);
  EXPECT_THAT(certificates().Export(me, id, Pass()), Fails(Reason::kCertificateState));
  Activate(id);
  const std::string eight_characters = "口令口令口令口令";
  EXPECT_OK(certificates().Export(me, id, Pass(eight_characters)));
  for (const std::string& pass :
       {std::string("seven77"), std::string(65, 'x'), std::string("口令口令口令"),
        std::string("zero\0zero", 9)})
    EXPECT_THAT(certificates().Export(me, id, Pass(pass)), Fails(Reason::kBadParameter));
  ASSERT_OK(certificates().SetStatus(me, id, kInactive));
  EXPECT_OK(certificates().Export(me, id, Pass()));
  ASSERT_OK(certificates().SetStatus(me, id, kRevoked));
  EXPECT_THAT(certificates().Export(me, id, Pass()), Fails(Reason::kCertificateState));
}

TEST_F(CertificateServiceTest, RefusesFilesThatAreNone) {
  const Bytes good = Pkcs12Of(KeySpec::kSm2);
  const auto before = Records();
  const auto wrong = ImportFile(good, Pass("wrong pass"));
  EXPECT_THAT(wrong, Fails(Reason::kBadPkcs12));
  EXPECT_EQ(wrong.error().parameter(), "pkcs12Blob");
  EXPECT_THAT(ImportFile(good, Pass("")), Fails(Reason::kBadPkcs12));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_THAT(ImportFile(longer, Pass()), Fails(Reason::kBadPkcs12));
  EXPECT_THAT(ImportFile(Bytes(100, 1), Pass()), Fails(Reason::kBadPkcs12));
  // More work than anybody should do.
  using namespace x509::testing;
  EXPECT_THAT(ImportFile(FileWithFalseMac({}, Sha256Mac(4'000'000'000)), Pass()),
              Fails(Reason::kBadPkcs12));
  // Out of time.
  TimeIs(kNow + 200 * kDay);
  EXPECT_THAT(ImportFile(good, Pass()), Fails(Reason::kCertificateMismatch));
  EXPECT_EQ(Records(), before);
}

TEST_F(CertificateServiceTest, ARepeatedRequestHasTheFirstOutcome) {
  const auto first = certificates().Create(Request("c"), Wanted(KeySpec::kSm2)).value();
  const auto again = certificates().Create(Request("c"), Wanted(KeySpec::kSm2)).value();
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.request, first.request);
  EXPECT_THAT(certificates().Create(Request("c", 2), Wanted(KeySpec::kSm2)),
              Fails(Reason::kReplayed));

  const auto& ca = OutsideCa(KeySpec::kSm2);
  const std::string certificate = Issued(first.request, ca);
  ASSERT_OK(certificates().Import(Request("i"), first.id, certificate, ChainOf(ca)));
  ASSERT_OK(certificates().SetStatus(Request("s"), first.id, kRevoked));
  EXPECT_OK(certificates().Import(Request("i"), first.id, certificate, ChainOf(ca)))
      << "would be KMS.0902";
  ASSERT_OK(certificates().Delete(Request("d"), first.id));
  EXPECT_OK(certificates().Delete(Request("d"), first.id)) << "would be KMS.0901";

  const Bytes file = Pkcs12Of(KeySpec::kSm2);
  const SecretBytes pass = Pass();
  const NewPkcs12Certificate from_file = {.file = file, .pass_phrase = pass};
  const auto id = certificates().ImportPkcs12(Request("p"), from_file).value();
  EXPECT_EQ(certificates().ImportPkcs12(Request("p"), from_file).value(), id);
  EXPECT_EQ(certificates().List(me, {}, {})->total, 1U);
}

TEST_F(CertificateServiceTest, ADryRunChangesNothing) {
  const std::string pending = MakePending(KeySpec::kSm2);
  const std::string active = MakeActive(KeySpec::kSm2, true);
  const auto& ca = OutsideCa(KeySpec::kSm2);
  const auto before = Records();
  RequestContext dry = me;
  dry.dry_run = true;
  const auto ends = testing::FailsAs(ErrorClass::kDryRun);
  const Bytes file = Pkcs12Of(KeySpec::kSm2);
  const SecretBytes pass = Pass();
  EXPECT_THAT(certificates().Create(dry, Wanted(KeySpec::kRsa2048)), ends);
  EXPECT_THAT(certificates().Import(dry, pending, Issued(RequestOf(pending), ca), ""),
              ends);
  EXPECT_THAT(certificates().ImportPkcs12(dry, {.file = file, .pass_phrase = pass}),
              ends);
  EXPECT_THAT(certificates().SetStatus(dry, active, kRevoked), ends);
  EXPECT_THAT(certificates().Export(dry, active, Pass()), ends);
  EXPECT_THAT(certificates().Delete(dry, active), ends);
  EXPECT_EQ(Records(), before);
}

TEST_F(CertificateServiceTest, IsToldToTheAuditSink) {
  testing::RecordingSink sink;
  const std::string id = MakeActive(KeySpec::kSm2);
  ASSERT_OK(certificates().SetStatus(me, id, kInactive));
  ASSERT_OK(certificates().Delete(me, id));
  ASSERT_EQ(kms->DrainAudit(sink).value(), 4U);
  for (const AuditEvent& event : sink.written) EXPECT_EQ(event.key, id);
}

TEST_F(CertificateServiceTest, IsCountedBeforeItsEnd) {
  const auto count = [&](std::int64_t days) {
    return kms->CountEndingCertificates(days * kDay).value();
  };
  MakePending(KeySpec::kSm2);
  const std::string id = MakePending(KeySpec::kSm2);
  EXPECT_EQ(count(10'000), 0U);
  Activate(id, {.not_after = kNow + 30 * kDay});
  EXPECT_EQ(count(29), 0U);
  EXPECT_EQ(count(30), 1U);
  ASSERT_OK(certificates().SetStatus(me, id, kInactive));
  EXPECT_EQ(count(30), 1U);
  ASSERT_OK(certificates().SetStatus(me, id, kActive));
  Activate(id, {.not_after = kNow + 90 * kDay});  // renewed
  EXPECT_EQ(count(30), 0U);
  TimeIs(kNow + 80 * kDay);
  EXPECT_EQ(count(30), 1U);
  TimeIs(kNow + 91 * kDay);
  EXPECT_EQ(count(30), 0U) << "it has ended";
  TimeIs(kNow + 92 * kDay);
  ASSERT_OK(certificates().SetStatus(me, id, kRevoked));
  EXPECT_EQ(count(-1'000) + count(10'000), 0U);
}

// Walks each operation through a failure of every call to the store.
TEST_F(CertificateServiceTest, IsWholeOrAbsentWhateverCallFails) {
  const auto drop = [](auto result) -> Result<void> {
    if (!result) return std::move(result).error();
    return {};
  };
  const std::string id =
      Make({.spec = KeySpec::kSm2, .exportable = true, .subject = "CN=x,C=CN"});
  const auto& ca = OutsideCa(KeySpec::kSm2);
  const std::string certificate = Issued(RequestOf(id), ca);
  const Bytes file = Pkcs12Of(KeySpec::kSm2);
  const SecretBytes pass = Pass();
  const SignedMessage message = {SignatureAlgorithm::kSm2, MessageType::kRaw,
                                 AsBytes("m")};
  const struct {
    const char* name;
    std::function<Result<void>()> call;
  } steps[] = {
      {"create", [&] { return drop(certificates().Create(me, Wanted(KeySpec::kSm2))); }},
      {"describe pending", [&] { return drop(certificates().Describe(me, id)); }},
      {"import", [&] { return certificates().Import(me, id, certificate, ChainOf(ca)); }},
      {"renew", [&] { return certificates().Import(me, id, certificate, ""); }},
      {"import a file",
       [&] {
         return drop(
             certificates().ImportPkcs12(me, {.file = file, .pass_phrase = pass}));
       }},
      {"list", [&] { return drop(certificates().List(me, {}, {})); }},
      {"describe", [&] { return drop(certificates().Describe(me, id)); }},
      {"get", [&] { return drop(certificates().Get(me, id)); }},
      {"export", [&] { return drop(certificates().Export(me, id, pass)); }},
      {"sign", [&] { return drop(compute().Sign(me, id, message)); }},
      {"verify", [&] { return drop(compute().Verify(me, id, message, {})); }},
      {"revoke", [&] { return certificates().SetStatus(me, id, kRevoked); }},
      {"delete", [&] { return certificates().Delete(me, id); }},
  };
  testing::RecordingSink sink;
  ASSERT_OK(kms->DrainAudit(sink));
  for (const auto& step : steps) {
    for (int n = 1;; ++n) {
      ASSERT_LT(n, 20) << step.name;
      const Revision before = memory->Read().value()->revision();
      store.FailCall(n);
      const Result<void> result = step.call();
      const bool failed = store.HasFailed();
      store.FailCall(0);
      if (!failed) {
        EXPECT_OK(result) << step.name;
        break;
      }
      EXPECT_THAT(result, Fails(Reason::kStoreUnavailable)) << step.name << n;
      EXPECT_EQ(memory->Read().value()->revision(), before)
          << step.name << ": nothing was written";
    }
  }
  sink.written.clear();
  ASSERT_OK(kms->DrainAudit(sink));
  EXPECT_EQ(sink.written.size(), 6U) << "one event for each change that took place";
}

}  // namespace
}  // namespace kms
