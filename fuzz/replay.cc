// Runs one target over the files of a folder: fuzz_replay TARGET FOLDER. The corpora are
// replayed so by every run of the tests, under any compiler.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "target.h"

namespace kms::fuzz {
namespace targets {
#define KMS_FUZZ_TARGET(name) void name(ByteView input);
#include "fuzz_targets.inc"
#undef KMS_FUZZ_TARGET
}  // namespace targets

namespace {

using Target = void (*)(ByteView);

Target Find(std::string_view wanted) {
#define KMS_FUZZ_TARGET(name) \
  if (wanted == #name) return targets::name;
#include "fuzz_targets.inc"
#undef KMS_FUZZ_TARGET
  return nullptr;
}

Bytes Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) std::exit(2);
  return bytes;
}

int Replay(std::string_view name, const char* folder) {
  const Target target = Find(name);
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    paths.push_back(entry.path().string());
  if (target == nullptr || paths.empty()) {
    std::fprintf(stderr, "no such target, or no inputs\n");
    return 2;
  }
  std::ranges::sort(paths);
  target({});
  for (const std::string& path : paths) {
    // Told before, so that the last line names what a crash comes of.
    std::puts(path.c_str());
    std::fflush(stdout);
    const Bytes input = Contents(path);
    target(input);
  }
  return 0;
}

}  // namespace
}  // namespace kms::fuzz

int main(int argc, char** argv) {
  if (argc == 3) return kms::fuzz::Replay(argv[1], argv[2]);
  std::fprintf(stderr, "usage: fuzz_replay TARGET FOLDER\n");
  return 2;
}
