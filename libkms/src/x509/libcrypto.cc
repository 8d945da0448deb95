#include "x509/libcrypto.h"

#include <openssl/core_names.h>

#include <array>
#include <string>
#include <utility>

#include "crypto/sm2_der.h"

namespace kms::x509 {
namespace {

// The limits of CryptoBackend::LoadPublic.
bool IsOurRsa(const EVP_PKEY* key) {
  const auto n = Number(key, OSSL_PKEY_PARAM_RSA_N);
  const auto e = Number(key, OSSL_PKEY_PARAM_RSA_E);
  return n != nullptr && e != nullptr && BN_num_bits(n.get()) == 2048 &&
         BN_is_odd(n.get()) && BN_is_odd(e.get()) && !BN_is_one(e.get()) &&
         BN_num_bits(e.get()) <= 64;
}

std::string GroupOf(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return {};
  return {name.data(), size};
}

Bytes Sm2InfoOf(const EVP_PKEY* key) {
  constexpr int kCoordinate = 32;
  const auto x = Number(key, OSSL_PKEY_PARAM_EC_PUB_X);
  const auto y = Number(key, OSSL_PKEY_PARAM_EC_PUB_Y);
  std::array<std::uint8_t, 1 + 2 * kCoordinate> point = {0x04};
  if (x == nullptr || y == nullptr ||
      BN_bn2binpad(x.get(), point.data() + 1, kCoordinate) != kCoordinate ||
      BN_bn2binpad(y.get(), point.data() + 1 + kCoordinate, kCoordinate) != kCoordinate)
    return {};
  return internal::Sm2PublicKeyInfo(point);
}

}  // namespace

Held<ASN1_OCTET_STRING> Sm2DefaultId() {
  constexpr std::string_view kId = "1234567812345678";
  Held<ASN1_OCTET_STRING> id(ASN1_OCTET_STRING_new());
  if (id != nullptr)
    ASN1_OCTET_STRING_set(id.get(), AsBytes(kId).data(), static_cast<int>(kId.size()));
  return id;
}

Held<X509> ToX509(ByteView der) {
  auto certificate = Decoded(d2i_X509, der, Held<X509>(X509_new_ex(Library(), nullptr)));
  // Other algorithms refuse one.
  if (certificate != nullptr &&
      X509_get_signature_nid(certificate.get()) == NID_SM2_with_SM3)
    X509_set0_distinguishing_id(certificate.get(), Sm2DefaultId().release());
  return certificate;
}

Held<BIGNUM> Number(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return Held<BIGNUM>(number);
}

std::optional<PublicKeyInfo> PublicKeyInfoOf(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "SM2") == 1) {
    Bytes der = Sm2InfoOf(key);
    if (der.empty()) return std::nullopt;
    return PublicKeyInfo{std::move(der), KeySpec::kSm2};
  }
  PublicKeyInfo info;
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < 2048 || bits > 4096) return std::nullopt;
    if (IsOurRsa(key)) info.spec = KeySpec::kRsa2048;
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    const std::string group = GroupOf(key);
    if (group != SN_X9_62_prime256v1 && group != SN_secp384r1) return std::nullopt;
  } else {
    return std::nullopt;
  }
  info.der = Encoded(i2d_PUBKEY, key);
  if (info.der.empty()) return std::nullopt;
  return info;
}

}  // namespace kms::x509
