#include "api/arguments.h"

#include <string>
#include <vector>

#include "api/text.h"
#include "kms/encoding.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::Fails;

constexpr Choice kLevels[] = {{"0", 0}, {"1", 1}, {"HSM", 0}};
constexpr Parameter kParameters[] = {
    {.name = "text", .max = 4},
    {.name = "empty", .max = 4, .may_be_empty = true},
    {.name = "number",
     .kind = Kind::kInteger,
     .min = 7,
     .max = 30,
     .bad = Reason::kBadPendingWindow},
    {.name = "truth", .kind = Kind::kBoolean, .bad = Reason::kBadBoolean},
    {.name = "level",
     .kind = Kind::kChoice,
     .choices = kLevels,
     .bad = Reason::kBadProtectionLevel},
    {.name = "bytes", .kind = Kind::kBase64, .max = 4, .bad = Reason::kBadCiphertext},
    {.name = "key", .kind = Kind::kKey},
    {.name = "alias", .kind = Kind::kAlias},
    {.name = "version", .kind = Kind::kVersion},
    {.name = "days",
     .kind = Kind::kDays,
     .min = 7,
     .max = 730,
     .bad = Reason::kBadRotationInterval},
    {.name = "until", .kind = Kind::kUnixTime},
    {.name = "public", .kind = Kind::kPublicKey},
    {.name = "texts", .kind = Kind::kTexts, .max = 4},
    {.name = "map", .kind = Kind::kTextMap},
    {.name = "page", .where = Where::kHeader, .kind = Kind::kInteger, .max = 100},
    {.name = "words", .where = Where::kHeader, .max = 100},
};
constexpr Operation kOperation = {.name = "test", .parameters = kParameters};

class ArgumentsTest : public ::testing::Test {
 protected:
  Result<Arguments> Read(const std::string& json, std::span<const HeaderView> query = {},
                         std::span<const HeaderView> headers = {},
                         const Operation& operation = kOperation) {
    bodies_.push_back(std::make_unique<std::string>(json));
    const auto body = RequestBody::Parse(AsBytes(*bodies_.back()), arena_);
    return Arguments::Read(operation, body.value(), query, headers, arena_);
  }
  Result<Arguments> With(const std::string& name, const std::string& value) {
    return Read("{\"" + name + "\":" + value + "}");
  }

  Arena arena_;
  std::vector<std::unique_ptr<std::string>> bodies_;
};

struct BadValue {
  std::string name;
  std::string value;
  Reason reason;
};

class BadValueTest : public ArgumentsTest,
                     public ::testing::WithParamInterface<BadValue> {};

TEST_P(BadValueTest, IsRefusedNamingTheParameter) {
  const BadValue& bad = GetParam();
  const auto arguments = With(bad.name, bad.value);
  ASSERT_THAT(arguments, Fails(bad.reason)) << bad.name << " " << bad.value;
  EXPECT_EQ(arguments.error().parameter(), bad.name);
}

std::vector<BadValue> All(const std::string& name, Reason reason,
                          const std::vector<std::string>& values) {
  std::vector<BadValue> bad;
  for (const std::string& value : values) bad.push_back({name, value, reason});
  return bad;
}

std::string ManyTexts(int count) {
  std::string texts = "[";
  for (int i = 0; i < count; ++i) texts += i == 0 ? "\"a\"" : ",\"a\"";
  return texts + "]";
}

const std::string kLong = "\"" + std::string(256, 'a') + "\"";

INSTANTIATE_TEST_SUITE_P(
    Integer, BadValueTest,
    ::testing::ValuesIn(All("number", Reason::kBadPendingWindow,
                            {"6", "31", "7.0", "7.5", "7e0", "\"7 \"", "\" 7\"", "\"+7\"",
                             "\"7.0\"", "\"07\"", "\"x\"", "\"-7\"", "-7", "true", "[7]",
                             "{}", "\"99999999999999999999\"", "\"0x7\"", "\"７\""})));
