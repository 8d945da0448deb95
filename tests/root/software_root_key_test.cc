#include <stdlib.h>

#include <filesystem>

#include "kms/root_key.h"
#include "support/matchers.h"

namespace kms {
namespace {

namespace fs = std::filesystem;
constexpr Place kPlace{"account", "object", "1", "purpose"};

class SoftwareRootKeyTest : public ::testing::Test {
 protected:
  SoftwareRootKeyTest() {
    std::string name = fs::temp_directory_path() / "root_key_XXXXXX";
    dir_ = ::mkdtemp(name.data());
    folders_ = {dir_, dir_, dir_};
  }
  ~SoftwareRootKeyTest() override { fs::remove_all(dir_); }
  std::string dir_;
  SoftwareRootKeyFolders folders_;
};

TEST_F(SoftwareRootKeyTest, OpensAgainAndAfterRewrap) {
  EXPECT_THAT(OpenSoftwareRootKey(folders_), testing::FailsAs(ErrorClass::kNotFound));
  const Bytes sealed =
      CreateSoftwareRootKey(folders_).value()->Seal(kPlace, AsBytes("secret")).value();
  EXPECT_THAT(CreateSoftwareRootKey(folders_),
              testing::FailsAs(ErrorClass::kAlreadyExists));
  ASSERT_OK(RewrapSoftwareRootKey(folders_));
  EXPECT_FALSE(fs::exists(dir_ + "/root.1"));
  auto root = OpenSoftwareRootKey(folders_);
  ASSERT_OK(root);
  EXPECT_EQ(AsText(root.value()->Open(kPlace, sealed).value().Reveal()), "secret");
  // A rewrap that was cut short leaves the older generation in charge.
  fs::copy_file(dir_ + "/wrap.2", dir_ + "/wrap.3");
  EXPECT_OK(OpenSoftwareRootKey(folders_));
  EXPECT_OK(RewrapSoftwareRootKey(folders_));
  EXPECT_TRUE(fs::exists(dir_ + "/root.4"));
  fs::permissions(dir_ + "/root.4", fs::perms::others_read, fs::perm_options::add);
  EXPECT_THAT(OpenSoftwareRootKey(folders_), testing::FailsAs(ErrorClass::kDenied));
  fs::remove(dir_ + "/root.4");
  EXPECT_THAT(OpenSoftwareRootKey(folders_), testing::FailsAs(ErrorClass::kCorrupt));
  EXPECT_THAT(CreateSoftwareRootKey(folders_),
              testing::FailsAs(ErrorClass::kAlreadyExists));
}

}  // namespace
}  // namespace kms
