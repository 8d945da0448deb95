#include "kms/secret_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace kms {
namespace {

TEST(SecretBytesTest, MovesWithoutACopy) {
  SecretBytes one = SecretBytes::CopyOf(AsBytes("secret"));
  const auto* data = one.Reveal().data();
  SecretBytes two = std::move(one);
  EXPECT_EQ(two.Reveal().data(), data);
  EXPECT_TRUE(one.empty());
}

TEST(SecretBytesTest, ComparesContent) {
  EXPECT_EQ(SecretBytes::CopyOf(AsBytes("secret")),
            SecretBytes::CopyOf(AsBytes("secret")));
  EXPECT_FALSE(SecretBytes::CopyOf(AsBytes("secret")) ==
               SecretBytes::CopyOf(AsBytes("secreT")));
  EXPECT_FALSE(SecretBytes::CopyOf(AsBytes("secret")) ==
               SecretBytes::CopyOf(AsBytes("secre")));
  EXPECT_EQ(SecretBytes(), SecretBytes::CopyOf({}));
}

TEST(SecretBytesTest, FilledHandsOutItsOwnBuffer) {
  const SecretBytes made = SecretBytes::Filled(
      4, [](std::span<std::uint8_t> out) { std::ranges::fill(out, 7); });
  EXPECT_EQ(Bytes(made.Reveal().begin(), made.Reveal().end()), Bytes(4, 7));
}

TEST(SecretBytesTest, PrintsItsLengthOnly) {
  EXPECT_EQ(::testing::PrintToString(SecretBytes::CopyOf(AsBytes("abc"))),
            "SecretBytes of 3");
}

TEST(WipeTest, Overwrites) {
  Bytes bytes(100, 1);
  Wipe(bytes);
  EXPECT_EQ(bytes, Bytes(100, 0));
}

}  // namespace
}  // namespace kms
