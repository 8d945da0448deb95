#include <filesystem>
#include <fstream>
#include <iterator>

#include "kms/root_key.h"
#include "root/root_key_fixture.h"
#include "support/matchers.h"

namespace kms {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;
constexpr Place kPlace{"account", "object", "1", "purpose"};

class SoftwareRootKeyTest : public ::testing::Test {
 protected:
  // Makes a root key quickly and seals a secret with it.
  void Create() {
    auto root = internal::CreateSoftwareRootKey(folders_.get(), testing::QuickMaking());
    ASSERT_OK(root);
    sealed_ = root.value()->Seal(kPlace, AsBytes("secret")).value();
  }
  Result<void> Rewrap() {
    return internal::RewrapSoftwareRootKey(folders_.get(), testing::QuickMaking());
  }
  void ExpectStillOpens() {
    auto root = OpenSoftwareRootKey(folders_.get());
    ASSERT_OK(root);
    const auto opened = root.value()->Open(kPlace, sealed_);
    ASSERT_OK(opened);
    EXPECT_EQ(AsText(opened.value().Reveal()), "secret");
  }
  static void Write(const std::string& path, const std::string& content) {
    std::ofstream(path) << content;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }

  const testing::RootFolders folders_;
  Bytes sealed_;
};

TEST_F(SoftwareRootKeyTest, OpensAgainAndAfterRewrap) {
  EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kNotFound));
  auto made = CreateSoftwareRootKey(folders_.get());
  ASSERT_OK(made);
  sealed_ = made.value()->Seal(kPlace, AsBytes("secret")).value();
  EXPECT_EQ(folders_.Files(), (Names{"root.1", "private.1", "wrap.1"}));
  ExpectStillOpens();
  EXPECT_THAT(CreateSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kAlreadyExists));
  ASSERT_OK(RewrapSoftwareRootKey(folders_.get()));
  EXPECT_EQ(folders_.Files(), (Names{"root.2", "private.2", "wrap.2"}));
  ExpectStillOpens();
}

TEST_F(SoftwareRootKeyTest, WorksInOneFolder) {
  const std::string dir = folders_.get().root;
  const SoftwareRootKeyFolders one{dir, dir, dir};
  ASSERT_OK(internal::CreateSoftwareRootKey(one, testing::QuickMaking()));
  ASSERT_OK(internal::RewrapSoftwareRootKey(one, testing::QuickMaking()));
  EXPECT_OK(OpenSoftwareRootKey(one));
  EXPECT_EQ(folders_.Files(), (Names{"root.2", "private.2", "wrap.2"}));
}

TEST_F(SoftwareRootKeyTest, EveryFileIsForItsOwnerAlone) {
  Create();
  for (const auto& path :
       {folders_.Root("1"), folders_.Private("1"), folders_.Wrap("1")}) {
    EXPECT_EQ(fs::status(path).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
    fs::permissions(path, fs::perms::others_read, fs::perm_options::add);
    EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
                testing::FailsAs(ErrorClass::kDenied));
    fs::permissions(path, fs::perms::others_read, fs::perm_options::remove);
  }
  ExpectStillOpens();
}

TEST_F(SoftwareRootKeyTest, EveryMissingOrChangedPartIsCorrupt) {
  Create();
  for (const auto& path : {folders_.Private("1"), folders_.Wrap("1")}) {
    fs::rename(path, path + ".away");
    EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
                testing::FailsAs(ErrorClass::kCorrupt));
    fs::rename(path + ".away", path);
  }
  for (const auto& path :
       {folders_.Root("1"), folders_.Private("1"), folders_.Wrap("1")}) {
    std::ifstream file(path);
    const std::string right{std::istreambuf_iterator<char>(file), {}};
    for (const std::size_t at :
         {std::size_t{0}, right.find('\n'), right.find('\n') + 1, right.size() - 1}) {
      std::string wrong = right;
      wrong[at] = static_cast<char>(wrong[at] ^ 1);
      Write(path, wrong);
      EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
                  testing::FailsAs(ErrorClass::kCorrupt))
          << path << " at " << at;
    }
    for (const std::string& wrong :
         {std::string(), right.substr(0, right.size() - 1), right + "x"}) {
      Write(path, wrong);
      EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
                  testing::FailsAs(ErrorClass::kCorrupt))
          << path << " of " << wrong.size();
    }
    Write(path, right);
  }
  EXPECT_THAT(CreateSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kAlreadyExists));
  ExpectStillOpens();
}

