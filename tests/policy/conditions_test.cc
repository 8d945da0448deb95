// Addresses, blocks and times of conditions.

#include "policy/conditions.h"

#include "policy/table.h"

namespace kms {
namespace {

bool InBlock(std::string_view block, std::string_view address) {
  return Contains(ParseAddressRange(block).value(), ParseAddress(address).value());
}

TEST(Conditions, BlocksOfAddresses) {
  EXPECT_TRUE(InBlock("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(InBlock("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(InBlock("192.0.2.64/26", "192.0.2.127"));
  EXPECT_FALSE(InBlock("192.0.2.64/26", "192.0.2.128"));
  EXPECT_TRUE(InBlock("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(InBlock("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(InBlock("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(InBlock("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(Conditions, TheTwoFamilies) {
  EXPECT_TRUE(InBlock("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(InBlock("0.0.0.0/0", "::1"));
  EXPECT_TRUE(InBlock("::/0", "2001:db8::1"));
  EXPECT_FALSE(InBlock("::/0", "203.0.113.9"));
  // A listener of both families reports v4 clients in this form.
  EXPECT_TRUE(InBlock("203.0.113.0/24", "::ffff:203.0.113.9"));
}

TEST(Conditions, MalformedAddresses) {
  for (const std::string_view text :
       {"", "10.0.0", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "/8", "a",
        "10.0.0.0/0008", "10.0.0.0/4"})
    EXPECT_FALSE(ParseAddressRange(text)) << text;
}

TEST(Conditions, Times) {
  EXPECT_EQ(ParseUtc("1970-01-01T00:00:01Z"), 1000);
  EXPECT_EQ(ParseUtc("2026-01-01T00:00:00Z"), 1'767'225'600'000);
  EXPECT_EQ(ParseUtc("2024-02-29T23:59:59Z"), 1'709'251'199'000);
  for (const std::string_view text :
       {"", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+",
        "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01 00:00:00Z", "-026-01-01T00:00:00Z"})
    EXPECT_FALSE(ParseUtc(text)) << text;
}

}  // namespace
}  // namespace kms
