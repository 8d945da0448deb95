#include "tamper.h"

#include <algorithm>

namespace kms::fault {
namespace {

bool Spoils(Action action) {
  return action == Action::kShort || action == Action::kLong ||
         action == Action::kEmpty || action == Action::kGarbage;
}

void Spoil(const Rule& rule, const Output& output) {
  if (rule.action == Action::kGarbage) {
    for (unsigned long i = 0; i < output.written; ++i) output.bytes[i] ^= 0xA5;
    return;
  }
  if (output.size == nullptr) return;
  unsigned long& size = *output.size;
  if (rule.action == Action::kShort)
    size -= std::min(size, rule.argument);
  else
    size = rule.action == Action::kLong ? size + rule.argument : 0;
}

}  // namespace

std::vector<Output> AttributeOutputs(const CK_ATTRIBUTE* attributes, CK_ULONG count) {
  std::vector<Output> outputs;
  for (CK_ULONG i = 0; i < count; ++i) {
    // Const only here: the template is the caller's to be written.
    auto& attribute = const_cast<CK_ATTRIBUTE&>(attributes[i]);
    // Attributes of attributes hold addresses, which must stay.
    const bool nested = (attribute.type & CKF_ARRAY_ATTRIBUTE) != 0;
    if (attribute.pValue == nullptr || nested ||
        attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION)
      continue;
    outputs.push_back({static_cast<unsigned char*>(attribute.pValue),
                       attribute.ulValueLen, &attribute.ulValueLen});
  }
  return outputs;
}

void Tamper(const RuleSet& rules, Function called, const std::vector<Output>& outputs) {
  if (outputs.empty()) return;
  for (const auto& rule : rules.rules) {
    if (!Spoils((*rule)->action) || !(*rule)->IsFor(called) || !rule->Claim()) continue;
    for (const Output& output : outputs) Spoil(*rule->operator->(), output);
  }
}

}  // namespace kms::fault
