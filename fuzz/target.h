// What a fuzz target is: one function over bytes, kms::fuzz::targets::<target> in
// fuzz/<target>.cc, which states one property in its first line and ends the process
// where it does not hold. docs/testing.md tells how to add one.
//
// The same file is linked with all others for the replay of the corpora, which any
// compiler can do, and alone with libFuzzer.
//
// Threads: a target is called from one thread; what it keeps between calls is its own.

#ifndef KMS_FUZZ_TARGET_H_
#define KMS_FUZZ_TARGET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

#include "kms/bytes.h"

namespace kms::fuzz {

// Require ends the process unless the property `holds`.
inline void Require(bool holds, const char* what,
                    const std::source_location& where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold: %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), what);
  std::abort();
}

// Input takes an input apart from its beginning. At its end it gives zeros and nothing,
// so that every input is one.
class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t Byte() {
    const ByteView one = Take(1);
    return one.empty() ? std::uint8_t{0} : one.front();
  }
  // 0 to `limit` - 1.
  std::size_t Below(std::size_t limit) {
    const std::size_t high = limit > 256 ? Byte() : 0;
    return (high << 8 | Byte()) % limit;
  }
  bool Flag() { return (Byte() & 1) != 0; }
  ByteView Take(std::size_t size) {
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView Rest() { return Take(rest_.size()); }
  // Up to the next `end`, which is skipped, or the end of the input.
  std::string_view TextUpTo(char end) {
    const std::string_view all = AsText(rest_);
    const std::string_view text = all.substr(0, all.find(end));
    Take(text.size() + 1);
    return text;
  }

 private:
  ByteView rest_;
};

}  // namespace kms::fuzz

#endif  // KMS_FUZZ_TARGET_H_
