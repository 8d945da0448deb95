#include "kms/encoding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kms {
namespace {

using std::string_literals::operator""s;

TEST(Base64Test, EncodesTheVectorsOfRfc4648) {
  EXPECT_EQ(ToBase64(AsBytes("")), "");
  EXPECT_EQ(ToBase64(AsBytes("f")), "Zg==");
  EXPECT_EQ(ToBase64(AsBytes("fo")), "Zm8=");
  EXPECT_EQ(ToBase64(AsBytes("foo")), "Zm9v");
  EXPECT_EQ(ToBase64(AsBytes("foob")), "Zm9vYg==");
  EXPECT_EQ(ToBase64(AsBytes("fooba")), "Zm9vYmE=");
  EXPECT_EQ(ToBase64(AsBytes("foobar")), "Zm9vYmFy");
}

TEST(Base64Test, DecodesWhatItEncodes) {
  Bytes bytes;
  for (int i = 0; i < 300; ++i) {
    const std::string text = ToBase64(bytes);
    ASSERT_EQ(text.size(), Base64Size(bytes.size()));
    ASSERT_EQ(FromBase64(text), bytes) << i;
    const auto secret = SecretFromBase64(text);
    ASSERT_TRUE(secret.has_value());
    ASSERT_TRUE(ConstantTimeEqual(secret->Reveal(), bytes));
    bytes.push_back(static_cast<std::uint8_t>(i * 37));
  }
}

TEST(Base64Test, RefusesEveryOtherSpelling) {
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==\n", "Z g=", "====", "Zg==Zg==", "=Zg=",
        "Z===", "a-_=", "Zm9v=", "Zm8=Zm8=", "Zm\x80="}) {
    EXPECT_FALSE(FromBase64(bad).has_value()) << bad;
    EXPECT_FALSE(SecretFromBase64(bad).has_value()) << bad;
  }
}

TEST(HexTest, IsLowerCase) { EXPECT_EQ(ToHex(AsBytes("\x01\xab\xff")), "01abff"); }

TEST(HexTest, IsReadInEitherCase) {
  for (const char* text : {"01abff", "01ABFF", "01aBFf"})
    EXPECT_EQ(ToHex(SecretFromHex(text).value().Reveal()), "01abff") << text;
  EXPECT_TRUE(SecretFromHex("").value().empty());
  for (const char* bad :
       {"0", "012", "0g", "g0", " 01", "01 ", "0x", "0x01", "+1", "\x80\x80"})
    EXPECT_FALSE(SecretFromHex(bad).has_value()) << bad;
}

TEST(UuidTest, OfRandomBytesIsVersionFour) {
  const std::string uuid = ToUuid(Bytes(16, 0xff));
  EXPECT_EQ(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_TRUE(IsUuid(uuid));
}

TEST(UuidTest, IsOneSpellingOnly) {
  EXPECT_TRUE(IsUuid("86a9efd9-3d16-4894-bd4f-1fc43f3f2abf"));
  for (const char* bad :
       {"", "86A9efd9-3d16-4894-bd4f-1fc43f3f2abf",
        "86a9efd93d16-4894-bd4f-1fc43f3f2abf-", "86a9efd9-3d16-4894-bd4f-1fc43f3f2ab",
        "86a9efd9-3d16-4894-bd4f-1fc43f3f2abg"})
    EXPECT_FALSE(IsUuid(bad)) << bad;
}

TEST(JoinKeyTest, NoTwoListsGiveOneKey) {
  const std::vector<std::string> keys = {
      JoinKey({"a", "b"}),       JoinKey({"ab"}),
      JoinKey({"a", ""}),        JoinKey({"", "a"}),
      JoinKey({"a\0b"s}),        JoinKey({"a", "", "b"}),
      JoinKey({"a\0"s}),         JoinKey({"a"}),
      JoinKey({"a\xff"s}),       JoinKey({"a\0\xff"s}),
      JoinKey({"a\0"s, "\xff"s})};
  for (std::size_t i = 0; i < keys.size(); ++i)
    EXPECT_EQ(std::count(keys.begin(), keys.end(), keys[i]), 1) << i;
}

TEST(JoinKeyTest, AShorterListIsAPrefix) {
  EXPECT_TRUE(
      JoinKey({"key", "account", "region"}).starts_with(JoinKey({"key", "account"})));
  EXPECT_FALSE(JoinKey({"key", "account2"}).starts_with(JoinKey({"key", "account"})));
}

TEST(JoinKeyTest, KeepsTheOrderOfItsParts) {
  EXPECT_LT(JoinKey({"a"}), JoinKey({"a", "b"}));
  EXPECT_LT(JoinKey({"a", "z"}), JoinKey({"aa", "a"}));
  EXPECT_LT(JoinKey({"a"}), JoinKey({"a\0"s}));
  EXPECT_LT(JoinKey({"n", KeyNumber(255)}), JoinKey({"n", KeyNumber(256)}));
}

}  // namespace
}  // namespace kms
