#include "trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace kms::fault {

void Trace::Into(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (path == path_) return;
  if (file_ >= 0) ::close(file_);
  path_ = path;
  file_ = -1;
  if (path.empty()) return;
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_ < 0) std::perror(("kms_fault_module: " + path).c_str());
}

void Trace::Add(Function function, CK_RV code) {
  const std::lock_guard lock(mutex_);
  if (file_ < 0) return;
  const std::string line = std::string(NameOf(function)) + ' ' + NameOfCode(code) + '\n';
  if (::write(file_, line.data(), line.size()) < 0)
    std::perror("kms_fault_module: trace");
}

}  // namespace kms::fault
