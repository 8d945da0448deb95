// AnswerReader: cuts what a connection delivers into HTTP/1.1 answers. Answers have a
// Content-Length; anything else is an error, since kmsd sends nothing else.
//
// Threads: one at a time.

#ifndef KMS_BENCH_LOAD_ANSWER_H_
#define KMS_BENCH_LOAD_ANSWER_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace kms::load {

struct Answer {
  int status = 0;
  bool closes = false;    // the server closes the connection after it
  std::string_view body;  // valid until the reader's next Space()
};

class AnswerReader {
 public:
  enum class State { kPartial, kWhole, kMalformed };

  // Space returns where the next bytes go; there is some.
  std::span<char> Space();
  // Added tells how many of them came.
  void Added(std::size_t bytes) { end_ += bytes; }

  // Next reads the next answer into `answer`, if it is there as a whole. After
  // kMalformed nothing more can be read.
  State Next(Answer& answer);

  // Forgets what is left.
  void Clear() { begin_ = end_ = head_size_ = 0; }

 private:
  bool ReadHead(std::string_view head);

  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  // Of the answer that begins at begin_, once its head is there.
  std::size_t head_size_ = 0;
  std::size_t body_size_ = 0;
  Answer head_;
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_ANSWER_H_
