// RequestForm: the bytes of one kind of request, written once; each request that is sent
// is a copy with its own id, date and signature.
//
// Threads: one at a time may write; each thread has its own form.

#ifndef KMS_BENCH_LOAD_REQUEST_H_
#define KMS_BENCH_LOAD_REQUEST_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/load/signing.h"
#include "kms/clock.h"

namespace kms::load {

// What is asked, and what a right answer has in it.
struct Target {
  std::string operation;
  unsigned weight = 1;
  std::string path;
  std::string body;  // empty: an unsigned GET
  // In the body of a right answer, beside success; empty: status 200 is enough.
  std::string expected;

  bool is_signed() const { return !body.empty(); }
};

// IsRight: whether an answer is the one that `target` asks for.
bool IsRight(const Target& target, int status, std::string_view body);

// Whom requests are addressed to, and who sends them.
struct Addressing {
  std::string authority;   // host and port
  std::string access_key;  // empty: nothing is signed
  std::string region;
};

class RequestForm {
 public:
  RequestForm(const Target& target, const Addressing& addressing);

  // Write appends the next request to `out`; `stamp` may be null if nothing is signed.
  void Write(EopStamp* stamp, UnixMillis now, std::string& out);

 private:
  std::string text_;
  std::string body_hash_;  // empty: unsigned
  std::size_t id_at_ = 0;
  std::size_t date_at_ = 0;
  std::size_t signature_at_ = 0;
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_REQUEST_H_
