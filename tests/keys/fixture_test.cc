// Stores of earlier releases open, and what was encrypted then decrypts.

#include "keys/fixture.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "kms/encoding.h"

namespace kms {
namespace {

namespace fs = std::filesystem;

class ReleaseTest : public ::testing::TestWithParam<const char*> {
 protected:
  ReleaseTest() {
    // A copy: opening a store writes to it, and the files of the root key are private.
    std::string name = (fs::temp_directory_path() / "kms-fixture-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    fs::copy(fs::path(KMS_FIXTURES_FOLDER) / GetParam(), folder_,
             fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file())
        fs::permissions(entry.path(), fs::perms::owner_read | fs::perms::owner_write);
    }
    std::ifstream file(folder_ / "content.json");
    content_ =
        boost::json::parse(std::string((std::istreambuf_iterator<char>(file)), {}));
  }
  ~ReleaseTest() override { fs::remove_all(folder_); }

  std::string Content(const char* name) const {
    return std::string(content_.at(name).as_string());
  }
  std::string Folder(const char* name) const { return (folder_ / name).string(); }

 private:
  fs::path folder_;
  boost::json::value content_;
};

TEST_P(ReleaseTest, Opens) {
  const auto store = OpenLmdbKeyStore(Folder("store"));
  ASSERT_OK(store);
  const auto root =
      OpenSoftwareRootKey({Folder("root"), Folder("private"), Folder("wrap")});
  ASSERT_OK(root);
  const auto backend = NewBotanBackend(**root);
  const auto policy = NewRootPolicy();
  FixedClock clock(testing::kStart);
  const auto kms = Kms::Open({.store = **store,
                              .root = **root,
                              .software = *backend,
                              .policy = *policy,
                              .clock = clock});
  ASSERT_OK(kms);
  RequestContext me;
  me.principal = {Content("account"), "root", {}, true};
  me.region = Content("region");

  EXPECT_EQ((*kms)->keys().Describe(me, "alias/fixture")->id, Content("key"));
  const auto opened = (*kms)->compute().Decrypt(me, FromBase64(Content("blob")).value());
  ASSERT_OK(opened);
  EXPECT_TRUE(testing::Holds(opened->plaintext, "made by 0.1.0"));
  const std::string signer = Content("signer");
  const std::string version = Content("version");
  const auto signature = (*kms)->asymmetric().Sign(
      me, {signer, version}, SignatureAlgorithm::kRsaPkcs1Sha256, Bytes(32, 1));
  ASSERT_OK(signature);
  EXPECT_EQ(ToBase64(signature->signature), Content("signature"));
}

INSTANTIATE_TEST_SUITE_P(Formats, ReleaseTest, ::testing::Values("format-1"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           name.erase(name.find('-'), 1);
                           return name;
                         });

}  // namespace
}  // namespace kms
