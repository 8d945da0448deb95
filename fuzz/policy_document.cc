// A policy document says what its statements say one by one: a deny wins over every
// allow, whatever their order, and what no statement allows is not allowed.

#include "kms/policy_document.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "target.h"

namespace kms::fuzz::targets {
namespace {

using Effect = PolicyVerdict::Effect;
using boost::json::array;

constexpr std::string_view kIds[] = {"", "0a1b", "0a1b-2c", "x"};
constexpr std::string_view kSources[] = {"10.1.2.3", "192.0.2.1", "2001:db8::1", "x"};

std::shared_ptr<const PolicyDocument> Document(array statements,
                                               const ActionTable& table) {
  const boost::json::value text = {{"Version", "1.1"},
                                   {"Statement", std::move(statements)}};
  const auto document = PolicyDocument::Parse(boost::json::serialize(text), table);
  Require(document.has_value(), "each statement is a document of its own");
  return *document;
}

}  // namespace

// Four bytes for the question, and the document.
void policy_document(ByteView bytes) {
  static const ActionTable table({{"kms:cert:sign", true, true},
                                  {"kms:cmk:decrypt", false, true},
                                  {"kms:cmk:encrypt", false, true},
                                  {"kms:iam:createUser", true}});
  Input input(bytes);
  PolicyQuestion question;
  question.action = input.Below(table.actions().size());
  question.kind = input.Flag() ? "cmk" : "cert";
  const std::size_t more = input.Byte();
  question.id = kIds[more % 4];
  question.source = kSources[more / 4 % 4];
  question.tls = more / 16 % 2 == 1;
  question.now = 1'767'225'600'000 + static_cast<UnixMillis>(input.Byte()) * 86'400'000;
  const std::string_view text = AsText(input.Rest());
  const auto document = PolicyDocument::Parse(text, table);
  if (!document) return;

  const boost::json::value json = boost::json::parse(text);
  const auto& given = json.at("Statement");
  const array statements = given.is_array() ? given.get_array() : array{given};
  array reversed;
  PolicyVerdict expected;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    reversed.insert(reversed.begin(), statements[i]);
    const Effect one = Document({statements[i]}, table)->Evaluate(question).effect;
    if (one == Effect::kNone || expected.effect == Effect::kDeny) continue;
    if (one == Effect::kDeny || expected.effect == Effect::kNone) expected = {one, i};
  }
  const PolicyVerdict verdict = (*document)->Evaluate(question);
  Require(verdict.effect == expected.effect, "a deny wins, then an allow");
  if (verdict.effect != Effect::kNone)
    Require(verdict.statement == expected.statement, "the first of its kind decides");
  Require(Document(reversed, table)->Evaluate(question).effect == expected.effect,
          "the order does not count");
}

}  // namespace kms::fuzz::targets
