// A small table of actions.

#ifndef KMS_TESTS_POLICY_TABLE_H_
#define KMS_TESTS_POLICY_TABLE_H_

#include <memory>
#include <string>
#include <string_view>

#include "kms/policy_document.h"
#include "support/matchers.h"

namespace kms::testing {

inline const ActionTable& Table() {
  static const ActionTable table({{"kms:cmk:encrypt", false, true},
                                  {"kms:cmk:decrypt", false, true},
                                  {"kms:cmk:describe"},
                                  {"kms:cmk:create", true},
                                  {"kms:cert:sign", false, true},
                                  {"kms:iam:createUser", true}});
  return table;
}

inline Result<std::shared_ptr<const PolicyDocument>> Parse(std::string_view json) {
  return PolicyDocument::Parse(json, Table());
}

// A document of these statements.
inline std::string Of(const std::string& statements) {
  return R"({"Version": "1.1", "Statement": [)" + statements + "]}";
}

}  // namespace kms::testing

#endif  // KMS_TESTS_POLICY_TABLE_H_
