#include "hsm_adapters/pkcs11/softhsm.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hsm_adapters/pkcs11/module.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms {
namespace {

namespace fs = std::filesystem;

constexpr int kManySteps = 100;

std::string TextOf(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.Reveal().data()), secret.size()};
}

std::string ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteText(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// A session with the token, logged in, as whoever has the configuration opens one.
class LoggedIn {
 public:
  explicit LoggedIn(const Pkcs11Config& config)
      : module_(pkcs11::Module::Load(config.module).value()) {
    CK_ULONG count = 0;
    cryptoki().C_GetSlotList(CK_TRUE, nullptr, &count);
    std::vector<CK_SLOT_ID> slots(count);
    cryptoki().C_GetSlotList(CK_TRUE, slots.data(), &count);
    for (const CK_SLOT_ID slot : slots) {
      CK_TOKEN_INFO info{};
      cryptoki().C_GetTokenInfo(slot, &info);
      const auto text = [](const CK_UTF8CHAR* from, std::size_t size) {
        const std::string padded(reinterpret_cast<const char*>(from), size);
        return padded.substr(0, padded.find_last_not_of(' ') + 1);
      };
      if (text(info.label, sizeof info.label) != config.token ||
          text(info.serialNumber, sizeof info.serialNumber) != config.serial)
        continue;
      cryptoki().C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr,
                               nullptr, &session_);
      std::string pin = TextOf(config.pin);
      code_ = cryptoki().C_Login(session_, CKU_USER,
                                 reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size());
    }
  }

  CK_RV code() const { return code_; }
  CK_FUNCTION_LIST& cryptoki() const { return module_->functions(); }

  // An AES key in the token: made there, or brought.
  CK_RV MakeKey(bool local, std::string_view name) {
    pkcs11::Template key;
    key.Number(CKA_CLASS, CKO_SECRET_KEY)
        .Number(CKA_KEY_TYPE, CKK_AES)
        .Flag(CKA_TOKEN, true)
        .Flag(CKA_ENCRYPT, true);
    if (!name.empty()) key.Text(CKA_ID, name);
    CK_OBJECT_HANDLE made = 0;
    if (!local) {
      key.Data(CKA_VALUE, Bytes(32, 7));
      return cryptoki().C_CreateObject(session_, key.data(), key.size(), &made);
    }
    key.Number(CKA_VALUE_LEN, 32);
    CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
    return cryptoki().C_GenerateKey(session_, &mechanism, key.data(), key.size(), &made);
  }

  std::size_t CountObjects() {
    cryptoki().C_FindObjectsInit(session_, nullptr, 0);
    std::size_t found = 0;
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG count = 0;
    while (cryptoki().C_FindObjects(session_, &object, 1, &count) == CKR_OK && count == 1)
      ++found;
    cryptoki().C_FindObjectsFinal(session_);
    return found;
  }

 private:
  const std::unique_ptr<pkcs11::Module> module_;
  CK_SESSION_HANDLE session_ = 0;
  CK_RV code_ = CKR_TOKEN_NOT_PRESENT;
};

class SoftHsmTest : public ::testing::Test {
 protected:
  fs::path hsm() const { return scratch_.path() + "/hsm"; }
  SoftHsmFolder folder() const { return {.folder = hsm().string(), .module = {}}; }

  Result<Pkcs11Config> Prepare(bool may_make = true) {
    return PrepareSoftHsm(folder(), may_make);
  }

  void ExpectWorks(const Pkcs11Config& config) {
    EXPECT_EQ(LoggedIn(config).code(), CKR_OK);
  }

  // Every file below the folder, with its content.
  std::map<std::string, std::string> Contents() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(hsm()))
      if (entry.is_regular_file()) found[entry.path().string()] = ReadText(entry.path());
    return found;
  }

  // Every file below the folder, with its content where it is ours: SoftHSM notes in its
  // own that a wrong PIN came.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(hsm()))
      found[entry.path().string()] =
          entry.path().parent_path() == hsm() && entry.is_regular_file()
              ? ReadText(entry.path())
              : std::string();
    return found;
  }

  std::vector<fs::path> SetAside() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(hsm()))
      if (entry.path().filename().string().starts_with("tokens."))
        found.push_back(entry.path());
    return found;
  }

  // The folder of the one token.
  fs::path TokenOf() const { return fs::directory_iterator(hsm() / "tokens")->path(); }
  // The file of the one object in it.
  fs::path ObjectOf() const {
    for (const auto& entry : fs::directory_iterator(TokenOf()))
      if (entry.path().extension() == ".object" &&
          entry.path().filename() != "token.object")
        return entry.path();
    return {};
  }

  const testing::ScratchDirectory scratch_;
};

