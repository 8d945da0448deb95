#include "x509/private_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/botan_keys.h"
#include "kms/digest.h"
#include "support/matchers.h"
#include "x509/libcrypto.h"
#include "x509/outside_ca.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using testing::Key;
using testing::NewKey;

SecretBytes Secret(std::string_view text) { return SecretBytes::CopyOf(AsBytes(text)); }

class PrivateKeyTest : public ::testing::TestWithParam<KeySpec> {
 protected:
  static Key Outside() {
    return NewKey(GetParam() == KeySpec::kSm2 ? "SM2" : "RSA:2048");
  }
};

TEST_P(PrivateKeyTest, OfTheBackendGoesOutAndComesBack) {
  const internal::NewPair made = internal::GeneratePair(GetParam());
  const auto pkcs8 = ToPkcs8(GetParam(), made.secret);
  ASSERT_OK(pkcs8);
  const auto back = FromPkcs8(pkcs8->Reveal());
  ASSERT_OK(back);
  EXPECT_EQ(back->spec, GetParam());
  EXPECT_TRUE(back->secret == made.secret);
  EXPECT_EQ(back->public_key, made.public_key);
}

TEST_P(PrivateKeyTest, OfTheBackendIsReadByOpenssl) {
  const internal::NewPair made = internal::GeneratePair(GetParam());
  const auto pkcs8 = ToPkcs8(GetParam(), made.secret);
  const std::uint8_t* from = pkcs8->Reveal().data();
  const Key key(d2i_AutoPrivateKey(nullptr, &from, static_cast<long>(pkcs8->size())),
                EVP_PKEY_free);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(testing::PublicKeyOf(key), made.public_key);
}

TEST_P(PrivateKeyTest, OfOpensslSignsInTheBackend) {
  const Key outside = Outside();
  const auto read = FromPkcs8(testing::Pkcs8Of(outside).Reveal());
  ASSERT_OK(read);
  EXPECT_EQ(read->public_key, testing::PublicKeyOf(outside));
  const auto secret = internal::ReadPrivateKey(read->spec, read->secret.Reveal());
  const auto open = internal::ReadPublicKey(read->public_key);
  ASSERT_NE(secret, nullptr);
  const auto algorithm = GetParam() == KeySpec::kSm2 ? SignatureAlgorithm::kSm2
                                                     : SignatureAlgorithm::kRsaPssSha256;
  const Digest32 digest = Digest(DigestAlgorithm::kSha256, AsBytes("message"));
  EXPECT_TRUE(
      open->Verify(algorithm, digest, secret->Sign(algorithm, digest).value()).value());
}

TEST_P(PrivateKeyTest, IsEncryptedUnderThePassPhrase) {
  const internal::NewPair made = internal::GeneratePair(GetParam());
  const auto pem = EncryptedPkcs8(GetParam(), made.secret, Secret("pass phrase"));
  ASSERT_OK(pem);
  EXPECT_TRUE(pem->starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
  const auto read = [&](const char* pass) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())), BIO_free);
    return Key(
        PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, const_cast<char*>(pass)),
        EVP_PKEY_free);
  };
  const Key key = read("pass phrase");
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(testing::PublicKeyOf(key), made.public_key);
  EXPECT_EQ(read("another"), nullptr);
  ERR_clear_error();
}

TEST_P(PrivateKeyTest, IsNotEncryptedUnderABadPassPhrase) {
  const internal::NewPair made = internal::GeneratePair(GetParam());
  using namespace std::string_literals;
  for (const std::string& pass : {""s, std::string(1025, 'x'), "a\0b"s}) {
    const auto pem = EncryptedPkcs8(GetParam(), made.secret, Secret(pass));
    ASSERT_THAT(pem, Fails(Reason::kBadParameter));
    EXPECT_EQ(pem.error().parameter(), "passPhrase");
  }
}

TEST_P(PrivateKeyTest, DoesNotGoOutIfItIsNone) {
  const internal::NewPair made = internal::GeneratePair(GetParam());
  const KeySpec other = GetParam() == KeySpec::kSm2 ? KeySpec::kRsa2048 : KeySpec::kSm2;
  EXPECT_THAT(ToPkcs8(other, made.secret), Fails(Reason::kKeyDecryptionFailed));
  EXPECT_THAT(ToPkcs8(GetParam(), {}), Fails(Reason::kKeyDecryptionFailed));
  for (const int byte : {0x00, 0xff}) {
    const Bytes bad(32, static_cast<std::uint8_t>(byte));
    EXPECT_THAT(ToPkcs8(GetParam(), SecretBytes::CopyOf(bad)),
                Fails(Reason::kKeyDecryptionFailed));
  }
}

