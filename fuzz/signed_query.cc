// Whoever signed a query has signed no other one: all forms of a query that verify for it
// are read as the same fields, and sorting twice is sorting once.

#include "signer/signed_query.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/text.h"
#include "target.h"

namespace kms::fuzz::targets {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// What the server takes from a query; nothing if it refuses it.
std::optional<Fields> Meaning(std::string_view query) {
  server::Arena arena;
  const auto read = server::ReadQuery(query, arena);
  if (!read) return std::nullopt;
  Fields fields;
  for (const HeaderView& field : *read) fields.emplace_back(field.name, field.value);
  std::ranges::sort(fields);
  return fields;
}

}  // namespace

// The query as it is.
void signed_query(ByteView bytes) {
  const std::string_view query = AsText(bytes);
  const std::string sorted = SortQuery(query);
  Require(SortQuery(sorted) == sorted, "sorting twice is sorting once");
  Require(sorted.size() == query.size(), "sorting keeps every byte");

  const auto meaning = Meaning(query);
  if (!meaning) return;
  for (const std::string& form : FormsOfQuery(query)) {
    const auto of_form = Meaning(form);
    Require(!of_form || *of_form == *meaning, "a form is read as the same fields");
  }
}

}  // namespace kms::fuzz::targets
