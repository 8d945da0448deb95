// StreamedInput: an input file that is read piece by piece, with a progress line on a
// terminal.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_STREAMED_INPUT_H_
#define KMS_SERVER_KMSCTL_STREAMED_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "kms/result.h"

namespace kms::server {

class StreamedInput {
 public:
  explicit StreamedInput(const std::string& path);
  ~StreamedInput();
  StreamedInput(const StreamedInput&) = delete;
  StreamedInput& operator=(const StreamedInput&) = delete;

  // Read returns how many bytes it read; 0 at the end.
  // Fails: kInvalidArgument if the file cannot be opened or read.
  Result<std::size_t> Read(std::span<std::uint8_t> room);

 private:
  void Show();

  const std::string path_;
  const int file_;
  int error_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t done_ = 0;
  bool shows_ = false;
  int shown_ = -1;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_STREAMED_INPUT_H_
