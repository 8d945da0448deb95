// PolicyDocument: who writes down what a group of users may do, writes one of these
// (manual 4.8):
//
//   {"Version": "1.1",
//    "Statement": [{"Sid": "no-night-work",
//                   "Effect": "Deny",
//                   "Action": ["kms:cmk:*"],
//                   "Resource": ["cmk/0a1b*"],
//                   "Condition": {"NotIpAddress": {"kms:SourceIp": ["10.0.0.0/8"]}}}]}
//
// An explicit deny wins over every allow; what no statement allows is denied. Of a
// condition all operators must hold; several values of one are alternatives. docs/iam.md
// tells all of it. Who holds which documents is not its business (kms/policy.h).
//
// Threads: a document and a table are immutable, and shared by any number of threads.

#ifndef KMS_POLICY_DOCUMENT_H_
#define KMS_POLICY_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kms/clock.h"
#include "kms/result.h"

namespace kms {

// An action that policies may speak of: a permission triple such as "kms:cmk:encrypt".
struct KnownAction {
  std::string_view name;  // of static storage
  bool write = false;     // its class in the manual's table
  bool computes = false;  // uses keys, rather than managing them
};

// ActionTable: all actions there are, each once, in the order of their names.
class ActionTable {
 public:
  // Of several entries of one name the first counts.
  explicit ActionTable(std::vector<KnownAction> actions = {});

  std::span<const KnownAction> actions() const { return actions_; }
  // Find returns the place of `name` in actions().
  std::optional<std::size_t> Find(std::string_view name) const;

 private:
  std::vector<KnownAction> actions_;
};

// What is asked of a document. An empty id is no resource in particular, which only "*"
// patterns match.
struct PolicyQuestion {
  std::size_t action = 0;  // its place in the table that the document was parsed with
  std::string_view kind;   // "cmk", "cert", "accessPoint"; of other things their own
  std::string_view id;
  std::string_view source;  // an address, v4 or v6
  UnixMillis now = 0;
  bool tls = false;
};

struct PolicyVerdict {
  enum class Effect : std::uint8_t { kNone, kAllow, kDeny };
  Effect effect = Effect::kNone;
  std::size_t statement = 0;  // which decided, counted from 0; of kNone nothing
};

class PolicyDocument {
 public:
  // Parse reads a document strictly: members that it does not know, or that stand there
  // twice, and patterns of actions that match nothing in the table, are refused, and so
  // is what is over a limit: 64 KiB, 100 statements, 100 actions and 100 resources in
  // each. Fails: kBadParameter, whose parameter() names the statement.
  static Result<std::shared_ptr<const PolicyDocument>> Parse(std::string_view json,
                                                             const ActionTable& table);

  struct Statements;  // libkms/src/policy/statements.h
  explicit PolicyDocument(std::unique_ptr<const Statements> statements);
  ~PolicyDocument();
  PolicyDocument(const PolicyDocument&) = delete;
  PolicyDocument& operator=(const PolicyDocument&) = delete;

  // Evaluate returns what the document says, in about a microsecond.
  PolicyVerdict Evaluate(const PolicyQuestion& question) const;

  const Statements& statements() const { return *statements_; }

 private:
  const std::unique_ptr<const Statements> statements_;
};

}  // namespace kms

#endif  // KMS_POLICY_DOCUMENT_H_