// A key whose parts are of another key must not be taken: RSA's would give away both.
TEST_P(PrivateKeyTest, IsRefusedWithAnyByteChanged) {
  const SecretBytes good = testing::Pkcs8Of(Outside());
  Bytes changed(good.Reveal().begin(), good.Reveal().end());
  const KeyPair original = FromPkcs8(changed).value();
  // A check of an RSA key takes long; a few bytes of each part will do.
  const std::size_t step = GetParam() == KeySpec::kSm2 ? 1 : 37;
  for (std::size_t i = 0; i < changed.size(); i += step) {
    changed[i] ^= 0x10;
    const auto read = FromPkcs8(changed);
    EXPECT_TRUE(!read || read->secret == original.secret) << i;
    changed[i] ^= 0x10;
  }
  for (std::size_t size = 0; size < changed.size(); size += step)
    EXPECT_FALSE(FromPkcs8(ByteView(changed).first(size)));
  changed.push_back(0);
  EXPECT_THAT(FromPkcs8(changed), Fails(Reason::kBadParameter));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

INSTANTIATE_TEST_SUITE_P(, PrivateKeyTest,
                         ::testing::Values(KeySpec::kRsa2048, KeySpec::kSm2),
                         [](const auto& tested) {
                           return tested.param == KeySpec::kSm2 ? "Sm2" : "Rsa";
                         });

TEST(OtherPrivateKeyTest, IsRefused) {
  for (const Key& key : {NewKey("RSA:1024"), NewKey("RSA:3072"), NewKey("P-256"),
                         NewKey("ED25519"), testing::WithExplicitCurve(NewKey("SM2"))}) {
    EXPECT_THAT(FromPkcs8(testing::Pkcs8Of(key).Reveal()), Fails(Reason::kBadKeySpec))
        << EVP_PKEY_get0_type_name(key.get());
  }
  const Key three_primes(
      [] {
        EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
        EVP_PKEY_keygen_init(context);
        EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048);
        EVP_PKEY_CTX_set_rsa_keygen_primes(context, 3);
        EVP_PKEY* key = nullptr;
        EVP_PKEY_generate(context, &key);
        EVP_PKEY_CTX_free(context);
        return key;
      }(),
      EVP_PKEY_free);
  EXPECT_THAT(FromPkcs8(testing::Pkcs8Of(three_primes).Reveal()),
              Fails(Reason::kBadKeySpec));
  EXPECT_THAT(FromPkcs8({}), Fails(Reason::kBadParameter));
}

// An RSAPrivateKey (RFC 8017, A.1.2) of these numbers in PKCS#8, whatever they are: newer
// releases of OpenSSL make no key of some.
Bytes Pkcs8Of(const std::vector<Held<BIGNUM>>& numbers) {
  const auto add = [](Bytes& der, const BIGNUM* number) {
    const std::unique_ptr<ASN1_INTEGER, void (*)(ASN1_INTEGER*)> integer(
        BN_to_ASN1_INTEGER(number, nullptr), ASN1_INTEGER_free);
    const Bytes encoded = Encoded(i2d_ASN1_INTEGER, integer.get());
    der.insert(der.end(), encoded.begin(), encoded.end());
  };
  Bytes members;
  const Held<BIGNUM> version(BN_new());
  add(members, version.get());
  for (const Held<BIGNUM>& number : numbers) add(members, number.get());
  const int length = static_cast<int>(members.size());
  const int size = ASN1_object_size(1, length, V_ASN1_SEQUENCE);
  auto* const key = static_cast<std::uint8_t*>(OPENSSL_malloc(size));
  std::uint8_t* at = key;
  ASN1_put_object(&at, 1, length, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
  std::ranges::copy(members, at);
  const Held<PKCS8_PRIV_KEY_INFO> info(PKCS8_PRIV_KEY_INFO_new());
  // Takes the key over.
  PKCS8_pkey_set0(info.get(), OBJ_nid2obj(NID_rsaEncryption), 0, V_ASN1_NULL, nullptr,
                  key, size);
  return Encoded(i2d_PKCS8_PRIV_KEY_INFO, info.get());
}

// To see that a number this long is prime takes hours.
TEST(OtherPrivateKeyTest, IsRefusedWithALongFactor) {
  const Key honest = NewKey("RSA:2048");
  constexpr int kMersenne = 216'091;
  std::vector<Held<BIGNUM>> numbers;
  for (const char* const name :
       {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
        OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
        OSSL_PKEY_PARAM_RSA_COEFFICIENT1})
    numbers.push_back(Number(honest.get(), name));
  const SecretBytes same = testing::Pkcs8Of(honest);
  const Bytes before = Pkcs8Of(numbers);
  ASSERT_TRUE(std::ranges::equal(before, same.Reveal()));
  BIGNUM* const factor = numbers[3].get();
  BN_zero(factor);
  BN_set_bit(factor, kMersenne);
  BN_sub_word(factor, 1);
  const Bytes pkcs8 = Pkcs8Of(numbers);
  ASSERT_GT(pkcs8.size(), kMersenne / 8U);
  EXPECT_THAT(FromPkcs8(pkcs8), Fails(Reason::kBadParameter));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace kms::x509
