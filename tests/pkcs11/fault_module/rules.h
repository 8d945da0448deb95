// Rules: what the fault module is told to do, one a line.
//
//   <C_Function or *> <action> [argument] [skip=N] [times=M]
//
// The first N calls that the rule is for pass, the next M (all, without times) are hit.
// Empty lines and lines that begin with # say nothing. Actions:
//
//   return CODE     answer CODE (CKR_NAME or hexadecimal) without calling the target
//   hang            wait until the rule is gone from the file, then go on
//   delay MILLIS    wait, then go on
//   lose-sessions   first close all sessions in the target: handles and login are gone
//   logout          first log out in the target
//   short N         report N bytes fewer than there are, but no fewer than none
//   long N          report N bytes more than there are; nothing is written behind them
//   empty           report no bytes
//   garbage         change every byte of the output
//   full            creating a token object (CKA_TOKEN true) is CKR_DEVICE_MEMORY
//   vanish          the token is gone, until the rule is; then all sessions are, too
//   hide MECHANISM  the token does not know the mechanism (CKM_NAME or hexadecimal)
//   vendor-sm       the token also knows the mechanisms of vendor_sm.h
//
// short, long, empty and garbage are for what returns bytes into a buffer, and for
// successful calls with a buffer; others, such as the question for the size, pass and are
// not counted. full counts the creations of token objects only. The last three are for
// the function * and take neither skip nor times.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_RULES_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_RULES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "names.h"

namespace kms::fault {

enum class Action : std::uint8_t {
  kReturn,
  kHang,
  kDelay,
  kLoseSessions,
  kLogout,
  kShort,
  kLong,
  kEmpty,
  kGarbage,
  kFull,
  kVanish,
  kHide,
  kVendorSm,
};

struct Rule {
  std::string text;
  std::optional<Function> function;  // none: any
  Action action = Action::kReturn;
  unsigned long argument = 0;
  std::uint64_t skip = 0;
  std::optional<std::uint64_t> times;  // none: always

  bool IsFor(Function called) const { return !function || *function == called; }
};

// None if the line is no rule.
std::optional<Rule> ParseRule(std::string_view line);

// A rule in force, which counts its calls.
class LiveRule {
 public:
  explicit LiveRule(Rule rule) : rule_(std::move(rule)) {}
  const Rule* operator->() const { return &rule_; }

  // Claim counts a call, and tells whether the rule hits it.
  bool Claim() const {
    const std::uint64_t before = seen_.fetch_add(1);
    return before >= rule_.skip && (!rule_.times || before - rule_.skip < *rule_.times);
  }

 private:
  const Rule rule_;
  mutable std::atomic<std::uint64_t> seen_ = 0;
};

struct RuleSet {
  std::uint64_t generation = 0;  // grows with each reading of the file
  bool broken = false;           // a line is no rule; stderr says which
  std::vector<std::shared_ptr<const LiveRule>> rules;

  bool Has(Action action) const;
  bool Has(std::string_view text) const;
  bool Hides(CK_MECHANISM_TYPE mechanism) const;
};

// The file of rules. Any thread may call it.
class RuleFile {
 public:
  // Watch makes `path` the file; an empty path means that there are no rules.
  void Watch(std::string path);

  // Current reads the file if it has changed since the last call.
  std::shared_ptr<const RuleSet> Current();

 private:
  struct Stamp {
    bool exists = false;
    std::uint64_t inode = 0;
    std::int64_t size = 0, seconds = 0, nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };

  Stamp Look() const;
  void Read();

  std::mutex mutex_;
  std::string path_;
  Stamp stamp_;
  std::shared_ptr<const RuleSet> current_ = std::make_shared<RuleSet>();
};

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_RULES_H_
