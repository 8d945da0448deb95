// Which documents are taken, and what is said of the others.

#include <string>

#include "policy/table.h"

namespace kms {
namespace {

using testing::Fails;
using testing::Of;
using testing::Parse;

// Takes everything that a document may have.
const std::string kWhole = Of(
    R"({"Sid": "a-1", "Effect": "Allow", "Action": ["kms:cmk:*", "kms:*:sign"],
        "Resource": ["cmk/0a-*", "cert/*", "accessPoint/x"],
        "Condition": {"IpAddress": {"kms:SourceIp": ["10.0.0.0/8", "2001:db8::1"]},
                      "NotIpAddress": {"kms:SourceIp": "10.1.0.0/16"},
                      "DateGreaterThan": {"kms:CurrentTime": "2026-01-01T00:00:00Z"},
                      "DateLessThan": {"kms:CurrentTime": "2027-01-01T00:00:00Z"},
                      "Bool": {"kms:SecureTransport": "true"}}},
       {"Effect": "Deny", "Action": "*", "Resource": "*"})");

TEST(PolicyParser, TakesWhatIsDocumented) {
  EXPECT_OK(Parse(kWhole));
  EXPECT_OK(
      Parse(R"({"Statement": [{"Action": "*", "Effect": "Deny"}], "Version": "1"})"));
  EXPECT_OK(Parse(Of(R"({"Effect": "Allow", "Action": "kms:cmk:encrypt",
                         "Condition": {"Bool": {"kms:SecureTransport": true}}})")));
}

struct Bad {
  std::string name;
  std::string document;
  std::string says;  // in the parameter
};

class Refused : public ::testing::TestWithParam<Bad> {};

TEST_P(Refused, NamesWhatIsWrong) {
  const auto parsed = Parse(GetParam().document);
  ASSERT_THAT(parsed, Fails(Reason::kBadParameter));
  EXPECT_THAT(parsed.error().parameter(), ::testing::StartsWith("policyDocument: "));
  EXPECT_THAT(parsed.error().parameter(), ::testing::HasSubstr(GetParam().says));
}

std::string Allow(const std::string& members) {
  return Of(R"({"Effect": "Allow", "Action": "kms:cmk:*"}, {"Effect": "Allow")" +
            members + "}");
}
std::string Condition(const std::string& condition) {
  return Allow(R"(, "Action": "*", "Condition": )" + condition);
}

INSTANTIATE_TEST_SUITE_P(
    Documents, Refused,
    ::testing::Values(
        Bad{"Empty", "", "JSON"}, Bad{"NoJson", "{", "JSON"},
        Bad{"After", kWhole + "x", "JSON"}, Bad{"NoObject", "[]", "object"},
        Bad{"Nothing", "{}", "members"},
        Bad{"NoVersion", R"({"Statement": []})", "members"},
        Bad{"Further", R"({"Version": "1.1", "Statement": [], "Id": "x"})", "members"},
        Bad{"OtherVersion", R"({"Version": "2", "Statement": []})", "Version"},
        Bad{"NumericVersion", R"({"Version": 1.1, "Statement": []})", "Version"},
        Bad{"NoStatements", Of(""), "Statement"},
        Bad{"NoList", R"({"Version": "1.1", "Statement": {}})", "Statement"},
        Bad{"Twice", R"({"Version": "1.1", "Version": "1.1", "Statement": []})", "twice"},
        Bad{"TwiceByEscape",
            Of(R"({"Effect": "Allow", "Action": "*", "\u0041ction": "*"})"), "twice"},
        Bad{"Deep", Of("[[[[[[[[[[]]]]]]]]]]"), "JSON"},
        Bad{"Number", Of("1"), "statement 1"},
        Bad{"NoEffect", Of(R"({"Action": "*"})"), "statement 1: has no Effect"},
        Bad{"LowerCase", Of(R"({"Effect": "allow", "Action": "*"})"), "Effect"},
        Bad{"NoAction", Allow(""), "statement 2: has no Action"},
        Bad{"EmptyActions", Allow(R"(, "Action": [])"), "statement 2: Action"},
        Bad{"EmptyAction", Allow(R"(, "Action": "")"), "statement 2: Action"},
        Bad{"UnknownAction", Allow(R"(, "Action": ["kms:cmk:encrpt"])"), "no operation"},
        Bad{"UnknownPattern", Allow(R"(, "Action": "kms:label:*")"), "no operation"},
        Bad{"TwoParts", Allow(R"(, "Action": "kms:cmk")"), "no permission"},
        Bad{"Blank", Allow(R"(, "Action": "kms:cmk:enc rypt")"), "no permission"},
        Bad{"ActionOfNumbers", Allow(R"(, "Action": [1])"), "no text"},
        Bad{"Unknown", Allow(R"(, "Action": "*", "Principal": "*")"), "not known"},
        Bad{"ResourceKind", Allow(R"(, "Action": "*", "Resource": "key/1")"), "Resource"},
        Bad{"ResourceBare", Allow(R"(, "Action": "*", "Resource": "cmk/")"), "Resource"},
        Bad{"ResourceSpace", Allow(R"(, "Action": "*", "Resource": "cmk/a b")"),
            "Resource"},
        Bad{"Sid", Allow(R"(, "Action": "*", "Sid": "a\nb")"), "Sid"},
        Bad{"ConditionList", Condition("[]"), "Condition"},
        Bad{"Operator", Condition(R"({"StringLike": {"kms:SourceIp": "x"}})"),
            "operator"},
        Bad{"OtherKey", Condition(R"({"IpAddress": {"kms:CurrentTime": "10.0.0.1"}})"),
            "IpAddress takes"},
        Bad{"NoKey", Condition(R"({"Bool": {}})"), "Bool takes"},
        Bad{"Address", Condition(R"({"IpAddress": {"kms:SourceIp": "10.0.0.256"}})"),
            "CIDR"},
        Bad{"HostBits", Condition(R"({"IpAddress": {"kms:SourceIp": "10.0.0.1/8"}})"),
            "CIDR"},
        Bad{"LongPrefix", Condition(R"({"IpAddress": {"kms:SourceIp": "10.0.0.0/33"}})"),
            "CIDR"},
        Bad{"Time",
            Condition(R"({"DateLessThan": {"kms:CurrentTime": "2026-02-30T00:00:00Z"}})"),
            "no time"},
        Bad{"Truth", Condition(R"({"Bool": {"kms:SecureTransport": "yes"}})"),
            "neither"}),
    [](const auto& row) { return row.param.name; });

std::string Repeated(std::size_t times, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += (i == 0 ? "" : ",") + text;
  return all;
}

TEST(PolicyParser, HasLimits) {
  const std::string statement = R"({"Effect": "Allow", "Action": "*"})";
  EXPECT_OK(Parse(Of(Repeated(100, statement))));
  EXPECT_THAT(Parse(Of(Repeated(101, statement))), Fails(Reason::kBadParameter));
  for (const std::string member : {"Action", "Resource"}) {
    const auto with = [&](std::size_t times) {
      return Parse(Of(R"({"Effect": "Allow", )" +
                      std::string(member == "Action" ? "" : R"("Action": "*", )") + "\"" +
                      member + "\": [" + Repeated(times, "\"*\"") + "]}"));
    };
    EXPECT_OK(with(100)) << member;
    EXPECT_THAT(with(101), Fails(Reason::kBadParameter)) << member;
  }
  const std::string document = Of(statement);
  const std::string blanks((std::size_t{64} << 10) - document.size(), ' ');
  EXPECT_OK(Parse(blanks + document));
  EXPECT_THAT(Parse(blanks + " " + document), Fails(Reason::kTooLong));
}

// Whatever is changed in a document, it is taken or refused.
TEST(PolicyParser, SurvivesEveryChangeOfOneByte) {
  std::size_t taken = 0;
  for (std::size_t at = 0; at < kWhole.size(); ++at) {
    for (const char with :
         {'\0', '"', '\\', '{', '}', '[', ']', ',', ':', '*', '\xff', '9'}) {
      std::string changed = kWhole;
      changed[at] = with;
      const auto parsed = Parse(changed);
      if (parsed) {
        ++taken;
        (void)(*parsed)->Evaluate({.kind = "cmk", .id = "0a-1", .source = "10.2.0.1"});
      }
    }
    EXPECT_FALSE(Parse(kWhole.substr(0, at))) << at;
  }
  EXPECT_GT(taken, 0U);
}

}  // namespace
}  // namespace kms
