#include "x509/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <memory>
#include <string>

#include "kms/root_key.h"
#include "support/matchers.h"
#include "x509/outside_ca.h"
#include "x509/pem.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using testing::Issue;
using testing::kDay;
using testing::Key;
using testing::kNow;
using testing::NewKey;
using Names = std::vector<std::string>;

const Key& RsaKey() {
  static const Key key = NewKey("RSA:2048");
  return key;
}
const Key& Sm2Key() {
  static const Key key = NewKey("SM2");
  return key;
}

std::string Pem(const Bytes& der) { return WritePem("CERTIFICATE", der); }

TEST(CertificateTest, TellsItsFacts) {
  const Certificate certificate = testing::Read(Issue(
      {.name = "www.example.com",
       .extensions = {{"subjectAltName",
                       "DNS:www.example.com,IP:10.0.0.1,email:u@a.cn,URI:https://a.cn"},
                      {"keyUsage", "digitalSignature,nonRepudiation"},
                      {"subjectKeyIdentifier", "00:01:AB"},
                      {"crlDistributionPoints", "URI:http://a.cn/crl"}},
       .serial = "0a01"},
      RsaKey(), {"root", RsaKey()}));
  EXPECT_EQ(certificate.subject, "CN=www.example.com, C=CN");
  EXPECT_EQ(certificate.issuer, "CN=root, C=CN");
  EXPECT_EQ(certificate.serial, "0a01");
  EXPECT_EQ(certificate.not_before, kNow - 100 * kDay);
  EXPECT_EQ(certificate.not_after, kNow + 100 * kDay);
  EXPECT_EQ(certificate.signature_algorithm, "SHA256withRSA");
  EXPECT_EQ(certificate.alternative_names,
            (Names{"www.example.com", "10.0.0.1", "u@a.cn", "https://a.cn"}));
  EXPECT_EQ(certificate.subject_key_identifier, "0001ab");
  EXPECT_EQ(certificate.key_usage, "Digital Signature,Non Repudiation");
  EXPECT_EQ(certificate.crl_distribution_point, "http://a.cn/crl");
  EXPECT_EQ(certificate.key_spec, KeySpec::kRsa2048);
  EXPECT_FALSE(certificate.is_ca);
}

TEST(CertificateTest, TellsNoNamesThatAreNoText) {
  // DNS names and a URI with bytes that IA5String has not.
  const Certificate certificate = testing::Read(Issue(
      {.extensions = {{"subjectAltName", "DER:3012820461ff2e6382046100636e8204612e636e"},
                      {"crlDistributionPoints",
                       "DER:30173015a013a011860f687474703a2f2f612e636e2fe4726c"}}},
      RsaKey(), {"root", RsaKey()}));
  EXPECT_EQ(certificate.alternative_names, Names{"a.cn"});
  EXPECT_EQ(certificate.crl_distribution_point, "");
}

TEST(CertificateTest, IsRefusedWithTimesOfOtherForms) {
  const Bytes good = Issue({}, Sm2Key(), {"root", Sm2Key()});
  const std::string_view text = AsText(good);
  // notBefore, which is in 2029: a UTCTime of 13 characters.
  const std::size_t at = text.find("2909");
  ASSERT_NE(at, text.npos);
  const std::string time(text.substr(at, 13));
  ASSERT_EQ(time.back(), 'Z');
  ASSERT_OK(ReadCertificate(Pem(testing::ReSigned(good, Sm2Key(), time, time))));
  for (const std::string& other :
       {time.substr(0, 8) + "+0800", time.substr(0, 8) + "-0000",
        time.substr(0, 12) + "z", "2x" + time.substr(2), time.substr(0, 12) + "0"})
    EXPECT_THAT(ReadCertificate(Pem(testing::ReSigned(good, Sm2Key(), time, other))),
                Fails(Reason::kBadParameter))
        << other;
}

TEST(CertificateTest, TellsNothingOfWhatIsAbsent) {
  const Certificate certificate =
      testing::Read(Issue({.serial = "ff"}, Sm2Key(), {"root", Sm2Key()}));
  EXPECT_EQ(certificate.serial, "ff");
  EXPECT_EQ(certificate.signature_algorithm, "SM3withSM2");
  EXPECT_EQ(certificate.alternative_names, Names{});
  EXPECT_EQ(certificate.subject_key_identifier, "");
  EXPECT_EQ(certificate.key_usage, "");
  EXPECT_EQ(certificate.crl_distribution_point, "");
  EXPECT_EQ(certificate.key_spec, KeySpec::kSm2);
}

TEST(CertificateTest, TellsWhetherItIsOfACa) {
  const auto is_ca = [](std::vector<std::pair<std::string, std::string>> extensions) {
    return testing::Read(
               Issue({.extensions = std::move(extensions)}, RsaKey(), {"leaf", RsaKey()}))
        .is_ca;
  };
  EXPECT_TRUE(is_ca({{"basicConstraints", "CA:TRUE"}}));
  EXPECT_TRUE(is_ca(testing::OfCa()));
  EXPECT_FALSE(is_ca({{"basicConstraints", "CA:TRUE"}, {"keyUsage", "cRLSign"}}));
  EXPECT_FALSE(is_ca({{"basicConstraints", "CA:FALSE"}}));
  EXPECT_FALSE(is_ca({{"keyUsage", "keyCertSign"}}));
  EXPECT_FALSE(is_ca({}));  // version 1, issued by itself
}