TEST_F(SoftHsmTest, ATokenIsMadeOnceAndUsedAgain) {
  const auto made = Prepare();
  ASSERT_OK(made);
  ExpectWorks(*made);
  const auto again = Prepare();
  ASSERT_OK(again);
  EXPECT_EQ(again->serial, made->serial);
  EXPECT_EQ(TextOf(again->pin), TextOf(made->pin));
  EXPECT_TRUE(SetAside().empty());
  const auto depended_on = Prepare(false);
  ASSERT_OK(depended_on);
  EXPECT_EQ(depended_on->serial, made->serial);
  EXPECT_EQ(depended_on->sync_folder, (hsm() / "tokens").string());
}

TEST_F(SoftHsmTest, EverythingIsPrivateAndThePinsAreRandom) {
  const auto made = Prepare();
  ASSERT_OK(made);
  struct stat facts{};
  ASSERT_EQ(::stat(hsm().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700U);
  for (const char* name : {"pin", "so-pin", "softhsm2.conf"}) {
    ASSERT_EQ(::stat((hsm() / name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777, 0600U) << name;
  }
  EXPECT_EQ(ReadText(hsm() / "pin"), TextOf(made->pin) + "\n");
  EXPECT_EQ(made->pin.size(), 32U);
  EXPECT_NE(ReadText(hsm() / "so-pin"), ReadText(hsm() / "pin"));
  const testing::ScratchDirectory other;
  const auto second =
      PrepareSoftHsm({.folder = other.path() + "/hsm", .module = {}}, true);
  ASSERT_OK(second);
  EXPECT_NE(TextOf(second->pin), TextOf(made->pin));
}

TEST_F(SoftHsmTest, TheConfigurationIsTheTokensOwn) {
  ASSERT_OK(Prepare());
  const std::string text = ReadText(hsm() / "softhsm2.conf");
  for (const std::string& line :
       {"directories.tokendir = " + (hsm() / "tokens").string(),
        std::string("objectstore.backend = file"), std::string("log.level = ERROR"),
        std::string("slots.removable = false"),
        std::string("library.reset_on_fork = true")})
    EXPECT_NE(text.find(line + "\n"), std::string::npos) << line;
  EXPECT_EQ(std::getenv("SOFTHSM2_CONF"), (hsm() / "softhsm2.conf").string());
}

TEST_F(SoftHsmTest, AFolderThatWasMovedWorksAtItsNewPlace) {
  const auto made = Prepare();
  ASSERT_OK(made);
  const fs::path moved = scratch_.path() + "/moved";
  fs::rename(hsm(), moved);
  const auto again = PrepareSoftHsm({.folder = moved.string(), .module = {}}, false);
  ASSERT_OK(again);
  EXPECT_EQ(again->serial, made->serial);
  ExpectWorks(*again);
}

TEST_F(SoftHsmTest, ACopyWorksAndTheTokenDoesNotChange) {
  const auto made = Prepare();
  ASSERT_OK(made);
  // As a process leaves it that ends amid a login.
  for (const auto& entry : fs::recursive_directory_iterator(hsm() / "tokens"))
    if (entry.path().filename() == "token.object") fs::resize_file(entry.path(), 0);
  const auto before = Contents();
  const fs::path to = scratch_.path() + "/copy";
  fs::create_directory(to);
  auto copy = CopySoftHsm(folder(), to.string());
  ASSERT_OK(copy);
  EXPECT_EQ(std::getenv("SOFTHSM2_CONF"), (to / "softhsm2.conf").string());
  EXPECT_EQ(copy->pin, made->pin);
  EXPECT_FALSE(fs::exists(to / "pin"));
  copy->serial = made->serial;
  ExpectWorks(*copy);
  EXPECT_EQ(Contents(), before);
}

TEST_F(SoftHsmTest, WhereThereIsNoTokenThereIsNoCopy) {
  const fs::path to = scratch_.path() + "/copy";
  fs::create_directory(to);
  EXPECT_THAT(CopySoftHsm(folder(), to.string()),
              testing::FailsAs(ErrorClass::kNotFound));
  ASSERT_OK(Prepare());
  fs::remove(hsm() / "pin");
  EXPECT_THAT(CopySoftHsm(folder(), to.string()),
              testing::FailsAs(ErrorClass::kNotFound));
  EXPECT_TRUE(fs::is_empty(to));
}

struct Crash {};

// By an exception that nothing in between catches; tests/integration/hsm_test.py kills.
TEST_F(SoftHsmTest, InterruptedAnywhereItIsFinished) {
  int steps = 1;
  for (; steps < kManySteps; ++steps) {
    SCOPED_TRACE(steps);
    int left = steps;
    const auto interrupt = [&left] {
      if (--left == 0) throw Crash();
    };
    fs::remove_all(hsm());
    try {
      ASSERT_OK(pkcs11::PrepareSoftHsm(folder(), true, interrupt));
      break;  // there were fewer steps
    } catch (const Crash&) {
    }
    const auto finished = Prepare();
    ASSERT_OK(finished);
    ExpectWorks(*finished);
    EXPECT_TRUE(SetAside().empty());
  }
  // Folders 3, files 4 of 3 steps each, token 2; then it is through.
  EXPECT_EQ(steps, 18);
}

TEST_F(SoftHsmTest, ATokenWithoutItsPinIsFinishedWithTheSamePins) {
  int left = 12;  // after C_InitToken
  EXPECT_THROW((void)pkcs11::PrepareSoftHsm(folder(), true,
                                            [&left] {
                                              if (--left == 0) throw Crash();
                                            }),
               Crash);
  const std::string pin = ReadText(hsm() / "pin");
  const fs::path token = TokenOf();
  const auto finished = Prepare();
  ASSERT_OK(finished);
  EXPECT_EQ(TextOf(finished->pin) + "\n", pin);
  EXPECT_EQ(TokenOf(), token);
  ExpectWorks(*finished);
}

TEST_F(SoftHsmTest, AHalfWrittenTokenIsSetAside) {
  ASSERT_OK(Prepare());
  const std::string whole = ReadText(TokenOf() / "token.object");
  ASSERT_GT(whole.size(), 100U);
  std::size_t aside = 0;
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 7) {
    SCOPED_TRACE(size);
    const fs::path token = TokenOf();
    WriteText(token / "token.object", whole.substr(0, size));
    fs::remove_all(hsm() / "token-copies");  // as before it was ever whole
    const auto made = Prepare();
    ASSERT_OK(made);
    ExpectWorks(*made);
    EXPECT_EQ(SetAside().size(), ++aside);
    EXPECT_NE(TokenOf().filename(), token.filename());
  }
}

TEST_F(SoftHsmTest, ATokenOfOtherPinsIsSetAside) {
  const auto first = Prepare();
  ASSERT_OK(first);
  fs::remove(hsm() / "pin");
  const auto second = Prepare();
  ASSERT_OK(second);
  EXPECT_NE(second->serial, first->serial);
  ExpectWorks(*second);
  EXPECT_EQ(SetAside(), std::vector{hsm() / "tokens.unusable-1"});
}

// SoftHSM writes this file in place at every login.
TEST_F(SoftHsmTest, ATokenWhoseFileALoginHasLostIsRestored) {
  const auto made = Prepare();
  ASSERT_OK(made);
  const fs::path file = TokenOf() / "token.object";
  const std::string content = ReadText(file);
  for (const std::size_t left : {std::size_t{0}, std::size_t{1}, content.size() / 2}) {
    WriteText(file, content.substr(0, left));
    const auto again = Prepare(false);
    ASSERT_OK(again) << left;
    EXPECT_EQ(again->serial, made->serial);
    ExpectWorks(*again);
  }
  fs::remove(file);
  ASSERT_OK(Prepare(false));
  // What replaces the copy works, too.
  ASSERT_OK(Prepare(false));
  EXPECT_TRUE(SetAside().empty());
}

TEST_F(SoftHsmTest, WhatAStoreDependsOnIsNeverReplaced) {
  ASSERT_OK(Prepare());
  const auto spoilt = [&](const std::function<void()>& spoil) {
    const fs::path kept = scratch_.path() + "/kept";
    fs::copy(hsm(), kept, fs::copy_options::recursive);
    spoil();
    const auto before = Files();
    EXPECT_THAT(Prepare(false), testing::FailsAs(ErrorClass::kCorrupt));
    EXPECT_EQ(Files(), before);
    EXPECT_TRUE(SetAside().empty());
    fs::remove_all(hsm());
    fs::rename(kept, hsm());
    EXPECT_OK(Prepare(false));
  };
  spoilt([&] { fs::remove_all(hsm() / "tokens"); });
  spoilt([&] { fs::remove_all(TokenOf()); });
  spoilt([&] { fs::remove(hsm() / "pin"); });
  spoilt([&] { WriteText(hsm() / "pin", std::string(32, 'a') + "\n"); });
  spoilt([&] { WriteText(hsm() / "pin", "short"); });
  spoilt([&] {
    WriteText(TokenOf() / "token.object", "");
    fs::remove_all(hsm() / "token-copies");
  });
}

TEST_F(SoftHsmTest, AFolderThatAStoreDependsOnIsNotMade) {
  EXPECT_THAT(Prepare(false), testing::FailsAs(ErrorClass::kCorrupt));
  EXPECT_FALSE(fs::exists(hsm()));
}

TEST_F(SoftHsmTest, WithoutTheModuleNothingIsMade) {
  SoftHsmFolder missing = folder();
  missing.module = scratch_.path() + "/none.so";
  for (const bool may_make : {true, false})
    EXPECT_THAT(PrepareSoftHsm(missing, may_make),
                testing::FailsAs(ErrorClass::kNotFound));
  EXPECT_FALSE(fs::exists(hsm()));
}

TEST_F(SoftHsmTest, AReadablePinIsRefused) {
  ASSERT_OK(Prepare());
  ASSERT_EQ(::chmod((hsm() / "pin").c_str(), 0640), 0);
  const auto refused = Prepare();
  ASSERT_THAT(refused, testing::FailsAs(ErrorClass::kUnavailable));
  EXPECT_NE(refused.error().detail().find("chmod"), std::string::npos);
}

TEST_F(SoftHsmTest, APathThatSoftHsmCannotReadIsRefused) {
  const fs::path strange = scratch_.path() + "/a#b";
  fs::create_directory(strange);
  EXPECT_THAT(PrepareSoftHsm({.folder = (strange / "hsm").string(), .module = {}}, true),
              testing::FailsAs(ErrorClass::kUnavailable));
}

// SoftHSM writes the file of an object anew for each attribute, so that a kill leaves any
// beginning of it; what holds the name of a root key, its record finds (roots.h).
TEST_F(SoftHsmTest, WhatAnInterruptedGenerationLeavesIsRemoved) {
  const auto made = Prepare();
  ASSERT_OK(made);
  ASSERT_EQ(LoggedIn(*made).MakeKey(true, "name"), CKR_OK);
  const fs::path whole = ObjectOf();
  const std::string content = ReadText(whole);
  // Attributes stand in the order of their numbers, which have 8 bytes.
  const std::size_t nameless = content.find(std::string("\0\0\0\0\0\0\1\2", 8));
  ASSERT_NE(nameless, std::string::npos);
  static_assert(CKA_ID == 0x102);
  for (std::size_t size = 0; size <= nameless; ++size) {
    std::array<char, 64> name{};
    std::snprintf(name.data(), name.size(), "01234567-89ab-cdef-0123-%012zx", size);
    const fs::path half = TokenOf() / name.data();
    WriteText(fs::path(half).replace_extension(".object"), content.substr(0, size));
    WriteText(fs::path(half).replace_extension(".lock"), "");
  }
  ASSERT_GT(LoggedIn(*made).CountObjects(), 10U);

  // Also where a store depends on the token.
  ASSERT_OK(Prepare(false));
  EXPECT_EQ(LoggedIn(*made).CountObjects(), 1U);
  EXPECT_EQ(ReadText(whole), content);
}

TEST_F(SoftHsmTest, WhatHasANameOrWasMadeInTheTokenIsKept) {
  const auto made = Prepare();
  ASSERT_OK(made);
  ASSERT_EQ(LoggedIn(*made).MakeKey(true, ""), CKR_OK);
  ASSERT_EQ(LoggedIn(*made).MakeKey(false, "name"), CKR_OK);
  ASSERT_EQ(LoggedIn(*made).MakeKey(false, ""), CKR_OK);  // as one without its last step
  ASSERT_OK(Prepare(false));
  EXPECT_EQ(LoggedIn(*made).CountObjects(), 2U);
  ASSERT_OK(Prepare(true));
  EXPECT_EQ(LoggedIn(*made).CountObjects(), 2U);
}

}  // namespace
}  // namespace kms
