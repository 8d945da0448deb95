// Trace: a line for each call, with its function and its result, in the file that
// KMS_FAULT_TRACE names.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_TRACE_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_TRACE_H_

#include <mutex>
#include <string>

#include "names.h"

namespace kms::fault {

class Trace {
 public:
  // Into appends to the file at `path` from now on; empty: to none.
  void Into(const std::string& path);
  void Add(Function function, CK_RV code);

 private:
  std::mutex mutex_;
  std::string path_;
  int file_ = -1;
};

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_TRACE_H_
