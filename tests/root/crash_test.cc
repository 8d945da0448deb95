// Breaks off after each change to a file or folder and looks at what is left behind.
//
// By an exception that nothing in between catches and not by ending a forked process:
// Botan 2 computes RSA on threads that a forked process does not have.

#include <gtest/gtest.h>

#include <functional>

#include "kms/root_key.h"
#include "root/root_key_fixture.h"
#include "support/matchers.h"

namespace kms {
namespace {

using Names = std::set<std::string>;
using Change = std::function<bool(const internal::RootKeyMaking&)>;
constexpr Place kPlace{"account", "object", "1", "purpose"};
constexpr int kManySteps = 200;
// Three parts of four steps each, three folders, three names with their folders.
constexpr int kCreationSteps = 3 * 4 + 3 + 3 * 2;

struct Crash {};

// Runs `change` for so many steps; false if it was done earlier.
bool CrashesAfter(int steps, const Change& change) {
  try {
    EXPECT_TRUE(change(testing::QuickMaking([&steps] {
      if (--steps == 0) throw Crash();
    })));
    return false;
  } catch (const Crash&) {
    return true;
  }
}

Change Creation(const testing::RootFolders& folders) {
  return [&](const internal::RootKeyMaking& making) {
    return internal::CreateSoftwareRootKey(folders.get(), making).has_value();
  };
}
Change Rewrapping(const testing::RootFolders& folders) {
  return [&](const internal::RootKeyMaking& making) {
    return internal::RewrapSoftwareRootKey(folders.get(), making).has_value();
  };
}

// What a server does when it starts: opens the root key, or makes it.
void ExpectStarts(const testing::RootFolders& folders) {
  auto opened = OpenSoftwareRootKey(folders.get());
  if (!opened) {
    ASSERT_THAT(opened, testing::FailsAs(ErrorClass::kNotFound));
    opened = internal::CreateSoftwareRootKey(folders.get(), testing::QuickMaking());
    ASSERT_OK(opened);
    EXPECT_EQ(folders.Files(), (Names{"root.1", "private.1", "wrap.1"}));
  }
  const Bytes sealed = opened.value()->Seal(kPlace, AsBytes("secret")).value();
  auto again = OpenSoftwareRootKey(folders.get());
  ASSERT_OK(again);
  EXPECT_OK(again.value()->Open(kPlace, sealed));
}

TEST(RootKeyCrashTest, AnInterruptedCreationCanBeFinished) {
  int steps = 1;
  for (; steps < kManySteps; ++steps) {
    SCOPED_TRACE(steps);
    const testing::RootFolders folders;
    if (!CrashesAfter(steps, Creation(folders))) break;
    ASSERT_NO_FATAL_FAILURE(ExpectStarts(folders));
  }
  EXPECT_EQ(steps, kCreationSteps + 1);
}

TEST(RootKeyCrashTest, SoCanOneThatIsInterruptedWhileItCleansUp) {
  for (int steps = 1; steps < kManySteps; ++steps) {
    SCOPED_TRACE(steps);
    const testing::RootFolders folders;
    // Its last two steps put the root part in place.
    ASSERT_TRUE(CrashesAfter(kCreationSteps - 2, Creation(folders)));
    ASSERT_EQ(folders.Files(), (Names{"root.1.tmp", "private.1", "wrap.1"}));
    if (!CrashesAfter(steps, Creation(folders))) break;
    ASSERT_NO_FATAL_FAILURE(ExpectStarts(folders));
  }
}

TEST(RootKeyCrashTest, AnInterruptedRewrapKeepsTheRootKey) {
  const testing::RootFolders original;
  const Bytes sealed =
      internal::CreateSoftwareRootKey(original.get(), testing::QuickMaking())
          .value()
          ->Seal(kPlace, AsBytes("secret"))
          .value();
  const auto expect_opens = [&](const testing::RootFolders& folders) {
    auto root = OpenSoftwareRootKey(folders.get());
    ASSERT_OK(root);
    ASSERT_OK(root.value()->Open(kPlace, sealed));
  };
  int steps = 1;
  for (; steps < kManySteps; ++steps) {
    SCOPED_TRACE(steps);
    const testing::RootFolders folders;
    folders.CopyFrom(original);
    const bool crashed = CrashesAfter(steps, Rewrapping(folders));
    ASSERT_NO_FATAL_FAILURE(expect_opens(folders));
    EXPECT_THAT(internal::CreateSoftwareRootKey(folders.get(), testing::QuickMaking()),
                testing::FailsAs(ErrorClass::kAlreadyExists));
    if (!crashed) break;
    ASSERT_OK(internal::RewrapSoftwareRootKey(folders.get(), testing::QuickMaking()));
    ASSERT_NO_FATAL_FAILURE(expect_opens(folders));
    EXPECT_EQ(folders.Files().size(), 3u);
  }
  EXPECT_EQ(steps, kCreationSteps + 3 * 2 + 1);
}

}  // namespace
}  // namespace kms
