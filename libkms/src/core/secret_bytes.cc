#include "kms/secret_bytes.h"

#include <botan/mem_ops.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace kms {

// Botan's allocator: from its locked pool while that has room, else from the heap;
// wiped when given back either way.
SecretBytes::SecretBytes(std::size_t size)
    : data_(size == 0 ? nullptr
                      : static_cast<std::uint8_t*>(Botan::allocate_memory(size, 1))),
      size_(size) {}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Free();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SecretBytes::~SecretBytes() { Free(); }

void SecretBytes::Free() noexcept {
  if (data_ != nullptr) Botan::deallocate_memory(data_, size_, 1);
}

SecretBytes SecretBytes::CopyOf(ByteView bytes) {
  SecretBytes made(bytes.size());
  std::copy(bytes.begin(), bytes.end(), made.data_);
  return made;
}

bool operator==(const SecretBytes& a, const SecretBytes& b) {
  return ConstantTimeEqual(a.Reveal(), b.Reveal());
}

bool ConstantTimeEqual(ByteView a, ByteView b) {
  return a.size() == b.size() &&
         Botan::constant_time_compare(a.data(), b.data(), a.size());
}

void Wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) Botan::secure_scrub_memory(bytes.data(), bytes.size());
}

void PrintTo(const SecretBytes& secret, std::ostream* out) {
  *out << "SecretBytes of " << secret.size();
}

}  // namespace kms
