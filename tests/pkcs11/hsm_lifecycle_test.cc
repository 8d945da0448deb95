// Pkcs11Hsm while its token goes and another comes, while it is given more roots, and
// while it is closed.

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kms/encoding.h"
#include "pkcs11/hsm_faults.h"

namespace kms::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

class HsmLifecycleTest : public HsmFaultsTest {
 protected:
  std::string WhyDown() { return hsm_.hsm().Status().reason; }

  bool GoesDown() {
    return Eventually([&] { return !hsm_.backend().Check(); });
  }

  // Waits until the token has been looked for some times more.
  bool IsLookedFor() {
    const int looks = trace_.Count("C_Initialize");
    return Eventually([&] { return trace_.Count("C_Initialize") >= looks + 4; });
  }

  std::size_t CountRootRecords() {
    return hsm_.store()
        .Read()
        .value()
        ->Scan(JoinKey({"hsm-root"}), {}, kAllRecords)
        .value()
        .size();
  }
};

TEST_F(HsmLifecycleTest, AnotherTokenOfTheSameLabelDoesNotGetThePin) {
  hsm_.Close();
  const ScratchDirectory scratch;
  const std::string other = scratch.path() + "/hsm";
  const std::string other_serial =
      PrepareSoftHsm({.folder = other, .module = {}}, true).value().serial;
  // The serial number is that of the root in the store.
  Reopen([](Pkcs11Config& config) { config.serial.clear(); });
  const Loaded keys = Load();
  const std::string serial = hsm_.hsm().Status().serial;
  ASSERT_NE(serial, other_serial);

  hsm_.MoveAway();
  ASSERT_TRUE(GoesDown());
  const int logins = trace_.Count("C_Login");
  const std::string arriving = hsm_.tokens() + ".arriving";
  std::filesystem::copy(other + "/tokens", arriving,
                        std::filesystem::copy_options::recursive);
  std::filesystem::rename(arriving, hsm_.tokens());
  EXPECT_TRUE(
      Eventually([&] { return WhyDown().find(other_serial) != std::string::npos; }));
  EXPECT_THAT(WhyDown(), HasSubstr("with the serial number " + serial));
  ASSERT_TRUE(IsLookedFor());
  EXPECT_FALSE(hsm_.backend().Check());
  EXPECT_EQ(trace_.Count("C_Login"), logins);

  hsm_.MoveBack();
  EXPECT_TRUE(Eventually([&] { return IsWell(keys); }));
}

TEST_F(HsmLifecycleTest, ATokenThatComesBackWithoutAMechanismIsRefused) {
  const Loaded keys = Load();
  rules_.Set({"* vanish"});
  ASSERT_TRUE(GoesDown());
  rules_.Set({"* hide CKM_AES_GCM"});
  EXPECT_TRUE(Eventually([&] {
    return WhyDown().find("come back without mechanism") != std::string::npos;
  }));
  ASSERT_TRUE(IsLookedFor());
  EXPECT_FALSE(hsm_.backend().Check());
  rules_.Clear();
  EXPECT_TRUE(Eventually([&] { return IsWell(keys); }));
}

class HsmPinTest : public HsmLifecycleTest,
                   public ::testing::WithParamInterface<const char*> {};

TEST_P(HsmPinTest, ARefusedPinIsNotTriedAgain) {
  const std::string code = GetParam();
  Reopen([](Pkcs11Config& config) { config.probe_interval_millis = 2; });
  const WrappedKey made = hsm_.backend().Generate(KeySpec::kAes256, kPlace).value();
  rules_.Set({"* vanish"});
  ASSERT_TRUE(GoesDown());
  const int before = trace_.Count("C_Login");
  rules_.Set({"C_Login return " + code});
  ASSERT_TRUE(Eventually([&] { return trace_.Count("C_Login") > before; }));
  // Looking any further would make no call: nothing but time shows that it does not.
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(trace_.Count("C_Login"), before + 1);
  EXPECT_THAT(WhyDown(), AllOf(HasSubstr("PIN"), HasSubstr(code)));
  const auto load = [&] {
    return hsm_.backend().LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed);
  };
  EXPECT_THAT(load(), Fails(Reason::kHsmUnavailable));
  // Not even when it would be right.
  rules_.Clear();
  std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(hsm_.backend().Check());
  Reopen();
  EXPECT_OK(load());
}

