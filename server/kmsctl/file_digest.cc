#include "kmsctl/file_digest.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

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
};

}  // namespace

Result<Digest32> Sha256OfFile(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return UsageError(path + ": " + std::strerror(errno));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::array<unsigned char, 65536> piece{};
  for (std::size_t n = 0;
       good && (n = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;)
    good = EVP_DigestUpdate(context.get(), piece.data(), n) == 1;
  if (std::ferror(file.get())) return UsageError(path + ": " + std::strerror(errno));
  Digest32 digest{};
  if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1)
    return Error(Reason::kInternal, "SHA-256 of OpenSSL failed");
  return digest;
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
