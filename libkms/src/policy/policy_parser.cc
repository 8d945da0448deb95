// PolicyDocument::Parse.

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "kms/policy_document.h"
#include "policy/statements.h"

namespace kms {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxStatements = 100;
constexpr std::size_t kMaxItems = 100;  // actions, resources, values of a condition
constexpr std::size_t kMaxText = 255;
constexpr std::size_t kMaxDepth = 8;
constexpr std::ptrdiff_t kMaxMembers = 8;  // of one object; none that is known has more

// Refuses a member that stands twice in one object: the usual parser keeps one of them,
// and another reader might keep the other.
class DuplicateFinder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = boost::system::error_code;
  using Text = json::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) {
    begins_.push_back(names_.size());
    return true;
  }
  bool on_object_end(std::size_t, Code&) {
    names_.resize(begins_.back());
    begins_.pop_back();
    return true;
  }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_key_part(Text part, std::size_t, Code&) {
    name_.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, std::size_t, Code& error) {
    name_.append(part.data(), part.size());
    const auto siblings = names_.begin() + static_cast<std::ptrdiff_t>(begins_.back());
    if (names_.end() - siblings == kMaxMembers ||
        std::find(siblings, names_.end(), name_) != names_.end()) {
      error = json::error::syntax;
      return false;
    }
    names_.push_back(std::move(name_));
    name_.clear();
    return true;
  }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  std::vector<std::string> names_;
  std::vector<std::size_t> begins_;
  std::string name_;
};

// Thrown by the readers below, caught by Parse: what is wrong, in words that hold nothing
// of the document.
struct Refusal {
  std::string what;
};

[[noreturn]] void Refuse(std::string what) { throw Refusal{std::move(what)}; }

std::string_view ViewOf(const json::string& text) { return {text.data(), text.size()}; }

std::string_view TextOf(const json::value& value, std::string_view what) {
  if (!value.is_string()) Refuse(std::string(what) + " is no text");
  const std::string_view text = ViewOf(value.get_string());
  if (text.empty() || text.size() > kMaxText)
    Refuse(std::string(what) + " has no or too many characters");
  return text;
}

// One text, or a list of at least one.
std::vector<std::string_view> TextsOf(const json::value& value, std::string_view what) {
  if (!value.is_array()) return {TextOf(value, what)};
  const json::array& list = value.get_array();
  if (list.empty() || list.size() > kMaxItems)
    Refuse(std::string(what) + " has no or too many items");
  std::vector<std::string_view> texts;
  for (const json::value& item : list) texts.push_back(TextOf(item, what));
  return texts;
}

bool IsWord(std::string_view text, std::string_view also) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != also.npos;
  });
}

void AddAction(std::string_view pattern, const ActionTable& table, ActionSet& actions) {
  const bool triple = IsWord(pattern, "*:") && std::ranges::count(pattern, ':') == 2;
  if (pattern != "*" && !triple)
    Refuse("Action is no permission such as kms:cmk:encrypt");
  bool matched = false;
  for (std::size_t i = 0; i < table.actions().size(); ++i) {
    if (!GlobMatches(pattern, table.actions()[i].name)) continue;
    actions.Insert(i);
    matched = true;
  }
  if (!matched) Refuse("Action matches no operation");
}

ResourcePattern ReadResource(std::string_view text) {
  if (text == "*") return {};
  const std::size_t slash = text.find('/');
  const std::string_view kind = text.substr(0, slash);
  const std::string_view id = slash == text.npos ? "" : text.substr(slash + 1);
  if ((kind != "cmk" && kind != "cert" && kind != "accessPoint") || !IsWord(id, "*-_."))
    Refuse("Resource is none of *, cmk/…, cert/…, accessPoint/…");
  return {std::string(kind), std::string(id)};
}

void ReadAddresses(const json::value& values, Condition& condition) {
  for (const std::string_view text : TextsOf(values, "kms:SourceIp")) {
    const auto range = ParseAddressRange(text);
    if (!range) Refuse("kms:SourceIp is no address and no CIDR block");
    condition.ranges.push_back(*range);
  }
}

void ReadTimes(const json::value& values, Condition& condition) {
  for (const std::string_view text : TextsOf(values, "kms:CurrentTime")) {
    const auto time = ParseUtc(text);
    if (!time) Refuse("kms:CurrentTime is no time such as 2026-01-31T08:00:00Z");
    condition.times.push_back(*time);
  }
}

void ReadTruths(const json::value& value, Condition& condition) {
  if (value.is_bool()) {
    condition.truths.push_back(value.get_bool());
    return;
  }
  for (const std::string_view text : TextsOf(value, "kms:SecureTransport")) {
    if (text != "true" && text != "false")
      Refuse("kms:SecureTransport is neither true nor false");
    condition.truths.push_back(text == "true");
  }
}

struct OperatorRow {
  std::string_view name;
  Condition::Operator op;
  std::string_view key;
  void (*read)(const json::value&, Condition&);
};

