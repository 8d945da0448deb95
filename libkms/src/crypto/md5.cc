#include "crypto/md5.h"

#include <botan/hash.h>

#include "kms/bytes.h"

namespace kms {

class Md5::Impl {
 public:
  std::unique_ptr<Botan::HashFunction> hash = Botan::HashFunction::create_or_throw("MD5");
};

Md5::Md5() : impl_(std::make_unique<Impl>()) {}
Md5::~Md5() = default;

void Md5::Add(std::string_view text) {
  const ByteView bytes = AsBytes(text);
  impl_->hash->update(bytes.data(), bytes.size());
}

std::array<std::uint8_t, 16> Md5::Finish() {
  std::array<std::uint8_t, 16> digest{};
  impl_->hash->final(digest.data());
  return digest;
}

}  // namespace kms
