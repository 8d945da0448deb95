// The statements of a policy document, ready to be asked.

#ifndef KMS_POLICY_STATEMENTS_H_
#define KMS_POLICY_STATEMENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kms/policy_document.h"
#include "policy/conditions.h"

namespace kms {

// GlobMatches: `pattern` may have "*", which stands for any number of characters.
bool GlobMatches(std::string_view pattern, std::string_view text);

// "cmk/<pattern of ids>". An empty kind is every resource there is.
struct ResourcePattern {
  std::string kind;
  std::string id;

  bool Covers(std::string_view of_kind, std::string_view of_id) const {
    return kind.empty() || (kind == of_kind && GlobMatches(id, of_id));
  }
  bool CoversAll(std::string_view of_kind) const {
    return kind.empty() || (kind == of_kind && id == "*");
  }
};

// A set of places in an action table.
class ActionSet {
 public:
  explicit ActionSet(std::size_t actions = 0) : words_((actions + 63) / 64) {}
  void Insert(std::size_t action) {
    words_[action / 64] |= std::uint64_t{1} << (action % 64);
  }
  bool Contains(std::size_t action) const {
    return action / 64 < words_.size() && (words_[action / 64] >> (action % 64) & 1) != 0;
  }

 private:
  std::vector<std::uint64_t> words_;
};

struct Statement {
  std::string sid;
  bool allows = false;
  ActionSet actions;
  std::vector<ResourcePattern> resources;
  std::vector<Condition> conditions;

  // Applies: to the action, now, on some resource.
  bool Applies(const PolicyQuestion& question) const;
  bool Covers(const PolicyQuestion& question) const;
  bool CoversAll(std::string_view kind) const;
};

struct PolicyDocument::Statements {
  std::vector<Statement> all;
};

}  // namespace kms

#endif  // KMS_POLICY_STATEMENTS_H_
