// CallTrace: what the fault module writes down of each call (fault_module/trace.h).

#ifndef KMS_TESTS_PKCS11_CALL_TRACE_H_
#define KMS_TESTS_PKCS11_CALL_TRACE_H_

#include <stdlib.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "store/scratch_directory.h"

namespace kms::testing {

// Owns the file, and names it in the environment. Make it before the module is
// initialised and before threads start. One thread at a time asks.
class CallTrace {
 public:
  CallTrace() { ::setenv("KMS_FAULT_TRACE", path().c_str(), 1); }
  ~CallTrace() { ::unsetenv("KMS_FAULT_TRACE"); }
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;

  // How many calls of `function` have answered `code`; empty: any.
  int Count(std::string_view function = {}, std::string_view code = {}) {
    Read();
    int count = 0;
    for (const auto& [call, times] : calls_)
      if ((function.empty() || call.first == function) &&
          (code.empty() || call.second == code))
        count += times;
    return count;
  }

  // How many calls each function has had.
  std::map<std::string, int> PerFunction() {
    Read();
    std::map<std::string, int> counts;
    for (const auto& [call, times] : calls_) counts[call.first] += times;
    return counts;
  }

  // The function that was called last.
  std::string Last() {
    Read();
    return last_;
  }

 private:
  std::string path() const { return folder_.path() + "/trace"; }

  // Goes on where it has stopped: under load the file becomes long.
  void Read() {
    std::ifstream file(path());
    file.seekg(read_);
    for (std::string line; std::getline(file, line) && !file.eof();) {
      read_ += static_cast<std::streamoff>(line.size() + 1);
      const std::size_t space = line.find(' ');
      last_ = line.substr(0, space);
      ++calls_[{last_, line.substr(space + 1)}];
    }
  }

  const ScratchDirectory folder_;
  std::map<std::pair<std::string, std::string>, int> calls_;
  std::string last_;
  std::streamoff read_ = 0;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_CALL_TRACE_H_