INSTANTIATE_TEST_SUITE_P(Boolean, BadValueTest,
                         ::testing::ValuesIn(All("truth", Reason::kBadBoolean,
                                                 {"1", "0", "\"True\"", "\"yes\"",
                                                  "\" true\"", "[]", "\"maybe\""})));
INSTANTIATE_TEST_SUITE_P(Choice, BadValueTest,
                         ::testing::ValuesIn(All("level", Reason::kBadProtectionLevel,
                                                 {"2", "\"hsm\"", "1.0", "true", "\"1 \"",
                                                  "[1]"})));
INSTANTIATE_TEST_SUITE_P(Base64, BadValueTest,
                         ::testing::ValuesIn(All("bytes", Reason::kBadCiphertext,
                                                 {"\"aGk\"", "\"aGl=\"", "\"aG k=\"",
                                                  "\"====\"", "\"a-_=\"", "{}"})));
INSTANTIATE_TEST_SUITE_P(LongBase64, BadValueTest,
                         ::testing::ValuesIn(All("bytes", Reason::kTooLong,
                                                 {"\"aGVsbG8=\"",
                                                  "\"aGVsbG9oZWxsbw==\""})));
INSTANTIATE_TEST_SUITE_P(Text, BadValueTest,
                         ::testing::ValuesIn(All("text", Reason::kTooLong,
                                                 {"\"abcde\"", "\"密密密密密\"",
                                                  "12345"})));
INSTANTIATE_TEST_SUITE_P(NestedText, BadValueTest,
                         ::testing::ValuesIn(All("text", Reason::kBadParameter,
                                                 {"[]", "{\"text\":\"a\"}"})));
INSTANTIATE_TEST_SUITE_P(Texts, BadValueTest,
                         ::testing::ValuesIn(All("texts", Reason::kBadParameter,
                                                 {"\"a\"", "1", "{}", "[1]", "[\"a\",[]]",
                                                  "[null]", "[\"\"]"})));
INSTANTIATE_TEST_SUITE_P(
    LongTexts, BadValueTest,
    ::testing::Values(BadValue{"texts", "[\"abcde\"]", Reason::kTooLong},
                      BadValue{"texts", ManyTexts(1001), Reason::kTooLong}));
INSTANTIATE_TEST_SUITE_P(Key, BadValueTest,
                         ::testing::ValuesIn(All("key", Reason::kBadParameter,
                                                 {"\"a b\"", "\"密\"", "\"a\\r\\nb\"",
                                                  "\"a'--\"", "[]"})));
INSTANTIATE_TEST_SUITE_P(Alias, BadValueTest,
                         ::testing::ValuesIn(All("alias", Reason::kBadParameter,
                                                 {"\"a*\"", "\"a:b\""})));
INSTANTIATE_TEST_SUITE_P(LongNames, BadValueTest,
                         ::testing::Values(BadValue{"key", kLong, Reason::kTooLong},
                                           BadValue{"alias", kLong, Reason::kTooLong}));
INSTANTIATE_TEST_SUITE_P(
    Version, BadValueTest,
    ::testing::ValuesIn(All("version", Reason::kBadParameter,
                            {"\"x\"", "\"018f3a9e-0000-7000-8000-00000000000G\"",
                             "\"018f3a9e-0000-7000-8000-0000000000000\""})));
INSTANTIATE_TEST_SUITE_P(
    Days, BadValueTest,
    ::testing::ValuesIn(All("days", Reason::kBadRotationInterval,
                            {"\"6d\"", "\"731d\"", "\"7\"", "7", "\"7h\"", "\"-7d\"",
                             "\"07d\"", "\"7d \"", "\"d\"", "\"7.5d\"", "\"7D\""})));
INSTANTIATE_TEST_SUITE_P(UnixTime, BadValueTest,
                         ::testing::ValuesIn(All("until", Reason::kBadParameter,
                                                 {"-1", "\"-0\"", "1.5", "\"soon\"",
                                                  "\"01\""})));
INSTANTIATE_TEST_SUITE_P(
    PublicKey, BadValueTest,
    ::testing::ValuesIn(All("public", Reason::kBadParameter,
                            {"\"!\"", "\"-----BEGIN PUBLIC KEY-----\\nAQID\\n\"",
                             "\"-----BEGIN PUBLIC KEY-----\\nAQI\\n-----END PUBLIC "
                             "KEY-----\""})));

