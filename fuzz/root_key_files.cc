// A software root key whose files were changed opens as the key that it was, or is refused
// as damaged; and to open it changes no file.

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "kms/root_key.h"
#include "store/scratch_directory.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

constexpr Place kPlace = {"account", "object", "version", "purpose"};

struct RootKeyFiles {
  RootKeyFiles() {
    const auto made = CreateSoftwareRootKey(folders);
    Require(made.has_value(), "a root key is made");
    sealed = (*made)->Seal(kPlace, AsBytes("secret")).value();
    for (std::size_t i = 0; i < paths.size(); ++i) whole[i] = Read(i);
  }

  Bytes Read(std::size_t i) const {
    std::ifstream file(paths[i], std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(std::size_t i, ByteView content) const {
    std::ofstream file(paths[i], std::ios::binary | std::ios::trunc);
    file << AsText(content);
    Require(file.flush().good(), "a file is written");
  }

  const testing::ScratchDirectory scratch;
  const SoftwareRootKeyFolders folders = {scratch.path(), scratch.path(), scratch.path()};
  const std::array<std::string, 3> paths = {scratch.path() + "/root.1",
                                            scratch.path() + "/private.1",
                                            scratch.path() + "/wrap.1"};
  std::array<Bytes, 3> whole;
  Bytes sealed;
};

}  // namespace

// Of each change which file, and the edit; or, after an 'r' and which file, that file as
// it is.
void root_key_files(ByteView bytes) {
  static const RootKeyFiles files;
  std::array<Bytes, 3> changed = files.whole;
  Input input(bytes);
  if (!bytes.empty() && bytes.front() == 'r') {
    input.Byte();
    Bytes& file = changed[input.Below(changed.size())];
    const ByteView raw = input.Rest();
    file.assign(raw.begin(), raw.end());
  } else {
    while (!input.empty()) Edit(input, changed[input.Below(changed.size())]);
  }
  for (std::size_t i = 0; i < changed.size(); ++i)
    if (changed[i] != files.Read(i)) files.Write(i, changed[i]);

  const auto root = OpenSoftwareRootKey(files.folders);
  if (root) {
    const auto opened = (*root)->Open(kPlace, files.sealed);
    Require(opened && AsText(opened->Reveal()) == "secret", "it is the key that it was");
  } else {
    Require(root.error().error_class() == ErrorClass::kCorrupt, "it is damaged");
    Require(changed != files.whole, "and was changed");
  }
  for (std::size_t i = 0; i < changed.size(); ++i)
    Require(files.Read(i) == changed[i], "no file is changed");
}

}  // namespace kms::fuzz::targets
