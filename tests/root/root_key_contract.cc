#include "root/root_key_contract.h"

#include <atomic>
#include <thread>
#include <vector>

#include "support/matchers.h"

namespace kms::testing {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RootKeyContract);

namespace {

constexpr Place kPlace{"account", "object", "1", "purpose"};

}  // namespace

TEST_P(RootKeyContract, OpensWhatItSealed) {
  for (const std::size_t size : {0, 1, 16, 32, 63, 64, 65, 1200, 5000}) {
    Bytes secret(size);
    for (std::size_t i = 0; i < size; ++i) secret[i] = static_cast<std::uint8_t>(i);
    const Bytes sealed = root_->Seal(kPlace, secret).value();
    const auto opened = root_->Open(kPlace, sealed);
    ASSERT_OK(opened);
    EXPECT_TRUE(ConstantTimeEqual(opened.value().Reveal(), secret)) << size;
  }
}

TEST_P(RootKeyContract, EqualSecretsGiveDifferentResults) {
  const Bytes secret(32, 1);
  EXPECT_NE(root_->Seal(kPlace, secret).value(), root_->Seal(kPlace, secret).value());
}

TEST_P(RootKeyContract, OpensAtNoOtherPlace) {
  const Bytes sealed = root_->Seal(kPlace, AsBytes("secret")).value();
  using namespace std::string_view_literals;
  for (const Place& other :
       {Place{"accoun", "tobject", "1", "purpose"},
        Place{"account", "object1", "", "purpose"},
        Place{"account", "object", "1p", "urpose"},
        Place{"account", "object", "2", "purpose"}, Place{"account", "object", "1", ""},
        Place{"", "object", "1", "purpose"},
        Place{"account\0object"sv, "1", "purpose", ""},
        Place{"account", "object\0"sv, "1", "purpose"},
        Place{"Account", "object", "1", "purpose"}}) {
    EXPECT_THAT(root_->Open(other, sealed), FailsAs(ErrorClass::kCorrupt));
  }
  EXPECT_OK(root_->Open(kPlace, sealed));
}

TEST_P(RootKeyContract, OpensNothingThatWasChanged) {
  const Bytes sealed = root_->Seal(kPlace, AsBytes("secret")).value();
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_THAT(root_->Open(kPlace, changed), FailsAs(ErrorClass::kCorrupt));
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_THAT(root_->Open(kPlace, ByteView(sealed).first(size)),
                FailsAs(ErrorClass::kCorrupt));
  }
  Bytes longer = sealed;
  longer.push_back(0);
  EXPECT_THAT(root_->Open(kPlace, longer), FailsAs(ErrorClass::kCorrupt));
  EXPECT_OK(root_->Open(kPlace, sealed));
}

TEST_P(RootKeyContract, OpensNothingOfAnotherRootKey) {
  const Bytes sealed = root_->Seal(kPlace, AsBytes("secret")).value();
  MakeAnother();
  EXPECT_THAT(root_->Open(kPlace, sealed), FailsAs(ErrorClass::kCorrupt));
}

TEST_P(RootKeyContract, ServesManyThreads) {
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      const std::string object = std::to_string(id);
      const Place place{"account", object, "1", "purpose"};
      for (int i = 0; i < 200; ++i) {
        const auto sealed = root_->Seal(place, AsBytes(object));
        if (!sealed) continue;
        const auto opened = root_->Open(place, sealed.value());
        if (opened && AsText(opened.value().Reveal()) == object) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 4 * 200);
}

}  // namespace kms::testing
