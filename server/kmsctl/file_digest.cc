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

#include "kms/sm2_identity.h"
#include "kmsctl/failure.h"

namespace kms::server {
namespace {

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
  return DigestOf(EVP_sm3(), path, Sm2Identity(coordinates));
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
