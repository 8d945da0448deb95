#include "crypto/openssl_rsa.h"

#include <botan/rsa.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <span>
#include <utility>
#include <vector>

#include "crypto/botan_compat.h"
#include "crypto/botan_keys.h"
#include "crypto/openssl_context.h"
#include "crypto/pool.h"
#include "crypto/rsa_padding.h"
#include "kms/digest.h"

namespace kms::internal {
namespace {

using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

constexpr std::size_t kIdleContexts = 16;
constexpr int kPssSaltSize = 32;

// A context that is ready for one algorithm. They are costly to make and belong to one
// thread at a time.
struct Ready {
  KeyContext context;
};

// Secure numbers, so that the parameters that are made of them are wiped, too.
Key ToOpenSsl(const Botan::RSA_PrivateKey& rsa) {
  const std::pair<const char*, const Botan::BigInt&> parts[] = {
      {OSSL_PKEY_PARAM_RSA_N, rsa.get_n()},
      {OSSL_PKEY_PARAM_RSA_E, rsa.get_e()},
      {OSSL_PKEY_PARAM_RSA_D, rsa.get_d()},
      {OSSL_PKEY_PARAM_RSA_FACTOR1, rsa.get_p()},
      {OSSL_PKEY_PARAM_RSA_FACTOR2, rsa.get_q()},
      {OSSL_PKEY_PARAM_RSA_EXPONENT1, rsa.get_d1()},
      {OSSL_PKEY_PARAM_RSA_EXPONENT2, rsa.get_d2()},
      {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, rsa.get_c()}};
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr) return nullptr;
  std::vector<Number> numbers;  // the builder refers to them
  for (const auto& [name, value] : parts) {
    const auto bytes = botan::BytesOf(value);
    Number number(BN_secure_new());
    if (number == nullptr ||
        BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), number.get()) ==
            nullptr ||
        OSSL_PARAM_BLD_push_BN(builder.get(), name, number.get()) != 1)
      return nullptr;
    numbers.push_back(std::move(number));
  }
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(Library(), "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (parameters == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, parameters.get()) != 1)
    return nullptr;
  return Key(made);
}

class OpenSslRsaKey final : public PrivateKey {
 public:
  explicit OpenSslRsaKey(Key key) : key_(std::move(key)) {}

  Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override {
    if (!Fits(algorithm, KeySpec::kRsa2048)) return Reason::kAlgorithmNotSupported;
    if (digest.size() != sizeof(Digest32)) return Reason::kBadParameter;
    const QuietErrors quiet;
    auto& pool = algorithm == SignatureAlgorithm::kRsaPssSha256 ? pss_ : pkcs1_;
    auto ready = pool.Take([](const Ready&) { return true; });
    if (!ready) ready = MakeSigner(algorithm);
    Bytes signature(kRsaSize);
    std::size_t size = signature.size();
    if (!ready ||
        EVP_PKEY_sign(ready->context.get(), signature.data(), &size, digest.data(),
                      digest.size()) != 1 ||
        size != signature.size())
      return Error(Reason::kInternal, "OpenSSL does not sign");
    pool.Give(std::move(ready));
    return signature;
  }

  Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                              ByteView ciphertext) override {
    if (!Fits(algorithm, KeySpec::kRsa2048)) return Reason::kAlgorithmNotSupported;
    if (ciphertext.size() != kRsaSize) return Reason::kBadCiphertext;
    const QuietErrors quiet;
    auto ready = raw_.Take([](const Ready&) { return true; });
    if (!ready) ready = MakeDecryptor();
    if (!ready) return Error(Reason::kInternal, "OpenSSL does not decrypt");
    bool decrypted = false;
    const SecretBytes encoded =
        SecretBytes::Filled(kRsaSize, [&](std::span<std::uint8_t> out) {
          std::size_t size = out.size();
          decrypted = EVP_PKEY_decrypt(ready->context.get(), out.data(), &size,
                                       ciphertext.data(), ciphertext.size()) == 1 &&
                      size == out.size();
        });
    // Not less than the modulus.
    if (!decrypted) return Reason::kBadCiphertext;
    raw_.Give(std::move(ready));
    return Unpad(algorithm, encoded.Reveal());
  }

  Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                 std::size_t size) override {
    KMS_TRY(SecretBytes key, Decrypt(algorithm, ciphertext));
    return OfSize(size, algorithm, std::move(key));
  }

  std::size_t footprint_bytes() const override { return 16 * 1024; }

 private:
  std::unique_ptr<Ready> NewContext() const {
    return std::make_unique<Ready>(
        KeyContext(EVP_PKEY_CTX_new_from_pkey(Library(), key_.get(), nullptr)));
  }

  std::unique_ptr<Ready> MakeSigner(SignatureAlgorithm algorithm) const {
    auto ready = NewContext();
    EVP_PKEY_CTX* const context = ready->context.get();
    const bool pss = algorithm == SignatureAlgorithm::kRsaPssSha256;
    if (context == nullptr || EVP_PKEY_sign_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(
            context, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1)
      return nullptr;
    if (pss && (EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) != 1 ||
                EVP_PKEY_CTX_set_rsa_pss_saltlen(context, kPssSaltSize) != 1))
      return nullptr;
    return ready;
  }

  std::unique_ptr<Ready> MakeDecryptor() const {
    auto ready = NewContext();
    EVP_PKEY_CTX* const context = ready->context.get();
    if (context == nullptr || EVP_PKEY_decrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) != 1)
      return nullptr;
    return ready;
  }

  const Key key_;
  Pool<Ready> pkcs1_{kIdleContexts}, pss_{kIdleContexts}, raw_{kIdleContexts};
};

}  // namespace

std::shared_ptr<PrivateKey> ReadPrivateKeyForOpenSsl(KeySpec spec, ByteView secret) {
  if (spec != KeySpec::kRsa2048) return ReadPrivateKey(spec, secret);
  const auto rsa = ReadRsa(secret);
  if (rsa == nullptr) return nullptr;
  const QuietErrors quiet;
  Key key = ToOpenSsl(*rsa);
  if (key == nullptr) return nullptr;
  return std::make_shared<OpenSslRsaKey>(std::move(key));
}

}  // namespace kms::internal
