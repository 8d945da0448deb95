#include "hsm_adapters/pkcs11/rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>

#include "crypto/openssl_context.h"
#include "crypto/rsa_padding.h"
#include "hsm_adapters/pkcs11/return_code.h"

namespace kms::pkcs11 {
namespace {

using internal::Freed;
using internal::kRsaSize;
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

Number ReadNumber(ByteView bytes) {
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Error BadKey() {
  ERR_clear_error();
  return Failed("the token returned a public key that is none of RSA with 2048 bits");
}

}  // namespace

Result<Bytes> RsaPublicKeyInfo(ByteView modulus, ByteView exponent) {
  const Number n = ReadNumber(modulus);
  const Number e = ReadNumber(exponent);
  if (n == nullptr || e == nullptr || BN_num_bits(n.get()) != 2048 || !BN_is_odd(n.get()))
    return BadKey();
  const Builder builder(OSSL_PARAM_BLD_new());
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (builder == nullptr || context == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return BadKey();
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* made = nullptr;
  if (parameters == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return BadKey();
  const Key key(made);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return BadKey();
  Bytes info(der, der + size);
  OPENSSL_free(der);
  return info;
}

Bytes Sha256DigestInfo(ByteView digest) {
  constexpr std::array<std::uint8_t, 19> kPrefix = {
      0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  Bytes info(kPrefix.size() + digest.size());
  std::ranges::copy(digest, std::ranges::copy(kPrefix, info.begin()).out);
  return info;
}

bool IsRsaCiphertext(ByteView ciphertext, ByteView modulus) {
  return ciphertext.size() == kRsaSize && modulus.size() == kRsaSize &&
         std::ranges::lexicographical_compare(ciphertext, modulus);
}

void RsaNumbers::AddTo(Template* key) const {
  key->Data(CKA_MODULUS, modulus)
      .Data(CKA_PUBLIC_EXPONENT, public_exponent)
      .Secret(CKA_PRIVATE_EXPONENT, private_exponent.Reveal())
      .Secret(CKA_PRIME_1, prime1.Reveal())
      .Secret(CKA_PRIME_2, prime2.Reveal())
      .Secret(CKA_EXPONENT_1, exponent1.Reveal())
      .Secret(CKA_EXPONENT_2, exponent2.Reveal())
      .Secret(CKA_COEFFICIENT, coefficient.Reveal());
}

Result<RsaNumbers> ReadRsaNumbers(ByteView pkcs8) {
  const unsigned char* at = pkcs8.data();
  const Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size())));
  RsaNumbers numbers;
  bool good = key != nullptr;
  const auto read = [&](const char* name) -> SecretBytes {
    BIGNUM* found = nullptr;
    good = good && EVP_PKEY_get_bn_param(key.get(), name, &found) == 1;
    const Number number(found);
    const int size = good ? BN_num_bytes(number.get()) : 0;
    return SecretBytes::Filled(static_cast<std::size_t>(size),
                               [&](std::span<std::uint8_t> out) {
                                 if (good) BN_bn2bin(number.get(), out.data());
                               });
  };
  const auto read_open = [&](const char* name) -> Bytes {
    const SecretBytes number = read(name);
    return {number.Reveal().begin(), number.Reveal().end()};
  };
  numbers.modulus = read_open(OSSL_PKEY_PARAM_RSA_N);
  numbers.public_exponent = read_open(OSSL_PKEY_PARAM_RSA_E);
  numbers.private_exponent = read(OSSL_PKEY_PARAM_RSA_D);
  numbers.prime1 = read(OSSL_PKEY_PARAM_RSA_FACTOR1);
  numbers.prime2 = read(OSSL_PKEY_PARAM_RSA_FACTOR2);
  numbers.exponent1 = read(OSSL_PKEY_PARAM_RSA_EXPONENT1);
  numbers.exponent2 = read(OSSL_PKEY_PARAM_RSA_EXPONENT2);
  numbers.coefficient = read(OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
  ERR_clear_error();
  if (!good) return Error(Reason::kInternal, "no RSA private key");
  return numbers;
}

}  // namespace kms::pkcs11
