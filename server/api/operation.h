// Operation: one row of the table of operations, from which everything else comes:
// routing, parameter checks, authorisation, metrics, audit names, the OpenAPI
// document, the reference in docs/, and the calls of kmsctl. Adding an operation is
// one row and one function.

#ifndef KMS_SERVER_API_OPERATION_H_
#define KMS_SERVER_API_OPERATION_H_

#include <boost/json/object.hpp>
#include <cstdint>
#include <span>
#include <string_view>

#include "kms/policy_document.h"
#include "kms/result.h"

namespace kms::server {

class Arguments;  // api/arguments.h
struct Call;      // api/call.h

enum class Where : std::uint8_t {
  kBody,
  kHeader,  // of a GET; header, query or body member, whichever is there
};

enum class Kind : std::uint8_t {
  kText,         // at most `max` characters (not bytes)
  kInteger,      // `min` to `max`
  kBoolean,      // true or false
  kChoice,       // one of `choices`
  kBase64,       // at most `max` bytes decoded
  kKey,          // a key id or an alias
  kAlias,        // an alias name
  kVersion,      // a key version id
  kCertificate,  // a certificate id
  kDays,         // "7d": `min` to `max` days
  kUnixTime,     // seconds since 1970; 0: never
  kPublicKey,    // base64 of DER, base64 of PEM, or PEM
  kTexts,        // an array of 1 to 1000 texts, each of 1 to `max` characters
  kTextMap       // an object of texts
};

// One accepted spelling of a kChoice, and the number that the handler gets for it.
struct Choice {
  std::string_view spelling;
  int value;
};

struct Parameter {
  std::string_view name;
  Where where = Where::kBody;
  bool required = false;
  Kind kind = Kind::kText;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::span<const Choice> choices = {};
  Reason missing = Reason::kParameterMissing;  // absent or empty
  Reason bad = Reason::kBadParameter;          // any other value that is not allowed
  bool secret = false;                         // never in a log, wiped after use
  bool may_be_empty = false;  // kText, kKey: empty is a value; kTexts: so are items
  bool implied = false;       // by an access point: whoever speaks to one need not say it
  std::string_view unless = {};  // names one of the row that may stand in for this one
  std::string_view note = {};    // for the reference
};

// What an operation computes with: the quotas of the manual (4.1).
enum class OperationClass : std::uint8_t { kSymmetric, kAsymmetric, kManagement };

// Where a handler runs (design: hot path). kInline: microseconds, on the I/O thread.
// kCommit: waits for the disk, on a pool of many threads. kPrivateKey: a private-key
// operation or key generation, on a pool of few threads with low priority. kBatch: many
// computations, on a thread of lower priority still. kToken: whatever has to wait for the
// HSM; no row names it, a handler on another lane finds out and is run again there
// (ErrorClass::kMustWait).
enum class Lane : std::uint8_t { kInline, kCommit, kPrivateKey, kBatch, kToken };

// How a result is wrapped on the wire.
enum class Envelope : std::uint8_t {
  kGateway,  // {"statusCode":800,"returnObj":{…}}
  kBare      // the inner object alone; the manual shows it for encrypt
};

// A handler gets checked, decoded parameters, and returns the members of `result`;
// empty: there is none. No sockets, no JSON text.
using Handler = Result<boost::json::object> (*)(Call& call, const Arguments& arguments);

struct Operation {
  std::string_view name;
  std::string_view group;
  bool get = false;                              // answers GET as well as POST
  std::span<const std::string_view> paths = {};  // the first is the canonical one
  std::string_view action;                       // permission triple
  bool write = false;                            // the permission's class (manual 4.8)
  bool mutates = false;                          // changes state; keeps the request id
  OperationClass operation_class = OperationClass::kManagement;
  Lane lane = Lane::kCommit;
  // A lane that depends on the parameters; null: `lane`.
  Lane (*choose_lane)(const Arguments& arguments) = nullptr;
  std::span<const Parameter> parameters = {};
  std::span<const std::string_view> result = {};     // members, for the reference
  std::span<const std::string_view> resources = {};  // parameters that name resources
  std::string_view section;                          // of the manual
  Envelope envelope = Envelope::kGateway;
  std::string_view summary;  // one sentence, for the reference
  Handler handler = nullptr;
};

// IsOurs: whether the manual has no such operation.
bool IsOurs(const Operation& operation);

// The whole table, group by group.
std::span<const Operation* const> AllOperations();

// ActionsOf is what policies may speak of.
ActionTable ActionsOf(std::span<const Operation* const> operations);

// FindOperation returns the operation of that name, or null.
const Operation* FindOperation(std::string_view name);

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPERATION_H_
