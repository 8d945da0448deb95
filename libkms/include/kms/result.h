// Result: the value of an operation, or the reason why there is none.
//
// Errors are values. An Error has a class, which callers branch on, and a
// reason, which is one row of the error table (kms/error_table.def) and decides
// what a client of the service is told. Exceptions end at the adapter that met
// them; only std::bad_alloc crosses this API.
//
// Not for bugs: taking the value of a failure, or the error of a success, ends
// the process instead of being undefined.

#ifndef KMS_RESULT_H_
#define KMS_RESULT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace kms {

// What kind of failure it is: the cases in which some caller acts
// differently.
enum class ErrorClass : std::uint8_t {
  kInvalidArgument,  // the request can never succeed as it is
  kNotFound,
  kAlreadyExists,
  kConflict,    // somebody else changed it meanwhile; try again
  kDenied,      // not allowed for this principal
  kWrongState,  // not in the state that the object is in
  kAuthFailed,  // wrong key, tag, token or signature: one class, no oracle
  kUnsupported,
  kExhausted,    // a quota or a limit
  kUnavailable,  // the store or a token does not answer now
  kMustWait,     // needs a thread that may wait for a token (kms/request_context.h)
  kDryRun,       // nothing was wrong, and nothing was to be done (kms/request_context.h)
  kCorrupt,      // stored bytes do not check out
  kInternal,
};

// One row of the error table.
enum class Reason : std::uint8_t {
#define KMS_REASON(name, error_class, http, code, english, chinese) name,
#include "kms/error_table.def"
#undef KMS_REASON
};

// ClassOf returns the class that the error table gives to `reason`.
ErrorClass ClassOf(Reason reason);

// CodeOf returns the published code of `reason`, such as "KMS.0301".
std::string_view CodeOf(Reason reason);

// An Error is cheap to make and to move. `detail` is for the log: it may name
// ids and sizes, never key bytes, plaintext, PINs or tokens. `parameter` is the
// name of the request member that was refused, if one was.
class Error {
 public:
  explicit Error(Reason reason, std::string detail = {})
      : reason_(reason), class_(ClassOf(reason)), detail_(std::move(detail)) {}
  Error(ErrorClass error_class, Reason reason, std::string detail = {})
      : reason_(reason), class_(error_class), detail_(std::move(detail)) {}

  // About returns this error with the name of the refused parameter.
  Error About(std::string_view parameter) && {
    parameter_ = parameter;
    return std::move(*this);
  }

  Reason reason() const { return reason_; }
  ErrorClass error_class() const { return class_; }
  const std::string& detail() const { return detail_; }
  const std::string& parameter() const { return parameter_; }

 private:
  Reason reason_;
  ErrorClass class_;
  std::string detail_;
  std::string parameter_;
};

namespace internal {
[[noreturn]] void MisusedResult(const Error* error);
}  // namespace internal

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(Reason reason) : Result(Error(reason)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return Checked(), *std::get_if<0>(&state_); }
  const T& value() const& { return Checked(), *std::get_if<0>(&state_); }
  // By value, so that a loop over the value of a temporary is sound.
  T value() && { return Checked(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    if (has_value()) internal::MisusedResult(nullptr);
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    if (has_value()) internal::MisusedResult(nullptr);
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  void Checked() const {
    if (!has_value()) internal::MisusedResult(std::get_if<1>(&state_));
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}
  Result(Reason reason) : Result(Error(reason)) {}

  bool has_value() const { return error_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  void value() const {
    if (!has_value()) internal::MisusedResult(std::get_if<1>(&error_));
  }
  const Error& error() const& {
    if (has_value()) internal::MisusedResult(nullptr);
    return *std::get_if<1>(&error_);
  }
  Error&& error() && {
    if (has_value()) internal::MisusedResult(nullptr);
    return std::move(*std::get_if<1>(&error_));
  }

 private:
  std::variant<std::monostate, Error> error_;
};

}  // namespace kms

#define KMS_CONCAT_INNER(a, b) a##b
#define KMS_CONCAT(a, b) KMS_CONCAT_INNER(a, b)

// KMS_TRY(auto x, expr) declares x with the value of expr, or returns its error.
// (A counter, not the line, makes the name: a lambda inside expr may use the macro
// too.)
#define KMS_TRY(declaration, expression) \
  KMS_TRY_INNER(KMS_CONCAT(kms_result_, __COUNTER__), declaration, expression)
#define KMS_TRY_INNER(result, declaration, expression) \
  auto result = (expression);                          \
  if (!result) return std::move(result).error();       \
  declaration = std::move(result).value()

// KMS_CHECK_OK(expr) returns the error of expr, if it has one.
#define KMS_CHECK_OK(expression) \
  KMS_CHECK_OK_INNER(KMS_CONCAT(kms_result_, __COUNTER__), expression)
#define KMS_CHECK_OK_INNER(result, expression)                                 \
  do {                                                                         \
    if (auto result = (expression); !result) return std::move(result).error(); \
  } while (false)

#endif  // KMS_RESULT_H_
