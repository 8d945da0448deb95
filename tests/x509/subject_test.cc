#include "x509/subject.h"

#include <string>
#include <vector>

#include "crypto/hex.h"
#include "support/matchers.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using kms::testing::Hex;

std::string RoundTrip(std::string_view text) {
  const auto name = ReadSubject(text);
  EXPECT_OK(name) << text;
  return name ? NameText(*name) : "";
}

std::string Many(std::size_t count, std::string_view one) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += one;
  return text;
}

TEST(SubjectTest, IsWrittenInTheOrderOfTheStandardWithTheRightStrings) {
  // Made by openssl(1): req -subj /C=CN/ST=B/L=H/O=Ex/OU=1/OU=2/CN=w/emailAddress=a@b.cn
  EXPECT_EQ(ReadSubject("CN=w,E=a@b.cn,OU=1,OU=2,O=Ex,L=H,ST=B,C=CN").value(),
            Hex("306d310b300906035504061302434e310a300806035504080c014231"
                "0a300806035504070c0148310b3009060355040a0c024578310a3008"
                "060355040b0c0131310a3008060355040b0c0132310a300806035504"
                "030c01773115301306092a864886f70d01090116066140622e636e"));
}

TEST(SubjectTest, IsToldFromTheLastAttributeToTheFirst) {
  EXPECT_EQ(RoundTrip("CN=www.example.com,C=CN,ST=Beijing,L=Haidian,O=Example,OU=Web,"
                      "OU=Shop,E=admin@example.com"),
            "EMAILADDRESS=admin@example.com, CN=www.example.com, OU=Shop, OU=Web, "
            "O=Example, L=Haidian, ST=Beijing, C=CN");
}

TEST(SubjectTest, TakesOtherSpellings) {
  EXPECT_EQ(RoundTrip(" cn = a b , c=cn,S=Hebei,EmailAddress=a@b.cn"),
            "EMAILADDRESS=a@b.cn, CN=a b, ST=Hebei, C=CN");
}

TEST(SubjectTest, SkipsEmptyValues) {
  EXPECT_EQ(RoundTrip("CN=a,C=CN,ST=,L= ,O=,E=,OU=,OU=,OU=,OU=,OU=,OU=,OU=x"),
            "CN=a, OU=x, C=CN");
  EXPECT_EQ(RoundTrip("CN=,CN=a,C=CN,O="), "CN=a, C=CN");
}

TEST(SubjectTest, TakesEscapes) {
  EXPECT_EQ(RoundTrip(R"(CN=a\,b\+c\"d\\e\;f,C=CN)"), R"(CN="a,b+c\"d\\e;f", C=CN)");
  EXPECT_EQ(RoundTrip(R"(CN=\ a\ ,C=CN)"), R"(CN=" a ", C=CN)");
  EXPECT_EQ(RoundTrip(R"(CN=\#1=2,C=CN)"), R"(CN="#1=2", C=CN)");
  EXPECT_EQ(RoundTrip(R"(CN=\E4\b8\AD\2c,C=CN)"), "CN=\"\xe4\xb8\xad,\", C=CN");
}

TEST(SubjectTest, CountsCharactersNotBytes) {
  const std::string zhong = "\xe4\xb8\xad";
  EXPECT_OK(ReadSubject("C=CN,CN=" + Many(64, zhong)));
  EXPECT_THAT(ReadSubject("C=CN,CN=" + Many(65, zhong)), Fails(Reason::kBadParameter));
}

TEST(SubjectTest, HasTheBoundsOfTheStandard) {
  for (const auto& [attribute, most] : std::vector<std::pair<std::string, std::size_t>>{
           {"CN", 64}, {"O", 64}, {"OU", 64}, {"L", 128}, {"ST", 128}}) {
    const std::string others = attribute == "CN" ? "C=CN" : "C=CN,CN=a";
    const std::string text = others + "," + attribute + "=";
    EXPECT_OK(ReadSubject(text + std::string(most, 'x'))) << attribute;
    EXPECT_THAT(ReadSubject(text + std::string(most + 1, 'x')),
                Fails(Reason::kBadParameter))
        << attribute;
  }
}

TEST(SubjectTest, TakesFiveUnitsAtMost) {
  EXPECT_OK(ReadSubject("C=CN,CN=a" + Many(5, ",OU=u")));
  EXPECT_THAT(ReadSubject("C=CN,CN=a" + Many(6, ",OU=u")), Fails(Reason::kBadParameter));
}

TEST(SubjectTest, RefusesWhatIsMalformed) {
  using namespace std::string_literals;
  for (const std::string& text : {
           ""s,
           "CN=a"s,
           "C=CN"s,
           "CN=,C=CN"s,
           "CN=a,C=CHN"s,
           "CN=a,C=C"s,
           "CN=a,C=C1"s,
           "CN=a,C=\xc3\xa9"s,
           "CN=a,C=CN,"s,
           "CN=a,,C=CN"s,
           "CN=a,C=CN,O"s,
           "CN=a,C=CN,=x"s,
           "CN=a,C=CN,X=1"s,
           "CN=a,C=CN,2.5.4.3=1"s,
           "CN=a,CN=b,C=CN"s,
           "CN=a,C=CN,O=1,O=2"s,
           "CN=a,C=CN,ST=1,S=2"s,
           "CN=a,C=CN,E=a@b.cn,EMAILADDRESS=c@d.cn"s,
           "CN=a+O=b,C=CN"s,
           "CN=\"a\",C=CN"s,
           "CN=a;C=CN"s,
           "CN=#0c0161,C=CN"s,
           "CN=a\nb,C=CN"s,
           "CN=a\\0ab,C=CN"s,
           "CN=a\\00b,C=CN"s,
           "CN=a\0b,C=CN"s,
           "CN=a\x7f,C=CN"s,
           "CN=a\xc2\x85,C=CN"s,
           "CN=\xff,C=CN"s,
           "CN=\\ff,C=CN"s,
           "CN=\xc0\xaf,C=CN"s,
           "CN=\xed\xa0\x80,C=CN"s,
           "CN=a\\,C=CN"s,
           "CN=a,C=CN\\"s,
           "CN=a\\q,C=CN"s,
           "CN=a,C=CN,E=nobody"s,
           "CN=a,C=CN,E=\xe4\xb8\xad@b.cn"s,
       }) {
    const auto name = ReadSubject(text);
    ASSERT_THAT(name, Fails(Reason::kBadParameter)) << text;
    EXPECT_EQ(name.error().parameter(), "subject");
  }
}

TEST(SubjectTest, IsTextOfAnyNameThatOthersMake) {
  // CN=a and OID 1.2.3.4=b in one set, then a serial number.
  EXPECT_EQ(NameText(Hex("3023"
                         "3114300806035504030c0161300806032a03040c0162"
                         "310b3009060355040513023037")),
            "SERIALNUMBER=07, CN=a + OID.1.2.3.4=b");
  EXPECT_EQ(NameText(Hex("3000")), "");
  EXPECT_EQ(NameText(Hex("30")), "");
  EXPECT_EQ(NameText({}), "");
}

}  // namespace
}  // namespace kms::x509
