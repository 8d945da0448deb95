// What can go wrong in kmsctl, as errors whose detail is the text that a person reads,
// and whose class decides the exit status.

#ifndef KMS_SERVER_KMSCTL_FAILURE_H_
#define KMS_SERVER_KMSCTL_FAILURE_H_

#include <string>
#include <utility>

#include "kms/result.h"

namespace kms::server {

enum ExitStatus : int { kSuccess = 0, kRefused = 1, kUsage = 2, kNoConnection = 3 };

// The arguments, or a file that they name, are not usable.
inline Error UsageError(std::string text) {
  return Error(ErrorClass::kInvalidArgument, Reason::kBadParameter, std::move(text));
}

// The server was not reached, or its answer was none.
inline Error ConnectionError(std::string text) {
  return Error(ErrorClass::kUnavailable, Reason::kInternal, std::move(text));
}

// The server said no.
inline Error RefusedError(std::string text) {
  return Error(ErrorClass::kDenied, Reason::kInternal, std::move(text));
}

// What was to be checked could not be: that is no finding. Wrong usage stays that.
inline Error NotCheckedError(const Error& error) {
  if (error.error_class() == ErrorClass::kInvalidArgument) return error;
  return Error(ErrorClass::kUnavailable, error.reason(), error.detail());
}

// A file of this machine could not be read or written.
inline Error LocalFileError(std::string text) {
  return Error(ErrorClass::kInternal, Reason::kInternal, std::move(text));
}

inline ExitStatus ExitStatusOf(const Error& error) {
  switch (error.error_class()) {
    case ErrorClass::kInvalidArgument:
      return kUsage;
    case ErrorClass::kUnavailable:
      return kNoConnection;
    default:
      return kRefused;
  }
}

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_FAILURE_H_
