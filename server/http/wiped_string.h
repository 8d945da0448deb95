// WipedString: a string for request and response bodies, whose memory is wiped
// whenever it is given back, so that plaintext that travelled through it is gone.

#ifndef KMS_SERVER_HTTP_WIPED_STRING_H_
#define KMS_SERVER_HTTP_WIPED_STRING_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/secret_bytes.h"

namespace kms::server {

template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}

  T* allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T* p, std::size_t n) {
    Wipe(std::span<std::uint8_t>(reinterpret_cast<std::uint8_t*>(p), n * sizeof(T)));
    std::allocator<T>().deallocate(p, n);
  }
  // What is new is left as it is, for whoever makes room to fill: `resize` would set it
  // to zero, byte by byte.
  void construct(T*) {}
  template <typename... Args>
  void construct(T* p, Args&&... args) {
    ::new (p) T(std::forward<Args>(args)...);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

// A vector, not a basic_string: the latter keeps short contents inside itself, where
// no allocator wipes them.
using WipedString = std::vector<char, WipingAllocator<char>>;

inline void Append(WipedString& text, std::string_view more) {
  if (more.empty()) return;
  const std::size_t size = text.size();
  text.resize(size + more.size());
  std::memcpy(text.data() + size, more.data(), more.size());
}

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_WIPED_STRING_H_
