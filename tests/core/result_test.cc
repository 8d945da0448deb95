#include "kms/result.h"

#include <memory>
#include <set>

#include "support/matchers.h"

namespace kms {
namespace {

using testing::Fails;
using testing::FailsAs;
using testing::IsOk;

Result<int> Half(int n) {
  if (n % 2 != 0) return Error(Reason::kBadParameter, "odd").About("n");
  return n / 2;
}

Result<int> Quarter(int n) {
  KMS_TRY(const int half, Half(n));
  KMS_CHECK_OK(Half(half));
  return Half(half);
}

TEST(ResultTest, HoldsItsValue) {
  auto result = Half(8);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(*result, 4);
}

TEST(ResultTest, HoldsItsError) {
  auto result = Half(7);
  ASSERT_THAT(result, Fails(Reason::kBadParameter));
  EXPECT_THAT(result, FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_EQ(result.error().parameter(), "n");
  EXPECT_EQ(result.error().detail(), "odd");
}

TEST(ResultTest, TryPassesErrorsOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_THAT(Quarter(6), Fails(Reason::kBadParameter));
}

TEST(ResultTest, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

TEST(ResultDeathTest, ValueOfAFailureEndsTheProcess) {
  EXPECT_DEATH((void)Half(7).value(), "KMS.0921 odd");
}

TEST(ResultDeathTest, ErrorOfASuccessEndsTheProcess) {
  EXPECT_DEATH((void)Half(8).error(), "error of a successful result");
}

TEST(ErrorTableTest, EveryCodeIsThereOnce) {
  std::set<std::string_view> codes;
#define KMS_REASON(name, error_class, http, code, english, chinese)  \
  EXPECT_TRUE(codes.insert(code).second) << code;                    \
  EXPECT_EQ(CodeOf(Reason::name), code);                             \
  EXPECT_EQ(ClassOf(Reason::name), ErrorClass::error_class) << code; \
  EXPECT_FALSE(std::string_view(english).empty() || std::string_view(chinese).empty());
#include "kms/error_table.def"
#undef KMS_REASON
}

}  // namespace
}  // namespace kms