constexpr OperatorRow kOperators[] = {
    {"IpAddress", Condition::Operator::kIpAddress, "kms:SourceIp", ReadAddresses},
    {"NotIpAddress", Condition::Operator::kNotIpAddress, "kms:SourceIp", ReadAddresses},
    {"DateGreaterThan", Condition::Operator::kDateGreaterThan, "kms:CurrentTime",
     ReadTimes},
    {"DateLessThan", Condition::Operator::kDateLessThan, "kms:CurrentTime", ReadTimes},
    {"Bool", Condition::Operator::kBool, "kms:SecureTransport", ReadTruths}};

std::vector<Condition> ReadConditions(const json::value& value) {
  if (!value.is_object()) Refuse("Condition is no object");
  std::vector<Condition> conditions;
  for (const auto& member : value.get_object()) {
    const std::string_view name(member.key().data(), member.key().size());
    const auto row = std::ranges::find(kOperators, name, &OperatorRow::name);
    if (row == std::end(kOperators))
      Refuse("Condition has an operator that is not known");
    if (!member.value().is_object() || member.value().get_object().size() != 1 ||
        !member.value().get_object().contains(row->key))
      Refuse(std::string(row->name) + " takes " + std::string(row->key) +
             " and nothing else");
    Condition condition;
    condition.op = row->op;
    row->read(member.value().get_object().at(row->key), condition);
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

std::string ReadSid(const json::value& value) {
  const std::string_view sid = TextOf(value, "Sid");
  if (!IsWord(sid, "-_. "))
    Refuse("Sid has other characters than letters, digits, \"-_. \"");
  return std::string(sid);
}

Statement ReadStatement(const json::value& value, const ActionTable& table) {
  if (!value.is_object()) Refuse("is no object");
  Statement statement;
  statement.actions = ActionSet(table.actions().size());
  bool effect = false;
  bool actions = false;
  for (const auto& member : value.get_object()) {
    const std::string_view name(member.key().data(), member.key().size());
    if (name == "Sid") {
      statement.sid = ReadSid(member.value());
    } else if (name == "Effect") {
      const std::string_view text = TextOf(member.value(), "Effect");
      if (text != "Allow" && text != "Deny") Refuse("Effect is neither Allow nor Deny");
      statement.allows = text == "Allow";
      effect = true;
    } else if (name == "Action") {
      for (const std::string_view pattern : TextsOf(member.value(), "Action"))
        AddAction(pattern, table, statement.actions);
      actions = true;
    } else if (name == "Resource") {
      for (const std::string_view text : TextsOf(member.value(), "Resource"))
        statement.resources.push_back(ReadResource(text));
    } else if (name == "Condition") {
      statement.conditions = ReadConditions(member.value());
    } else {
      Refuse("has a member that is not known");
    }
  }
  if (!effect) Refuse("has no Effect");
  if (!actions) Refuse("has no Action");
  if (statement.resources.empty()) statement.resources.emplace_back();
  return statement;
}

Error Bad(const std::string& what) {
  return Error(Reason::kBadParameter).About("policyDocument: " + what);
}

bool IsStrictJson(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::basic_parser<DuplicateFinder> parser(options);
  boost::system::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  return !error && read == text.size() && parser.done();
}

Result<std::vector<Statement>> ReadDocument(std::string_view text,
                                            const ActionTable& table) {
  if (text.size() > kMaxBytes) return Error(Reason::kTooLong).About("policyDocument");
  if (!IsStrictJson(text)) return Bad("no JSON, or a member stands twice");
  const json::value document = json::parse({text.data(), text.size()});
  if (!document.is_object()) return Bad("no object");
  const json::object& members = document.get_object();
  const json::value* const version = members.if_contains("Version");
  const json::value* const list = members.if_contains("Statement");
  if (version == nullptr || list == nullptr || members.size() != 2)
    return Bad("the members are Version and Statement");
  if (!version->is_string() ||
      (version->get_string() != "1.1" && version->get_string() != "1"))
    return Bad("Version is not 1.1");
  if (!list->is_array() || list->get_array().empty() ||
      list->get_array().size() > kMaxStatements)
    return Bad("Statement is no list of 1 to 100");
  std::vector<Statement> statements;
  for (const json::value& item : list->get_array()) {
    try {
      statements.push_back(ReadStatement(item, table));
    } catch (const Refusal& refusal) {
      return Bad("statement " + std::to_string(statements.size() + 1) + ": " +
                 refusal.what);
    }
  }
  return statements;
}

}  // namespace

Result<std::shared_ptr<const PolicyDocument>> PolicyDocument::Parse(
    std::string_view text, const ActionTable& table) {
  try {
    KMS_TRY(std::vector<Statement> statements, ReadDocument(text, table));
    auto all = std::make_unique<Statements>();
    all->all = std::move(statements);
    return std::make_shared<const PolicyDocument>(std::move(all));
  } catch (const std::exception&) {
    return Bad("not enough memory to read it");
  }
}

}  // namespace kms
