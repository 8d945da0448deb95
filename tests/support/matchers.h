// Matchers for kms::Result that print the error: IsOk(), Fails(Reason), FailsAs(class).

#ifndef KMS_TESTS_SUPPORT_MATCHERS_H_
#define KMS_TESTS_SUPPORT_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "kms/result.h"

namespace kms {

inline void PrintTo(Reason reason, std::ostream* out) { *out << CodeOf(reason); }

inline void PrintTo(const Error& error, std::ostream* out) {
  *out << CodeOf(error.reason()) << " (class " << static_cast<int>(error.error_class())
       << ") " << error.detail() << " " << error.parameter();
}

// Prints whether it succeeded, never the value: it may be secret.
template <typename T>
void PrintTo(const Result<T>& result, std::ostream* out) {
  if (result) {
    *out << "success";
  } else {
    PrintTo(result.error(), out);
  }
}

}  // namespace kms

namespace kms::testing {

MATCHER(IsOk, "is a success") { return arg.has_value(); }

MATCHER_P(Fails, reason, std::string("fails with ") + std::string(kms::CodeOf(reason))) {
  return !arg.has_value() && arg.error().reason() == reason;
}

MATCHER_P(FailsAs, error_class, "fails with that class") {
  return !arg.has_value() && arg.error().error_class() == error_class;
}

}  // namespace kms::testing

#define ASSERT_OK(expression) ASSERT_THAT((expression), ::kms::testing::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT((expression), ::kms::testing::IsOk())

#endif  // KMS_TESTS_SUPPORT_MATCHERS_H_
