// ArenaResource: lets JSON values live in an Arena, and be wiped with it. Values are
// not wiped before; destroy them before the arena.

#ifndef KMS_SERVER_API_ARENA_RESOURCE_H_
#define KMS_SERVER_API_ARENA_RESOURCE_H_

#include <boost/json/memory_resource.hpp>
#include <boost/json/storage_ptr.hpp>
#include <cstddef>
#include <cstdint>

#include "api/request_body.h"

namespace kms::server {

class ArenaResource final : public boost::json::memory_resource {
 public:
  explicit ArenaResource(Arena& arena) : arena_(arena) {}

 private:
  void* do_allocate(std::size_t size, std::size_t align) override {
    std::uint8_t* const begin = arena_.Allocate(size + align - 1).data();
    const auto over = reinterpret_cast<std::uintptr_t>(begin) % align;
    return over == 0 ? begin : begin + (align - over);
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override {
    return this == &other;
  }

  Arena& arena_;
};

}  // namespace kms::server

template <>
struct boost::json::is_deallocate_trivial<kms::server::ArenaResource> {
  static constexpr bool value = true;
};

#endif  // KMS_SERVER_API_ARENA_RESOURCE_H_
