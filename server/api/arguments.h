// Arguments: the checked, decoded parameters of one request, one slot for each
// Parameter of the operation's row. A getter of the wrong kind, or for a name that
// the row does not have, is a bug and ends the process.
//
// Texts and bytes point into the request or into its arena, which is wiped.

#ifndef KMS_SERVER_API_ARGUMENTS_H_
#define KMS_SERVER_API_ARGUMENTS_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "api/operation.h"
#include "api/request_body.h"
#include "kms/bytes.h"
#include "kms/digest.h"
#include "kms/result.h"
#include "kms/signer.h"

namespace kms::server {

class Arguments {
 public:
  // Read checks the parameters of `operation` in the order of the row, and fails with
  // the first one's own error, naming it. For a kHeader parameter of a GET the body is
  // asked first, then the query, then the headers. `query` is decoded. What is decoded
  // is kept in `arena`. With `on_access_point`, what an access point implies may be
  // missing.
  static Result<Arguments> Read(const Operation& operation, const RequestBody& body,
                                std::span<const HeaderView> query,
                                std::span<const HeaderView> headers, Arena& arena,
                                bool on_access_point = false);

  // Has: the parameter is there, and not empty unless it may be.
  bool Has(std::string_view name) const;

  // kText, kKey, kAlias, kVersion, kCertificate. Empty if absent.
  std::string_view Text(std::string_view name) const;

  // kInteger, kDays, kUnixTime, and the value of a kChoice.
  std::int64_t Integer(std::string_view name, std::int64_t otherwise = 0) const;

  // kBoolean.
  bool Boolean(std::string_view name, bool otherwise = false) const;

  // kBase64, kPublicKey (DER). Empty if absent.
  ByteView Bytes(std::string_view name) const;

  // kTexts; kTextMap, each name before its text. Empty if absent.
  std::span<const std::string_view> Texts(std::string_view name) const;

  // KeepIn copies what points elsewhere into `arena`, for who outlasts the request.
  void KeepIn(Arena& arena);

  // Fingerprint is a digest of the operation's name and all decoded parameters: two
  // requests with the same fingerprint ask for the same thing.
  Digest32 Fingerprint() const;

 private:
  using Value = std::variant<std::monostate, std::string_view, std::int64_t, bool,
                             ByteView, std::vector<std::string_view>>;
  explicit Arguments(const Operation& operation) : operation_(&operation) {}
  const Value& Slot(std::string_view name) const;

  const Operation* operation_;
  std::vector<Value> values_;  // one for each parameter of the row
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_ARGUMENTS_H_