INSTANTIATE_TEST_SUITE_P(Codes, HsmPinTest,
                         ::testing::Values("CKR_PIN_INCORRECT", "CKR_PIN_LOCKED",
                                           "CKR_PIN_EXPIRED"),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(HsmLifecycleTest, RootsAreAddedOneAfterTheOtherInUse) {
  struct Key {
    WrappedKey made;
    Bytes sealed;
  };
  const Made made = Make();
  std::mutex mutex;
  std::vector<Key> keys;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      CryptoBackend& backend = hsm_.backend();
      while (!stop) {
        Key key;
        key.made = backend.Generate(KeySpec::kAes256, kPlace).value();
        key.sealed = backend.LoadSymmetric(KeySpec::kAes256, kPlace, key.made.sealed)
                         .value()
                         ->Seal({}, {}, text_)
                         .value();
        const std::lock_guard lock(mutex);
        keys.push_back(std::move(key));
      }
    });
  const auto made_under = [&](std::uint32_t root) {
    const std::lock_guard lock(mutex);
    return std::ranges::any_of(keys,
                               [&](const Key& key) { return key.made.root == root; });
  };
  EXPECT_TRUE(Eventually([&] { return made_under(1); }));
  std::thread adding([&] { EXPECT_OK(hsm_.hsm().AddRoot()); });
  EXPECT_OK(hsm_.hsm().AddRoot());
  adding.join();
  EXPECT_EQ(hsm_.hsm().Status().root, 3u);
  EXPECT_TRUE(Eventually([&] { return made_under(3); }));
  stop = true;
  for (std::thread& thread : threads) thread.join();

  Reopen();
  EXPECT_EQ(hsm_.hsm().Status().root, 3u);
  for (const Key& key : keys) {
    const auto loaded =
        hsm_.backend().LoadSymmetric(KeySpec::kAes256, kPlace, key.made.sealed);
    ASSERT_OK(loaded);
    ASSERT_TRUE(Check((*loaded)->Open({}, {}, key.sealed),
                      [&](const SecretBytes& opened) { return IsText(opened); }));
  }
  EXPECT_TRUE(Use(Load(made)));
  EXPECT_EQ(CountRootRecords(), 3u);
  EXPECT_EQ(CountTokenObjects(), 3u);
}

TEST_F(HsmLifecycleTest, ARootThatWasNotMadeLeavesNothing) {
  const WrappedKey made = hsm_.backend().Generate(KeySpec::kAes256, kPlace).value();
  for (const std::string fault :
       {"C_FindObjectsInit return CKR_DEVICE_MEMORY times=1",
        "C_GenerateKey return CKR_DEVICE_MEMORY times=1",
        "C_GenerateKey return CKR_DEVICE_MEMORY skip=1 times=1",
        "C_WrapKey return CKR_DEVICE_MEMORY times=1",
        "C_FindObjectsInit return CKR_DEVICE_MEMORY skip=1 times=1"}) {
    SCOPED_TRACE(fault);
    ReopenUnprobed();
    rules_.Set({fault});
    EXPECT_THAT(hsm_.hsm().AddRoot(), Fails(Reason::kHsmUnavailable));
    rules_.Clear();
    EXPECT_EQ(hsm_.hsm().Status().root, 1u);
    EXPECT_OK(hsm_.backend().LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed));
    // The next start removes what is left.
    ReopenUnprobed();
    EXPECT_EQ(CountRootRecords(), 1u);
    EXPECT_EQ(CountTokenObjects(), 1u);
  }
  // And so does the next attempt.
  ReopenUnprobed();
  rules_.Set({"C_WrapKey return CKR_DEVICE_MEMORY times=1"});
  EXPECT_THAT(hsm_.hsm().AddRoot(), Fails(Reason::kHsmUnavailable));
  EXPECT_OK(hsm_.hsm().AddRoot());
  EXPECT_EQ(hsm_.hsm().Status().root, 2u);
  EXPECT_EQ(CountRootRecords(), 2u);
  EXPECT_EQ(CountTokenObjects(), 2u);
}

TEST_F(HsmLifecycleTest, ClosingUnderLoadIsQuickAndEndsTheModuleLast) {
  const Loaded keys = Load();
  // More callers than sessions, and slow calls: some always wait for their turn.
  rules_.Set({"* delay 2"});
  std::vector<std::thread> users;
  for (int i = 0; i < 8; ++i)
    users.emplace_back([&] {
      for (;;) {
        const auto sealed = keys.aes->Seal({}, {}, text_);
        if (sealed) continue;
        EXPECT_THAT(sealed, Fails(Reason::kHsmUnavailable));
        EXPECT_THAT(sealed.error().detail(), HasSubstr("closed"));
        return;
      }
    });
  const int before = trace_.Count("C_Encrypt");
  EXPECT_TRUE(Eventually([&] { return trace_.Count("C_Encrypt") > before + 50; }));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(hsm_.hsm().Close());
  // A call may take 30 seconds; none is waited for that long.
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  for (std::thread& user : users) user.join();
  EXPECT_EQ(trace_.Last(), "C_Finalize");
  EXPECT_EQ(trace_.Count("C_Logout"), 0);
}

}  // namespace
}  // namespace kms::testing
