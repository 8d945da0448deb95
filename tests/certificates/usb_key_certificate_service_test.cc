// Certificates of USB keys: what is public of them.

#include "kms/usb_key_certificate_service.h"

#include <openssl/evp.h>

#include <functional>

#include "certificates/fixture.h"
#include "crypto/sm2_der.h"
#include "kms/digest.h"

namespace kms {
namespace {

using testing::ChainOf;
using testing::Fails;
using testing::OutsideCa;
using x509::testing::Issue;
using x509::testing::kDay;
using x509::testing::kNow;
using x509::testing::Read;
using x509::testing::Revoke;
using enum CertificateStatus;

class UsbKeyCertificateTest : public testing::CertificateTest {
 protected:
  UsbKeyCertificateService& service() { return kms->usb_key_certificates(); }

  const testing::Hierarchy& ca = OutsideCa(KeySpec::kSm2);
  const std::string leaf = x509::CertificatePem(ca.leaf);
  const std::string chain = ChainOf(ca);
  NewUsbKeyCertificate Wanted() const {
    return {.name = "a key", .certificate = leaf, .chain = chain};
  }
  std::string MakeOne() {
    auto id = service().Import(me, Wanted());
    EXPECT_OK(id);
    return id ? *id : std::string();
  }
  CertificateStatus StatusOf(const std::string& id) {
    return service().Describe(me, id).value().summary.status;
  }
  // By the holder of the USB key.
  static Bytes SignatureOf(const x509::testing::Key& key, std::string_view message) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* of_key = EVP_PKEY_CTX_new(key.get(), nullptr);
    const bool sm2 = EVP_PKEY_is_a(key.get(), "SM2") == 1;
    if (sm2) EVP_PKEY_CTX_set1_id(of_key, "1234567812345678", 16);
    EVP_MD_CTX_set_pkey_ctx(context, of_key);
    EVP_DigestSignInit_ex(context, nullptr, sm2 ? "SM3" : "SHA256", nullptr, nullptr,
                          key.get(), nullptr);
    const ByteView bytes = AsBytes(message);
    std::size_t size = 512;
    Bytes signature(size);
    EXPECT_EQ(
        EVP_DigestSign(context, signature.data(), &size, bytes.data(), bytes.size()), 1);
    signature.resize(size);
    EVP_PKEY_CTX_free(of_key);
    EVP_MD_CTX_free(context);
    return signature;
  }
  Result<bool> Verify(const std::string& id, ByteView signature,
                      std::string_view message = "hello") {
    return service().Verify(me, id, SignatureAlgorithm::kSm2, AsBytes(message),
                            signature);
  }
};

TEST_F(UsbKeyCertificateTest, IsDescribedAndListed) {
  const std::string id = MakeOne();
  const auto described = service().Describe(me, id).value();
  EXPECT_EQ(described.summary.name, "a key");
  EXPECT_EQ(described.summary.status, kActive);
  EXPECT_EQ(described.summary.spec, KeySpec::kSm2);
  EXPECT_EQ(described.summary.subject, "CN=leaf, C=CN");
  EXPECT_FALSE(described.summary.exportable);
  ASSERT_TRUE(described.contents.has_value());
  EXPECT_EQ(described.contents->key_usage, "Digital Signature,Non Repudiation");
  const auto listed = service().List(me, {}, {}).value();
  ASSERT_EQ(listed.total, 1U);
  EXPECT_EQ(listed.items[0].id, id);
}

TEST_F(UsbKeyCertificateTest, IsFilteredInLists) {
  const std::string id = MakeOne();
  const std::string other = MakeOne();
  ASSERT_OK(service().SetStatus(me, other, false));
  const auto total = [&](const UsbKeyCertificateFilter& filter) {
    return service().List(me, filter, {}).value().total;
  };
  EXPECT_EQ(total({.spec = KeySpec::kSm2}), 2U);
  EXPECT_EQ(total({.spec = KeySpec::kRsa2048}), 0U);
  EXPECT_EQ(total({.status = kActive}), 1U);
  EXPECT_EQ(total({.ids = {id, "none"}}), 1U);
  EXPECT_EQ(total({.status = kInactive, .ids = {id}}), 0U);
}

TEST_F(UsbKeyCertificateTest, IsNoneOfTheKmss) {
  const std::string theirs = MakeOne();
  const std::string own = MakePending(KeySpec::kSm2);
  EXPECT_THAT(certificates().Describe(me, theirs), Fails(Reason::kCertificateNotFound));
  EXPECT_THAT(service().Describe(me, own), Fails(Reason::kCertificateNotFound));
  EXPECT_THAT(service().Delete(me, own), Fails(Reason::kCertificateNotFound));
  EXPECT_THAT(certificates().Delete(me, theirs), Fails(Reason::kCertificateNotFound));
  EXPECT_EQ(certificates().List(me, {}, {})->total, 1U);
  EXPECT_EQ(service().List(me, {}, {})->total, 1U);
}

TEST_F(UsbKeyCertificateTest, VerifiesEveryFormOfASignature) {
  const std::string id = MakeOne();
  const Bytes der = SignatureOf(ca.leaf_key, "hello");
  const Bytes plain = internal::Sm2PlainSignature(der).value();
  Bytes padded;
  for (const std::size_t at : {0, 32}) {
    padded.resize(padded.size() + 32);
    padded.insert(padded.end(), plain.begin() + static_cast<std::ptrdiff_t>(at),
                  plain.begin() + static_cast<std::ptrdiff_t>(at) + 32);
  }
  for (const Bytes& form : {der, plain, padded}) {
    EXPECT_TRUE(Verify(id, form).value());
    EXPECT_FALSE(Verify(id, form, "other").value());
    Bytes changed = form;
    changed.back() ^= 1;
    EXPECT_FALSE(Verify(id, changed).value());
    changed = form;
    changed.front() ^= 1;
    EXPECT_FALSE(Verify(id, changed).value());
    changed.pop_back();
    EXPECT_FALSE(Verify(id, changed).value());
  }
  EXPECT_FALSE(Verify(id, {}).value());
}

TEST_F(UsbKeyCertificateTest, VerifiesRsa) {
  const auto& rsa = OutsideCa(KeySpec::kRsa2048);
  const std::string pem = x509::CertificatePem(rsa.leaf);
  const auto id = service().Import(
      me, {.spec = KeySpec::kRsa2048, .name = "rsa", .certificate = pem});
  ASSERT_OK(id);
  const Bytes signature = SignatureOf(rsa.leaf_key, "hello");
  EXPECT_TRUE(service()
                  .Verify(me, *id, SignatureAlgorithm::kRsaPkcs1Sha256, AsBytes("hello"),
                          signature)
                  .value());
  EXPECT_THAT(Verify(*id, signature), Fails(Reason::kAlgorithmNotSupported));
}

TEST_F(UsbKeyCertificateTest, VerifiesOnlyWhileItIsActiveAndInItsTime) {
  const std::string id = MakeOne();
  const Bytes signature = SignatureOf(ca.leaf_key, "hello");
  ASSERT_OK(service().SetStatus(me, id, false));
  EXPECT_THAT(Verify(id, signature), Fails(Reason::kCertificateState));
  ASSERT_OK(service().SetStatus(me, id, true));
  EXPECT_TRUE(Verify(id, signature).value());
  TimeIs(kNow + 101 * kDay);
  EXPECT_THAT(Verify(id, signature), Fails(Reason::kCertificateState));
  EXPECT_THAT(service().Verify(me, id, SignatureAlgorithm::kSm2, Bytes(4097), signature),
              Fails(Reason::kTooLong));
}

TEST_F(UsbKeyCertificateTest, IsRevokedByAList) {
  const x509::testing::Issuer middle{"middle", ca.middle_key};
  NewUsbKeyCertificate wanted = Wanted();
  const Bytes clean = Revoke({"01"}, middle);
  wanted.revocation_list = clean;
  EXPECT_EQ(StatusOf(service().Import(me, wanted).value()), kActive);
  const Bytes listed = Revoke({"0a01"}, middle);
  wanted.revocation_list = listed;
  const std::string id = service().Import(me, wanted).value();
  EXPECT_EQ(StatusOf(id), kRevoked);
  EXPECT_THAT(Verify(id, SignatureOf(ca.leaf_key, "hello")),
              Fails(Reason::kCertificateState));
  for (const bool active : {true, false})
    EXPECT_THAT(service().SetStatus(me, id, active), Fails(Reason::kCertificateState));
}

TEST_F(UsbKeyCertificateTest, RefusesWhatIsNone) {
  const auto before = Records();
  const std::string expired = x509::CertificatePem(
      Read(Issue({.not_after = kNow - 1000}, ca.leaf_key, {"middle", ca.middle_key})));
  const Bytes junk(10, 1);
  const Bytes forged = Revoke({}, {"middle", ca.root_key});
  // The root is its own issuer.
  const std::string root_pem = x509::CertificatePem(ca.root);
  const Bytes of_another = Revoke({}, {"root", ca.middle_key});
  const struct {
    const char* name;
    std::function<void(NewUsbKeyCertificate&)> change;
    Reason reason;
  } cases[] = {
      {"garbage", [](auto& wanted) { wanted.certificate = "x"; }, Reason::kBadParameter},
      {"chain", [](auto& wanted) { wanted.chain = "x"; }, Reason::kBadParameter},
      {"order", [&](auto& wanted) { wanted.chain = leaf; }, Reason::kCertificateMismatch},
      {"expired", [&](auto& wanted) { wanted.certificate = expired; },
       Reason::kCertificateMismatch},
      {"spec", [](auto& wanted) { wanted.spec = KeySpec::kRsa2048; },
       Reason::kCertificateMismatch},
      {"list", [&](auto& wanted) { wanted.revocation_list = junk; },
       Reason::kBadParameter},
      {"forged list", [&](auto& wanted) { wanted.revocation_list = forged; },
       Reason::kBadParameter},
      {"forged list of a root",
       [&](auto& wanted) {
         wanted.certificate = root_pem;
         wanted.chain = {};
         wanted.revocation_list = of_another;
       },
       Reason::kBadParameter},
  };
  for (const auto& each : cases) {
    NewUsbKeyCertificate wanted = Wanted();
    each.change(wanted);
    EXPECT_THAT(service().Import(me, wanted), Fails(each.reason)) << each.name;
  }
  EXPECT_EQ(Records(), before);
}

TEST_F(UsbKeyCertificateTest, HasAQuotaOfItsOwn) {
  limits.certificates = 1;
  Reopen();
  MakePending(KeySpec::kSm2);
  const std::string id = MakeOne();
  EXPECT_THAT(service().Import(me, Wanted()), Fails(Reason::kQuotaUsedUp));
  ASSERT_OK(service().Delete(me, id));
  MakeOne();
}

TEST_F(UsbKeyCertificateTest, LeavesNothingWhenItIsDeleted) {
  const std::string id = MakeOne();
  ASSERT_OK(service().Delete(me, id));
  EXPECT_THAT(service().Describe(me, id), Fails(Reason::kCertificateNotFound));
  for (const auto& [key, value] : Records())
    if (!key.starts_with("outbox")) {
      EXPECT_EQ(key.find(id), std::string::npos) << key;
    }
}

TEST_F(UsbKeyCertificateTest, ARepeatedRequestHasTheFirstOutcome) {
  RequestContext request = me;
  request.request_id = "id-1";
  request.replayable_until = clock.Now() + 30 * 60 * 1000;
  const std::string id = service().Import(request, Wanted()).value();
  EXPECT_EQ(service().Import(request, Wanted()).value(), id);
  EXPECT_EQ(service().List(me, {}, {})->total, 1U);
  RequestContext dry = me;
  dry.dry_run = true;
  EXPECT_THAT(service().Import(dry, Wanted()), testing::FailsAs(ErrorClass::kDryRun));
  EXPECT_EQ(service().List(me, {}, {})->total, 1U);
}

}  // namespace
}  // namespace kms
