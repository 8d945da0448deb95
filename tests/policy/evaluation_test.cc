// What documents say.

#include <optional>
#include <string>

#include "policy/statements.h"
#include "policy/table.h"

namespace kms {
namespace {

using testing::Of;
using testing::Parse;
using testing::Table;
using Effect = PolicyVerdict::Effect;

PolicyQuestion Ask(std::string_view action, std::string_view kind = "cmk",
                   std::string_view id = "1") {
  return {.action = Table().Find(action).value(),
          .kind = kind,
          .id = id,
          .source = "192.0.2.1",
          .now = 1000,
          .tls = true};
}

Effect Says(const std::string& statements, const PolicyQuestion& question) {
  return Parse(Of(statements)).value()->Evaluate(question).effect;
}

TEST(Evaluation, NothingIsAllowedByDefault) {
  EXPECT_EQ(
      Says(R"({"Effect": "Allow", "Action": "kms:cmk:encrypt"})", Ask("kms:cmk:decrypt")),
      Effect::kNone);
}

TEST(Evaluation, Actions) {
  const auto allows = [](const std::string& pattern, std::string_view action) {
    return Says(R"({"Effect": "Allow", "Action": ")" + pattern + "\"}", Ask(action)) ==
           Effect::kAllow;
  };
  EXPECT_TRUE(allows("*", "kms:iam:createUser"));
  EXPECT_TRUE(allows("kms:cmk:*", "kms:cmk:create"));
  EXPECT_FALSE(allows("kms:cmk:*", "kms:cert:sign"));
  EXPECT_TRUE(allows("kms:*:sign", "kms:cert:sign"));
  EXPECT_TRUE(allows("kms:cmk:de*", "kms:cmk:describe"));
  EXPECT_FALSE(allows("kms:cmk:de*", "kms:cmk:encrypt"));
  EXPECT_TRUE(allows("*:cmk:*crypt", "kms:cmk:encrypt"));
}

TEST(Evaluation, Resources) {
  const auto allows = [](const std::string& pattern, std::string_view kind,
                         std::string_view id) {
    return Says(R"({"Effect": "Allow", "Action": "*", "Resource": ")" + pattern + "\"}",
                Ask("kms:cmk:encrypt", kind, id)) == Effect::kAllow;
  };
  EXPECT_TRUE(allows("*", "iam", ""));
  EXPECT_TRUE(allows("cmk/*", "cmk", "1"));
  EXPECT_TRUE(allows("cmk/*", "cmk", ""));
  EXPECT_FALSE(allows("cmk/*", "cert", "1"));
  EXPECT_TRUE(allows("cmk/ab*ef", "cmk", "abcdef"));
  EXPECT_FALSE(allows("cmk/ab*ef", "cmk", "abcde"));
  EXPECT_FALSE(allows("cmk/1", "cmk", ""));
  EXPECT_FALSE(allows("cmk/1", "cmk", "11"));
}

TEST(Evaluation, ADenyWinsInAnyOrder) {
  const std::string allow = R"({"Effect": "Allow", "Action": "*"})";
  const std::string deny =
      R"({"Effect": "Deny", "Action": "kms:cmk:*", "Resource": "cmk/1"})";
  for (const std::string& both : {allow + "," + deny, deny + "," + allow}) {
    EXPECT_EQ(Says(both, Ask("kms:cmk:encrypt")), Effect::kDeny);
    EXPECT_EQ(Says(both, Ask("kms:cmk:encrypt", "cmk", "2")), Effect::kAllow);
    EXPECT_EQ(Says(both, Ask("kms:cert:sign")), Effect::kAllow);
  }
}

TEST(Evaluation, NamesTheStatement) {
  const auto document = Parse(Of(R"({"Effect": "Allow", "Action": "kms:cmk:create"},
                  {"Effect": "Allow", "Action": "kms:cmk:*"},
                  {"Effect": "Allow", "Action": "*"},
                  {"Sid": "last", "Effect": "Deny", "Action": "kms:cmk:decrypt"})"))
                            .value();
  EXPECT_EQ(document->Evaluate(Ask("kms:cmk:encrypt")).statement, 1U);
  EXPECT_EQ(document->Evaluate(Ask("kms:cmk:decrypt")).statement, 3U);
  EXPECT_EQ(document->statements().all.at(3).sid, "last");
}

struct Case {
  std::string condition;
  std::string source = "192.0.2.1";
  std::string now = "2026-06-01T12:00:00Z";
  bool tls = true;
  bool holds = true;
};

TEST(Evaluation, Conditions) {
  const std::string office =
      R"("IpAddress": {"kms:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]})";
  const std::string elsewhere =
      R"("NotIpAddress": {"kms:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]})";
  const std::string from =
      R"("DateGreaterThan": {"kms:CurrentTime": "2026-06-01T12:00:00Z"})";
  const std::string until =
      R"("DateLessThan": {"kms:CurrentTime": "2026-06-01T12:00:00Z"})";
  const std::string safe = R"("Bool": {"kms:SecureTransport": "true"})";
  const std::string now = "2026-06-01T12:00:00Z";
  const std::string before = "2026-06-01T11:59:59Z";
  const std::string after = "2026-06-01T12:00:01Z";
  const Case cases[] = {
      {office},
      {office, "2001:db8::7"},
      {office, "198.51.100.1", now, true, false},
      {office, "unknown", now, true, false},
      {elsewhere, "203.0.113.1"},
      {elsewhere, "192.0.2.1", now, true, false},
      {elsewhere, "198.51.100.1", now, true, false},
      {from, "192.0.2.1", after},
      {from, "192.0.2.1", now, true, false},
      {until, "192.0.2.1", before},
      {until, "192.0.2.1", now, true, false},
      {safe},
      {safe, "192.0.2.1", now, false, false},
      {R"("Bool": {"kms:SecureTransport": false})", "192.0.2.1", now, false},
      {office + "," + safe},
      {office + "," + safe, "192.0.2.1", now, false, false},
      {office + "," + safe, "203.0.113.1", now, true, false},
  };
  for (const Case& c : cases) {
    for (const std::string effect : {"Allow", "Deny"}) {
      PolicyQuestion question = Ask("kms:cmk:encrypt");
      question.source = c.source;
      question.now = ParseUtc(c.now).value();
      question.tls = c.tls;
      const Effect said = Says(R"({"Action": "*", "Effect": ")" + effect +
                                   R"(", "Condition": {)" + c.condition + "}}",
                               question);
      const Effect wanted = !c.holds            ? Effect::kNone
                            : effect == "Allow" ? Effect::kAllow
                                                : Effect::kDeny;
      EXPECT_EQ(said, wanted) << effect << " " << c.condition << " " << c.source;
    }
  }
}

TEST(Evaluation, PatternsTakeNoTimeToExplode) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_TRUE(GlobMatches(pattern, std::string(200, 'a')));
  EXPECT_FALSE(GlobMatches(pattern + "b", std::string(200, 'a')));
}

TEST(ActionTable, FindsWhatIsInIt) {
  const ActionTable table({{"b", true}, {"a"}, {"b", false}});
  EXPECT_EQ(table.actions().size(), 2U);
  EXPECT_EQ(table.Find("a"), 0U);
  EXPECT_EQ(table.Find("b"), 1U);
  EXPECT_TRUE(table.actions()[1].write);
  EXPECT_FALSE(table.Find("c"));
}

}  // namespace
}  // namespace kms
