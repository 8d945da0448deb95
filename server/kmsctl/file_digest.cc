#include "kmsctl/file_digest.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "kmsctl/failure.h"

namespace kms::server {
namespace {

using namespace std::string_view_literals;

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// GB/T 32918.2, 5.5 and GB/T 32918.5: the length of the default identity in bits and the
// identity; a, b and the base point of the curve.
constexpr std::string_view kIdentity =
    "\x00\x80"
    "1234567812345678"sv;
constexpr std::string_view kCurve =
    "\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfc"
    "\x28\xe9\xfa\x9e\x9d\x9f\x5e\x34\x4d\x5a\x9e\x4b\xcf\x65\x09\xa7"
    "\xf3\x97\x89\xf5\x15\xab\x8f\x92\xdd\xbc\xbd\x41\x4d\x94\x0e\x93"
    "\x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94"
    "\x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7"
    "\xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53"
    "\xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0"sv;
constexpr std::size_t kPoint = 65;  // 04, x, y

Result<Digest32> DigestOf(const EVP_MD* algorithm, const std::string& path,
                          ByteView before) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return UsageError(path + ": " + std::strerror(errno));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  bool good = context && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1 &&
              EVP_DigestUpdate(context.get(), before.data(), before.size()) == 1;
  std::array<unsigned char, 65536> piece{};
  for (std::size_t n = 0;
       good && (n = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;)
    good = EVP_DigestUpdate(context.get(), piece.data(), n) == 1;
  if (std::ferror(file.get())) return UsageError(path + ": " + std::strerror(errno));
  Digest32 digest{};
  if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1)
    return Error(Reason::kInternal, "a digest of OpenSSL failed");
  return digest;
}

// x and y of the public key.
Result<Bytes> CoordinatesOf(std::string_view pem) {
  const std::unique_ptr<BIO, Free> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<EVP_PKEY, Free> key(
      text ? PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr) : nullptr);
  Bytes point(kPoint);
  std::size_t size = 0;
  if (!key || EVP_PKEY_is_a(key.get(), "SM2") != 1 ||
      EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                      point.size(), &size) != 1 ||
      size != kPoint || point.front() != 4)
    return ConnectionError("the public key of the key is none on the SM2 curve");
  point.erase(point.begin());
  return point;
}

}  // namespace

Result<Digest32> Sha256OfFile(const std::string& path) {
  return DigestOf(EVP_sha256(), path, {});
}

Result<Digest32> Sm2DigestOfFile(const std::string& path, std::string_view public_key) {
  KMS_TRY(const Bytes coordinates, CoordinatesOf(public_key));
  Bytes identified;
  for (const ByteView part : {AsBytes(kIdentity), AsBytes(kCurve), ByteView(coordinates)})
    identified.insert(identified.end(), part.begin(), part.end());
  return DigestOf(EVP_sm3(), path, Digest(DigestAlgorithm::kSm3, identified));
}

Result<Digest32> DigestFromHex(std::string_view hex) {
  const Error refused = UsageError("a digest is 64 hexadecimal digits");
  Digest32 digest{};
  if (hex.size() != 2 * digest.size()) return refused;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = Digit(hex[2 * i]);
    const int low = Digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return refused;
    digest[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return digest;
}

}  // namespace kms::server
