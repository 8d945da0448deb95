#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "keys/fixture.h"
#include "kms/audit_sink.h"

namespace kms {
namespace {

namespace fs = std::filesystem;

class AuditFileTest : public ::testing::Test {
 protected:
  AuditFileTest() {
    std::string name = (fs::temp_directory_path() / "kms-audit-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~AuditFileTest() override { fs::remove_all(folder_); }

  std::string path() const { return (folder_ / "audit.jsonl").string(); }
  std::string Content() const {
    std::ifstream file(path());
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }
  void Write(const std::string& operation) {
    const auto sink = OpenAuditFile(path());
    ASSERT_OK(sink);
    AuditEvent event;
    event.operation = operation;
    ASSERT_OK((*sink)->Write({&event, 1}));
  }

 private:
  fs::path folder_;
};

TEST_F(AuditFileTest, WritesOneJsonObjectALine) {
  Write("first \"quoted\"\n");
  Write("second");
  const std::string text = Content();
  const std::size_t end = text.find('\n');
  EXPECT_EQ(boost::json::parse(text.substr(0, end)).at("operation"),
            "first \"quoted\"\n");
  EXPECT_EQ(boost::json::parse(text.substr(end + 1)).at("operation"), "second");
  EXPECT_EQ(fs::status(path()).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AuditFileTest, DropsWhatACrashLeftBehindTheLastLine) {
  Write("whole");
  const std::string whole = Content();
  for (const std::string& rest :
       {whole.substr(0, 1), whole.substr(0, whole.size() - 1)}) {
    std::ofstream(path(), std::ios::app) << rest;
    ASSERT_OK(OpenAuditFile(path()));
    EXPECT_EQ(Content(), whole);
  }
  std::ofstream(path()) << "nothing but half a line";
  ASSERT_OK(OpenAuditFile(path()));
  EXPECT_EQ(Content(), "");
}

TEST_F(AuditFileTest, AFolderThatIsNotThereIsRefused) {
  EXPECT_THAT(OpenAuditFile(path() + "/none"), testing::Fails(Reason::kStoreUnavailable));
}

}  // namespace
}  // namespace kms