TEST(CertificateTest, HasItsPublicKeyInTheFormOfTheBackend) {
  const auto root = NewEphemeralRootKey();
  const auto backend = NewBotanBackend(*root);
  for (const Key& key : {RsaKey(), Sm2Key()}) {
    const Certificate certificate = testing::Read(Issue({}, key, {"root", RsaKey()}));
    EXPECT_EQ(certificate.public_key, testing::PublicKeyOf(key));
    const auto loaded = backend->LoadPublic(certificate.public_key);
    ASSERT_OK(loaded);
    EXPECT_EQ(loaded.value()->spec(), certificate.key_spec);
  }
}

TEST(CertificateTest, WritesPemThatOpensslReads) {
  for (const Key& key : {RsaKey(), Sm2Key()}) {
    const Bytes der = Issue({}, key, {"root", RsaKey()});
    const Certificate certificate = testing::Read(der);
    EXPECT_EQ(ReadCertificate(CertificatePem(certificate)).value().der, der);
    const std::string pem = PublicKeyPem(certificate);
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    const Key read(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr),
                   EVP_PKEY_free);
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(EVP_PKEY_eq(read.get(), key.get()), 1);
  }
}

TEST(CertificateTest, OfACaMayHaveOtherKeys) {
  for (const char* kind : {"RSA:3072", "RSA:4096", "P-256", "P-384"}) {
    const Certificate certificate =
        testing::Read(Issue({}, NewKey(kind), {"root", RsaKey()}));
    EXPECT_EQ(certificate.key_spec, std::nullopt) << kind;
  }
}

TEST(CertificateTest, IsRefusedWithKeysOfOtherKinds) {
  for (const Key& key : {NewKey("RSA:1024"), NewKey("ED25519"), NewKey("P-521"),
                         NewKey("secp256k1"), testing::WithExplicitCurve(NewKey("P-256")),
                         testing::WithExplicitCurve(Sm2Key())}) {
    EXPECT_THAT(ReadCertificateDer(Issue({}, key, {"root", RsaKey()})),
                Fails(Reason::kCertificateMismatch))
        << EVP_PKEY_get0_type_name(key.get());
  }
}

TEST(CertificateTest, IsRefusedIfItIsNotPemAlone) {
  const Bytes der = Issue({}, RsaKey(), {"root", RsaKey()});
  const std::string pem = Pem(der);
  EXPECT_OK(ReadCertificate(pem));
  EXPECT_OK(ReadCertificate("\r\n \t" + pem + " \n\n"));
  std::string windows;
  for (const char c : pem) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_OK(ReadCertificate(windows));
  EXPECT_OK(ReadCertificate(pem.substr(0, pem.size() - 1)));

  Bytes longer = der;
  longer.push_back(0);
  Bytes shorter = der;
  shorter.pop_back();
  std::string blank = pem;
  blank.insert(100, " ");
  for (const std::string& bad :
       {std::string(), std::string(" \n"), std::string("garbage"), pem + pem, "x" + pem,
        pem + "x", "subject=CN\n" + pem, WritePem("TRUSTED CERTIFICATE", der),
        WritePem("X509 CERTIFICATE", der), WritePem("CERTIFICATE REQUEST", der),
        Pem(longer), Pem(shorter), Pem({}), Pem(Bytes(10)), blank,
        pem.substr(0, pem.size() / 2), pem.substr(1),
        pem + std::string(kMaxPemSize, '\n'), pem + '\0'}) {
    const auto read = ReadCertificate(bad);
    ASSERT_THAT(read, Fails(Reason::kBadParameter)) << bad;
    EXPECT_EQ(read.error().parameter(), "certificate");
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(CertificateTest, LeavesTheErrorsOfOthersWhereTheyAre) {
  ERR_raise(ERR_LIB_USER, 42);
  EXPECT_THAT(ReadCertificateDer(Bytes(10)), Fails(Reason::kBadParameter));
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), 42);
  EXPECT_EQ(ERR_get_error(), 0u);
}

TEST(CertificateTest, ListIsReadInItsOrder) {
  const Bytes one = Issue({.name = "1"}, RsaKey(), {"root", RsaKey()});
  const Bytes two = Issue({.name = "2"}, Sm2Key(), {"root", RsaKey()});
  const auto chain = ReadChain(Pem(one) + "\n" + Pem(two));
  ASSERT_OK(chain);
  ASSERT_EQ(chain->size(), 2u);
  EXPECT_EQ((*chain)[0].der, one);
  EXPECT_EQ((*chain)[1].der, two);
  EXPECT_EQ(ReadChain("").value().size(), 0u);

  std::string many;
  for (std::size_t i = 0; i < kMaxChain; ++i) many += Pem(two);
  EXPECT_OK(ReadChain(many));
  const auto read = ReadChain(many + Pem(two));
  ASSERT_THAT(read, Fails(Reason::kBadParameter));
  EXPECT_EQ(read.error().parameter(), "certificateChain");
}

TEST(CertificateTest, CrashesNobodyWhenBytesChange) {
  const Bytes der = Issue({.extensions = testing::OfCa()}, Sm2Key(), {"root", RsaKey()});
  for (std::size_t i = 0; i < der.size(); ++i) {
    for (const int change : {0x01, 0x20, 0x80, 0xff}) {
      Bytes changed = der;
      changed[i] ^= static_cast<std::uint8_t>(change);
      const auto read = ReadCertificateDer(changed);
      EXPECT_TRUE(!read || read->der == changed);
    }
  }
  for (std::size_t size = 0; size < der.size(); ++size)
    EXPECT_THAT(ReadCertificateDer(ByteView(der).first(size)),
                Fails(Reason::kBadParameter));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace kms::x509
