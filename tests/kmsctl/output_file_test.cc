#include "kmsctl/output_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::FailsAs;

class OutputFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/kmsctl.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/out";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Content() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::ptrdiff_t Files() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }
  void Put(const char* content) const { std::ofstream(path_) << content; }

  std::string folder_;
  std::string path_;
};

TEST_F(OutputFileTest, AppearsWithCommit) {
  const auto file = OutputFile::Create(path_, false);
  ASSERT_OK(file);
  ASSERT_OK((*file)->Write(AsBytes("new")));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_OK((*file)->Commit());
  EXPECT_EQ(Content(), "new");
  EXPECT_EQ(Files(), 1);
}

TEST_F(OutputFileTest, IsPrivate) {
  const auto file = OutputFile::Create(path_, false);
  ASSERT_OK(file);
  ASSERT_OK((*file)->Commit());
  struct stat found{};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(OutputFileTest, LeavesNothingWithoutCommit) {
  {
    const auto file = OutputFile::Create(path_, false);
    ASSERT_OK(file);
    ASSERT_OK((*file)->Write(AsBytes("half")));
  }
  EXPECT_EQ(Files(), 0);
}

TEST_F(OutputFileTest, RefusesToReplaceAFile) {
  Put("old");
  EXPECT_THAT(OutputFile::Create(path_, false), FailsAs(ErrorClass::kAlreadyExists));
  EXPECT_EQ(Content(), "old");
}

TEST_F(OutputFileTest, RefusesToReplaceAFileThatCameMeanwhile) {
  const auto file = OutputFile::Create(path_, false);
  ASSERT_OK(file);
  Put("old");
  EXPECT_THAT((*file)->Commit(), FailsAs(ErrorClass::kAlreadyExists));
  EXPECT_EQ(Content(), "old");
}

TEST_F(OutputFileTest, ReplacesAFileWhenTold) {
  Put("old");
  const auto file = OutputFile::Create(path_, true);
  ASSERT_OK(file);
  ASSERT_OK((*file)->Write(AsBytes("new")));
  EXPECT_EQ(Content(), "old");
  ASSERT_OK((*file)->Commit());
  EXPECT_EQ(Content(), "new");
  EXPECT_EQ(Files(), 1);
}

TEST_F(OutputFileTest, FailsWhereThereIsNoFolder) {
  EXPECT_FALSE(OutputFile::Create(folder_ + "/none/out", false));
}

}  // namespace
}  // namespace kms::server