TEST_F(SoftwareRootKeyTest, PartsOfAnotherRootKeyDoNotOpen) {
  Create();
  const testing::RootFolders other;
  ASSERT_OK(internal::CreateSoftwareRootKey(other.get(), testing::QuickMaking()));
  fs::copy_file(other.Wrap("1"), folders_.Wrap("1"),
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kCorrupt));
  EXPECT_THAT(Rewrap(), testing::FailsAs(ErrorClass::kCorrupt));
  EXPECT_EQ(folders_.Files(), (Names{"root.1", "private.1", "wrap.1"}));
}

TEST_F(SoftwareRootKeyTest, LeftoversOfARewrapAreIgnoredAndThenRemoved) {
  Create();
  Write(folders_.Wrap("2"), "libkms wrap 1\nx");
  Write(folders_.Private("2"), "libkms private 1\nx");
  Write(folders_.Root("2.tmp"), "libkms root 1\nx");
  Write(folders_.Wrap("7.tmp"), "libkms wrap 1\nx");
  ExpectStillOpens();
  ASSERT_OK(Rewrap());
  EXPECT_EQ(folders_.Files(), (Names{"root.2", "private.2", "wrap.2"}));
  ExpectStillOpens();
}

TEST_F(SoftwareRootKeyTest, ADamagedNewestGenerationFallsBackToTheOlder) {
  Create();
  Write(folders_.Root("5"), "libkms root 1\nx");
  ExpectStillOpens();
  ASSERT_OK(Rewrap());
  EXPECT_EQ(folders_.Files(), (Names{"root.6", "private.6", "wrap.6"}));
  ExpectStillOpens();
}

TEST_F(SoftwareRootKeyTest, LeftoversOfACreationAreReplaced) {
  Write(folders_.Wrap("1"), "libkms wrap 1\nx");
  Write(folders_.Private("1"), "libkms private 1\nx");
  Write(folders_.Root("1.tmp"), "libkms root 1\nx");
  EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kNotFound));
  EXPECT_THAT(Rewrap(), testing::FailsAs(ErrorClass::kNotFound));
  Create();
  EXPECT_EQ(folders_.Files(), (Names{"root.1", "private.1", "wrap.1"}));
  ExpectStillOpens();
}

// As when the disk with the root part is not mounted.
TEST_F(SoftwareRootKeyTest, KeepsPartsWhoseRootPartIsElsewhere) {
  Create();
  fs::rename(folders_.Root("1"), folders_.Root("1") + ".away");
  EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kNotFound));
  EXPECT_THAT(CreateSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kAlreadyExists));
  fs::rename(folders_.Root("1") + ".away", folders_.Root("1"));
  ExpectStillOpens();
}

TEST_F(SoftwareRootKeyTest, OtherNamesAreNoGenerations) {
  for (const char* name :
       {"0", "01", "x", "1x", "", "1.tmp.tmp", "99999999999999999999"}) {
    Write(folders_.Root(name), "libkms root 1\nx");
  }
  EXPECT_THAT(OpenSoftwareRootKey(folders_.get()),
              testing::FailsAs(ErrorClass::kNotFound));
}

TEST_F(SoftwareRootKeyTest, AMissingFolderCannotBeWritten) {
  SoftwareRootKeyFolders folders = folders_.get();
  folders.private_key += "/absent";
  EXPECT_THAT(OpenSoftwareRootKey(folders), testing::FailsAs(ErrorClass::kNotFound));
  EXPECT_THAT(internal::CreateSoftwareRootKey(folders, testing::QuickMaking()),
              testing::FailsAs(ErrorClass::kUnavailable));
  // Whoever makes the folder can finish what was begun.
  fs::create_directory(folders.private_key);
  EXPECT_OK(internal::CreateSoftwareRootKey(folders, testing::QuickMaking()));
  EXPECT_OK(OpenSoftwareRootKey(folders));
}

}  // namespace
}  // namespace kms
