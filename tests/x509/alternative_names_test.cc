#include "x509/alternative_names.h"

#include "crypto/hex.h"
#include "support/matchers.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using kms::testing::Hex;
using Names = std::vector<std::string>;

TEST(AlternativeNamesTest, AreToldApartByTheirForm) {
  EXPECT_EQ(ReadAlternativeNames(
                Names{"a.cn", "127.0.0.1", "::1", "u@a.cn", "https://a.cn/?q=%20"})
                .value(),
            Hex("303b"
                "8204612e636e"
                "87047f000001"
                "871000000000000000000000000000000001"
                "81067540612e636e"
                "861368747470733a2f2f612e636e2f3f713d253230"));
}

TEST(AlternativeNamesTest, ComeBackAsTheyWere) {
  const Names names = {"a.cn",
                       "*.a.cn",
                       "localhost",
                       "xn--fiqs8s.cn",
                       "10.0.0.1",
                       "2001:db8::1",
                       "first.last+tag@mail.a.cn",
                       "spiffe://trust/path@x",
                       "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                       "1.2.3.4.cn"};
  EXPECT_EQ(AlternativeNameTexts(ReadAlternativeNames(names).value()), names);
}

TEST(AlternativeNamesTest, OfNothingAreNothing) {
  EXPECT_TRUE(ReadAlternativeNames({}).value().empty());
  EXPECT_TRUE(AlternativeNameTexts({}).empty());
}

TEST(AlternativeNamesTest, AreTenAtMost) {
  Names names;
  for (int i = 0; i < 10; ++i) names.push_back("h" + std::to_string(i) + ".cn");
  EXPECT_OK(ReadAlternativeNames(names));
  names.push_back("one-more.cn");
  EXPECT_THAT(ReadAlternativeNames(names), Fails(Reason::kBadParameter));
}

TEST(AlternativeNamesTest, AreThereOnce) {
  for (const Names& names : {Names{"a.cn", "a.cn"},
                             {"a.cn", "A.CN"},
                             {"::1", "0:0:0:0:0:0:0:1"},
                             {"u@a.cn", "u@A.cn"},
                             {"http://a.cn", "http://a.cn"}}) {
    EXPECT_THAT(ReadAlternativeNames(names), Fails(Reason::kBadParameter)) << names[1];
  }
  // The part before the @ may tell capitals apart.
  EXPECT_OK(ReadAlternativeNames(Names{"u@a.cn", "U@a.cn"}));
}

TEST(AlternativeNamesTest, AreRefusedIfMalformed) {
  using namespace std::string_literals;
  for (const std::string& name : {
           ""s,
           " "s,
           "a.cn "s,
           "."s,
           "a..cn"s,
           ".cn"s,
           "cn."s,
           "*"s,
           "*."s,
           "a.*.cn"s,
           "*.*.cn"s,
           "w*.a.cn"s,
           "-a.cn"s,
           "a-.cn"s,
           "a_b.cn"s,
           "\xe4\xb8\xad.cn"s,
           std::string(64, 'a') + ".cn",
           "1.2.3"s,
           "1.2.3.400"s,
           "1.2.3.4.5"s,
           "1.2.3.4/8"s,
           "2001:db8::g"s,
           "::1%eth0"s,
           "[::1]"s,
           "@a.cn"s,
           "u@"s,
           "u@@a.cn"s,
           "u..v@a.cn"s,
           "u v@a.cn"s,
           "u@*.a.cn"s,
           "DNS:a.cn"s,
           "IP:127.0.0.1"s,
           "mailto:u@a.cn"s,
           "http:"s,
           "http://"s,
           "http:///x"s,
           "://a.cn"s,
           "1http://a.cn"s,
           "http://a.cn/%2"s,
           "http://a.cn/%zz"s,
           "http://a.cn/a b"s,
           "http://a.cn/\n"s,
           "a.cn\0.evil.cn"s,
           "127.0.0.1\0"s,
       }) {
    const auto names = ReadAlternativeNames(Names{name});
    ASSERT_THAT(names, Fails(Reason::kBadParameter)) << name;
    EXPECT_EQ(names.error().parameter(), "subjectAlternativeNames");
  }
  std::string longest;
  while (longest.size() < 250) longest += "abcdefghi.";
  EXPECT_OK(ReadAlternativeNames(Names{longest + "cn"}));
  EXPECT_THAT(ReadAlternativeNames(Names{longest + "cnnn"}),
              Fails(Reason::kBadParameter));
}

}  // namespace
}  // namespace kms::x509
