#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>

#include "hsm_adapters/pkcs11/token.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/pkcs11.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

using pkcs11::Access;
using pkcs11::ControlKey;
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
class WaitingTest : public ::testing::Test {
 protected:
  // What a thread is in while it makes the key; the first one until another waits.
  void Make() {
    if (++made > 1) return;
    making_.count_down();
    go_on_.wait();
  }

  void ExpectWhoWaitsIsOutside(const std::function<void(Access&)>& use) {
    Stopwatch maker, waiter;
    const auto run = [&](Stopwatch& stopwatch) {
      Access access({functions, 0, CKF_SERIAL_SESSION, 1, keeper_, 1}, 2, stopwatch);
      use(access);
      EXPECT_TRUE(Becomes(stopwatch, true)) << "it runs again once the wait is over";
      stopwatch.Stop();
    };
    maker.Start();
    waiter.Start();
    std::thread first([&] { run(maker); });
    making_.wait();
    std::thread second([&] { run(waiter); });
    EXPECT_TRUE(Becomes(maker, true));
    EXPECT_TRUE(Becomes(waiter, false));
    go_on_.count_down();
    first.join();
    second.join();
  }

  std::atomic<int> made = 0;
  CK_FUNCTION_LIST functions{};

 private:
  std::latch making_{1}, go_on_{1};
  std::mutex keeper_;
};

TEST_F(WaitingTest, ForAKeyOfTheToken) {
  const ScratchDirectory folder;
  const auto nothing = [](Access&) -> Result<void> { return {}; };
  const auto token = Token::Open(
      PrepareSoftHsm({.folder = folder.path() + "/hsm", .module = {}}, true).value(),
      nothing, nothing, nullptr);
  ASSERT_OK(token);
  TokenKey key(**token, [&](Access&) -> Result<KeyObject> {
    Make();
    return KeyObject{7, false};
  });
  ExpectWhoWaitsIsOutside(
      [&](Access& access) { EXPECT_EQ(key.Handle(access).value(), 7u); });
  EXPECT_EQ(made, 1);
}

TEST_F(WaitingTest, ForTheKeyThatTellsWhoseFaultItWas) {
  static std::function<void()> make;  // a function of C carries nothing with it
  make = [this] { Make(); };
  functions.C_GenerateKey = [](CK_SESSION_HANDLE, CK_MECHANISM*, CK_ATTRIBUTE*, CK_ULONG,
                               CK_OBJECT_HANDLE*) -> CK_RV {
    make();
    return CKR_GENERAL_ERROR;
  };
  ControlKey key;
  ExpectWhoWaitsIsOutside([&](Access& access) { EXPECT_FALSE(key.Computes(access)); });
}

// Of a token that is open for use only (Pkcs11Config::use_only) all are read-only.
TEST(AccessTest, ASessionForOneThingIsOpenedAsAllAre) {
  static CK_FLAGS opened = 0;
  static int closed = 0;
  opened = closed = 0;
  CK_FUNCTION_LIST functions{};
  functions.C_OpenSession = [](CK_SLOT_ID, CK_FLAGS flags, void*, CK_NOTIFY,
                               CK_SESSION_HANDLE* session) -> CK_RV {
    opened = flags;
    *session = 3;
    return CKR_OK;
  };
  functions.C_CloseSession = [](CK_SESSION_HANDLE session) -> CK_RV {
    closed += session == 3 ? 1 : 0;
    return CKR_OK;
  };
  std::mutex keeper;
  Stopwatch stopwatch;
  Pkcs11Config config;
  for (const bool use_only : {true, false}) {
    config.use_only = use_only;
    Access access({functions, 0, pkcs11::SessionFlags(config), 1, keeper, 1}, 2,
                  stopwatch);
    EXPECT_TRUE(Access::Scratch(access).open());
    EXPECT_EQ((opened & CKF_RW_SESSION) == 0, use_only);
    EXPECT_NE(opened & CKF_SERIAL_SESSION, 0u);
  }
  EXPECT_EQ(closed, 2);
}

}  // namespace
}  // namespace kms::testing
