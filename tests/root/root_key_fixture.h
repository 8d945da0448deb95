// Folders for the parts of a software root key, and one made without the wait for a key
// pair.

#ifndef KMS_TESTS_ROOT_ROOT_KEY_FIXTURE_H_
#define KMS_TESTS_ROOT_ROOT_KEY_FIXTURE_H_

#include <botan/system_rng.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <string>

#include "root/software_root_key.h"

namespace kms::testing {

// Three folders that go with the object.
class RootFolders {
 public:
  RootFolders() {
    std::string name = std::filesystem::temp_directory_path() / "root_key_XXXXXX";
    dir_ = ::mkdtemp(name.data());
    folders_ = {dir_ + "/r", dir_ + "/p", dir_ + "/w"};
    for (const auto& folder :
         {folders_.root, folders_.private_key, folders_.wrapping_key}) {
      std::filesystem::create_directory(folder);
    }
  }
  ~RootFolders() { std::filesystem::remove_all(dir_); }
  RootFolders(const RootFolders&) = delete;
  RootFolders& operator=(const RootFolders&) = delete;

  const SoftwareRootKeyFolders& get() const { return folders_; }
  std::string Root(const std::string& n) const { return folders_.root + "/root." + n; }
  std::string Private(const std::string& n) const {
    return folders_.private_key + "/private." + n;
  }
  std::string Wrap(const std::string& n) const {
    return folders_.wrapping_key + "/wrap." + n;
  }

  // The names of all files.
  std::set<std::string> Files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_)) {
      if (entry.is_regular_file()) names.insert(entry.path().filename());
    }
    return names;
  }

  void CopyFrom(const RootFolders& other) const {
    std::filesystem::copy(other.dir_, dir_,
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }

 private:
  std::string dir_;
  SoftwareRootKeyFolders folders_;
};

// One key pair for all tests: making one takes long and is not what they are about.
inline internal::RootKeyMaking QuickMaking(std::function<void()> after_step = [] {}) {
  static const Botan::RSA_PrivateKey pair = [] {
    Botan::System_RNG rng;
    return Botan::RSA_PrivateKey(rng, 3072);
  }();
  return {[] { return pair; }, std::move(after_step)};
}

}  // namespace kms::testing

#endif  // KMS_TESTS_ROOT_ROOT_KEY_FIXTURE_H_
