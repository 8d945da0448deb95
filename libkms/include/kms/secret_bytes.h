// SecretBytes: key material, plaintext, passwords and everything else that must
// not outlive its use.
//
// Move-only, of fixed size from birth, wiped when it is destroyed, and held in
// locked memory while the locked pool has room (it falls back to the heap
// without notice; docs/threat_model.md says what that means). It prints nowhere:
// GoogleTest shows the length only.
//
// Threads: like a vector; const access from many threads is safe.

#ifndef KMS_SECRET_BYTES_H_
#define KMS_SECRET_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>

#include "kms/bytes.h"

namespace kms {

class SecretBytes {
 public:
  SecretBytes() = default;
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  // CopyOf copies `bytes`. Wiping the original stays the caller's business.
  static SecretBytes CopyOf(ByteView bytes);

  // Filled makes `size` bytes and lets `fill` write them, so that no other copy
  // ever exists. `fill` takes a std::span<std::uint8_t>.
  template <typename Fill>
  static SecretBytes Filled(std::size_t size, Fill fill) {
    SecretBytes made(size);
    fill(std::span<std::uint8_t>(made.data_, made.size_));
    return made;
  }

  SecretBytes Clone() const { return CopyOf(Reveal()); }

  // Reveal shows the bytes. Every use is found by searching for this name.
  ByteView Reveal() const { return {data_, size_}; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Constant time in the content, open about the length.
  friend bool operator==(const SecretBytes& a, const SecretBytes& b);

 private:
  explicit SecretBytes(std::size_t size);
  void Free() noexcept;

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// ConstantTimeEqual compares content in constant time; lengths are public.
bool ConstantTimeEqual(ByteView a, ByteView b);

// Wipe overwrites `bytes` in a way that the compiler may not leave out.
void Wipe(std::span<std::uint8_t> bytes);

// For GoogleTest: prints the length, never the bytes.
void PrintTo(const SecretBytes& secret, std::ostream* out);

}  // namespace kms

#endif  // KMS_SECRET_BYTES_H_
