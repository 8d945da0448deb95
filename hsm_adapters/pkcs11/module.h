// Module: a Cryptoki module, loaded and initialised.
//
// A shared library is loaded once and never unloaded: modules leave threads and exit
// handlers behind. One Module at a time may be initialised on a library, because
// Cryptoki's state belongs to the process.
//
// Threads: functions() may be called from many threads at once, except while Restart or
// the destructor runs, which the caller sees to.

#ifndef KMS_PKCS11_MODULE_H_
#define KMS_PKCS11_MODULE_H_

#include <memory>
#include <string>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/result.h"

namespace kms::pkcs11 {

class Module {
 public:
  // Load opens the library at `path` and initialises it, with the system's locking.
  // Fails: kNotFound if there is no such file, or it is no module; kUnavailable if it
  // does not initialise, or is initialised already by somebody else in this process.
  static Result<std::unique_ptr<Module>> Load(const std::string& path);

  // The destructor finalizes the module, unless Abandon was called.
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  CK_FUNCTION_LIST& functions() const { return *functions_; }

  // Restart finalizes the module and initialises it again. All sessions and handles are
  // gone then. Fails: kUnavailable.
  Result<void> Restart();

  // Abandon leaves the module as it is from now on: a call hangs in it.
  void Abandon() { abandoned_ = true; }

 private:
  Module(std::string path, CK_FUNCTION_LIST* functions);

  const std::string path_;
  CK_FUNCTION_LIST* const functions_;
  bool initialised_ = false;
  bool abandoned_ = false;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_MODULE_H_
