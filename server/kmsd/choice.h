// An option whose value is one of a few words, for kmsd and kmsctl.

#ifndef KMS_SERVER_KMSD_CHOICE_H_
#define KMS_SERVER_KMSD_CHOICE_H_

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace kms::server {

// OneOf has `option` take one of the words; any other is refused with a list of them.
// CLI11 would also take, and show, the numbers behind them.
template <typename Value>
CLI::Option* OneOf(CLI::Option* option, const std::map<std::string, Value>& words) {
  std::vector<std::string> names;
  for (const auto& [name, value] : words) names.push_back(name);
  return option->type_name("TEXT")
      ->transform(CLI::Transformer(words).description(""))
      ->transform(CLI::IsMember(names));  // first: each transform goes before the others
}

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_CHOICE_H_
