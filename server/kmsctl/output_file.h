// OutputFile: a file that appears under its name only when it is complete.
//
// It is written beside its place, mode 0600, and takes the name with Commit; without
// that nothing is left of it.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_OUTPUT_FILE_H_
#define KMS_SERVER_KMSCTL_OUTPUT_FILE_H_

#include <memory>
#include <string>

#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::server {

class OutputFile {
 public:
  // Create fails with kAlreadyExists if there is a file `path` and not `replace`;
  // kInternal.
  static Result<std::unique_ptr<OutputFile>> Create(const std::string& path,
                                                    bool replace);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Write fails with kInternal.
  Result<void> Write(ByteView bytes);

  // Commit makes the file durable and gives it its name. A file that took the name
  // meanwhile stays, unless it is to be replaced.
  // Fails: kAlreadyExists; kInternal.
  Result<void> Commit();

 private:
  OutputFile(std::string path, bool replace);

  const std::string path_;
  const bool replace_;
  std::string temporary_;
  int file_ = -1;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_OUTPUT_FILE_H_
