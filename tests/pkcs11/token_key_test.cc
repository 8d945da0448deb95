#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <thread>

#include "hsm_adapters/pkcs11/token.h"
#include "kms/pkcs11.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

using pkcs11::Access;
using pkcs11::KeyObject;
using pkcs11::Stopwatch;
using pkcs11::Token;
using pkcs11::TokenKey;

// Whether the stopwatch was seen to run, or to stand, before long.
bool Becomes(const Stopwatch& stopwatch, bool running) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < until) {
    if (stopwatch.RunsSince(std::chrono::steady_clock::now()) == running) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// A module that is slow to make a key holds one thread. The others that want the key
// wait for that one, and are not to be taken for threads that hang in the module.
TEST(TokenKeyTest, WhoWaitsForAKeyIsNotInTheModule) {
  const ScratchDirectory folder;
  const auto nothing = [](Access&) -> Result<void> { return {}; };
  const auto token = Token::Open(
      PrepareSoftHsm({.folder = folder.path() + "/hsm", .module = {}}, true).value(),
      nothing, nothing, nullptr);
  ASSERT_OK(token);
  std::atomic<int> made = 0;
  std::latch making(1), go_on(1);
  TokenKey key(**token, [&](Access&) -> Result<KeyObject> {
    ++made;
    making.count_down();
    go_on.wait();
    return KeyObject{7, false};
  });

  CK_FUNCTION_LIST functions{};
  std::mutex keeper;
  Stopwatch maker, waiter;
  const auto use = [&](Stopwatch& stopwatch) {
    Access access({functions, 0, 1, keeper, 1}, 2, stopwatch);
    EXPECT_EQ(key.Handle(access).value(), 7u);
    EXPECT_TRUE(Becomes(stopwatch, true)) << "it runs again once the wait is over";
    stopwatch.Stop();
  };
  maker.Start();
  waiter.Start();
  std::thread first([&] { use(maker); });
  making.wait();
  std::thread second([&] { use(waiter); });
  EXPECT_TRUE(Becomes(maker, true));
  EXPECT_TRUE(Becomes(waiter, false));
  go_on.count_down();
  first.join();
  second.join();
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace kms::testing