TEST_F(ArgumentsTest, ReadsEveryKindFromTexts) {
  const auto a = Read(
      R"({"text":"密密密密","number":"7","truth":"true","level":"HSM","bytes":"aGk=",)"
      R"("key":"alias/a_b-c.d","alias":"a",)"
      R"("version":"018f3a9e-0000-7000-8000-00000000000a","days":"730d",)"
      R"("until":"1700000000","public":"AQID","page":"3"})");
  ASSERT_OK(a);
  EXPECT_EQ(a->Text("text"), "密密密密");
  EXPECT_EQ(a->Integer("number"), 7);
  EXPECT_TRUE(a->Boolean("truth"));
  EXPECT_EQ(a->Integer("level", 9), 0);
  EXPECT_EQ(AsText(a->Bytes("bytes")), "hi");
  EXPECT_EQ(a->Text("key"), "alias/a_b-c.d");
  EXPECT_EQ(a->Text("alias"), "a");
  EXPECT_EQ(a->Text("version"), "018f3a9e-0000-7000-8000-00000000000a");
  EXPECT_EQ(a->Integer("days"), 730);
  EXPECT_EQ(a->Integer("until"), 1'700'000'000);
  EXPECT_EQ(AsText(a->Bytes("public")), "\1\2\3");
  EXPECT_EQ(a->Integer("page"), 3);
}

TEST_F(ArgumentsTest, ReadsNumbersAndBooleans) {
  const auto a =
      Read(R"({"text":1.5,"number":30,"truth":false,"level":1,"until":0,"key":12})");
  ASSERT_OK(a);
  EXPECT_EQ(a->Text("text"), "1.5");
  EXPECT_EQ(a->Integer("number"), 30);
  EXPECT_FALSE(a->Boolean("truth", true));
  EXPECT_EQ(a->Integer("level"), 1);
  EXPECT_TRUE(a->Has("until"));
  EXPECT_EQ(a->Integer("until", 5), 0);
  EXPECT_EQ(a->Text("key"), "12");
}

TEST_F(ArgumentsTest, TakesNothingNullOrEmptyAsAbsent) {
  for (const std::string value : {"null", "\"\""}) {
    const auto a = Read("{\"number\":" + value + ",\"bytes\":" + value + "}");
    ASSERT_OK(a);
    EXPECT_FALSE(a->Has("number"));
    EXPECT_EQ(a->Integer("number", 9), 9);
    EXPECT_FALSE(a->Has("bytes"));
    EXPECT_TRUE(a->Bytes("bytes").empty());
    EXPECT_FALSE(a->Has("text"));
    EXPECT_TRUE(a->Boolean("truth", true));
  }
}

TEST_F(ArgumentsTest, TellsEmptyFromAbsentWhereEmptyIsAValue) {
  EXPECT_TRUE(With("empty", "\"\"")->Has("empty"));
  EXPECT_FALSE(With("empty", "null")->Has("empty"));
}

TEST_F(ArgumentsTest, RefusesWhatIsRequiredAndMissing) {
  constexpr Parameter parameters[] = {
      {.name = "first", .required = true, .max = 9, .missing = Reason::kKeyIdMissing},
      {.name = "second", .required = true, .max = 9, .missing = Reason::kAliasMissing}};
  const Operation operation = {.name = "test", .parameters = parameters};
  for (const std::string body : {"", "{}", R"({"first":null})", R"({"first":""})"}) {
    const auto a = Read(body, {}, {}, operation);
    ASSERT_THAT(a, Fails(Reason::kKeyIdMissing)) << body;
    EXPECT_EQ(a.error().parameter(), "first");
  }
  EXPECT_THAT(Read(R"({"first":"x"})", {}, {}, operation), Fails(Reason::kAliasMissing));
}

TEST_F(ArgumentsTest, WhatAnAccessPointImpliesMayBeMissingThere) {
  constexpr Parameter parameters[] = {
      {.name = "first", .required = true, .max = 9, .implied = true},
      {.name = "second", .required = true, .max = 9, .missing = Reason::kAliasMissing}};
  const Operation operation = {.name = "test", .parameters = parameters};
  const std::string body = R"({"second":"x"})";
  const auto parsed = RequestBody::Parse(AsBytes(body), arena_);
  EXPECT_THAT(Arguments::Read(operation, parsed.value(), {}, {}, arena_),
              Fails(Reason::kParameterMissing));
  const auto a = Arguments::Read(operation, parsed.value(), {}, {}, arena_, true);
  ASSERT_OK(a);
  EXPECT_FALSE(a->Has("first"));
  EXPECT_THAT(Arguments::Read(operation, RequestBody(), {}, {}, arena_, true),
              Fails(Reason::kAliasMissing));
}

TEST_F(ArgumentsTest, WhatAnotherStandsInForMayBeMissing) {
  constexpr Parameter parameters[] = {{.name = "key",
                                       .required = true,
                                       .kind = Kind::kKey,
                                       .missing = Reason::kKeyIdMissing,
                                       .may_be_empty = true,
                                       .unless = "other"},
                                      {.name = "other", .max = 9}};
  const Operation operation = {.name = "test", .parameters = parameters};
  for (const std::string body :
       {"{}", R"({"key":null})", R"({"other":""})", R"({"other":null})"})
    EXPECT_THAT(Read(body, {}, {}, operation), Fails(Reason::kKeyIdMissing)) << body;
  const auto given = Read(R"({"other":"x"})", {}, {}, operation);
  ASSERT_OK(given);
  EXPECT_FALSE(given->Has("key"));
  const auto empty = Read(R"({"key":""})", {}, {}, operation);
  ASSERT_OK(empty);
  EXPECT_TRUE(empty->Has("key"));
  EXPECT_EQ(empty->Text("key"), "");
  EXPECT_NE(given->Fingerprint(), empty->Fingerprint());
  // One that cannot be read is refused as itself.
  const auto nested = Read(R"({"other":{}})", {}, {}, operation);
  ASSERT_THAT(nested, Fails(Reason::kBadParameter));
  EXPECT_EQ(nested.error().parameter(), "other");
}

TEST_F(ArgumentsTest, ReadsArraysOfTexts) {
  const auto texts = [&](const std::string& value) {
    const auto a = With("texts", value);
    EXPECT_OK(a);
    const auto read = a->Texts("texts");
    return std::vector<std::string>(read.begin(), read.end());
  };
  EXPECT_EQ(texts(R"(["密密密密","b"])"), (std::vector<std::string>{"密密密密", "b"}));
  EXPECT_EQ(texts(ManyTexts(1000)).size(), 1000U);
  for (const char* nothing : {"[]", "null", "\"\""}) {
    EXPECT_TRUE(texts(nothing).empty()) << nothing;
    EXPECT_FALSE(With("texts", nothing)->Has("texts")) << nothing;
  }
  const auto of = [&](const std::string& value) {
    return With("texts", value)->Fingerprint();
  };
  EXPECT_EQ(of(R"(["a","b"])"), of(R"([ "\u0061" , "b" ])"));
  EXPECT_NE(of(R"(["a","b"])"), of(R"(["b","a"])"));
  EXPECT_NE(of(R"(["ab"])"), of(R"(["a","b"])"));
}

TEST_F(ArgumentsTest, KeepsWhatItIsTold) {
  std::string body = R"({"text":"abc","texts":["de","fg"]})";
  const auto parsed = RequestBody::Parse(AsBytes(body), arena_);
  auto a = Arguments::Read(kOperation, parsed.value(), {}, {}, arena_);
  ASSERT_OK(a);
  a->KeepIn(arena_);
  body.assign(body.size(), '*');
  EXPECT_EQ(a->Text("text"), "abc");
  EXPECT_EQ(a->Texts("texts")[0], "de");
  EXPECT_EQ(a->Texts("texts")[1], "fg");
}

TEST_F(ArgumentsTest, ReadsPublicKeysAsPem) {
  const std::string lines =
      "-----BEGIN PUBLIC KEY-----\nAQ\nID\n-----END PUBLIC KEY-----\n";
  const std::string escaped =
      "\"-----BEGIN PUBLIC KEY-----\\r\\nAQID\\n-----END PUBLIC KEY-----\"";
  EXPECT_EQ(AsText(With("public", escaped)->Bytes("public")), "\1\2\3");
  EXPECT_EQ(
      AsText(With("public", "\"" + ToBase64(AsBytes(lines)) + "\"")->Bytes("public")),
      "\1\2\3");
}

TEST_F(ArgumentsTest, AsksTheBodyThenTheQueryThenTheHeaders) {
  const HeaderView query[] = {{"page", "2"}};
  const HeaderView headers[] = {{"PAGE", "3"}, {"Words", "密"}};
  EXPECT_EQ(Read(R"({"page":1})", query, headers)->Integer("page"), 1);
  EXPECT_EQ(Read("{}", query, headers)->Integer("page"), 2);
  EXPECT_EQ(Read("{}", {}, headers)->Integer("page"), 3);
  EXPECT_EQ(Read("", {}, headers)->Text("words"), "密");
}

TEST_F(ArgumentsTest, TakesBodyParametersFromTheBodyAlone) {
  const HeaderView fields[] = {{"text", "a"}};
  EXPECT_FALSE(Read("{}", fields, fields)->Has("text"));
}

TEST_F(ArgumentsTest, RefusesAHeaderThatComesTwice) {
  const HeaderView headers[] = {{"page", "1"}, {"Page", "2"}};
  EXPECT_THAT(Read("{}", {}, headers), Fails(Reason::kBadParameter));
}

TEST_F(ArgumentsTest, RefusesHeadersThatAreNoUtf8) {
  const HeaderView headers[] = {{"words", "\xff"}};
  EXPECT_THAT(Read("{}", {}, headers), Fails(Reason::kBadJson));
}

TEST_F(ArgumentsTest, FingerprintIsOfDecodedParameters) {
  const auto of = [&](const std::string& body) { return Read(body)->Fingerprint(); };
  const Digest32 one = of(R"({"number":7,"text":"a"})");
  EXPECT_EQ(one, of(R"({ "text":"\u0061", "unknown":1, "number":"7"})"));
  EXPECT_NE(one, of(R"({"number":8,"text":"a"})"));
  EXPECT_NE(one, of(R"({"number":7})"));
  EXPECT_NE(of(R"({"key":"a"})"), of(R"({"alias":"a"})"));
  EXPECT_NE(of(R"({"empty":""})"), of("{}"));
  const Operation other = {.name = "other", .parameters = kParameters};
  EXPECT_NE(Read("{}")->Fingerprint(), Read("{}", {}, {}, other)->Fingerprint());
}

TEST_F(ArgumentsTest, AGetterOfTheWrongKindEndsTheProcess) {
  const auto a = Read("{}");
  ASSERT_OK(a);
  EXPECT_DEATH((void)a->Integer("text"), "text");
  EXPECT_DEATH((void)a->Text("nothing"), "nothing");
}

TEST(TextTest, ReadsQueries) {
  Arena arena;
  const auto query = ReadQuery("a=1&b=%E5%AF%86+x%2B&c&&=d&e=a=b", arena);
  ASSERT_TRUE(query.has_value());
  ASSERT_EQ(query->size(), 4U);
  EXPECT_EQ((*query)[1].value, "密 x+");
  EXPECT_EQ((*query)[2].name, "c");
  EXPECT_EQ((*query)[3].value, "a=b");
  EXPECT_FALSE(ReadQuery("a=%4", arena).has_value());
  EXPECT_FALSE(ReadQuery("a=%zz", arena).has_value());
}

TEST(TextTest, EchoesFewVisibleCharacters) {
  EXPECT_EQ(Visible("a\r\n\xff"
                    "b"),
            "a???b");
  EXPECT_EQ(Visible(std::string(100, 'x')).size(), 64U);
}

}  // namespace
}  // namespace kms::server
