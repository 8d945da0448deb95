// The hot path, for bench/instructions to count under callgrind: the count of each call
// is one dump, named after what was called. The standard output says
// what the counts depend on: the toolchain, and what the processor can do.

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <botan/version.h>
#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kms/encoding.h"
#include "signed_request.h"

namespace kms::bench {
namespace {

// The median of them counts: the heap tidies itself now and then.
constexpr int kRepetitions = 21;
constexpr int kWarmUps = 5;

#if defined(__clang__)
constexpr const char* kCompiler = "clang";
constexpr int kCompilerVersion = __clang_major__;
#else
constexpr const char* kCompiler = "gcc";
constexpr int kCompilerVersion = __GNUC__;
#endif

// What choices at run time depend on, in Botan and in the C library.
std::string Features() {
  std::string features = "cpu";
#if defined(__x86_64__)
  const auto add = [&](unsigned word, unsigned bit, const char* name) {
    if (word >> bit & 1) features += std::string("-") + name;
  };
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    add(c, 9, "ssse3");
    add(c, 1, "clmul");
    add(c, 25, "aes");
    add(c, 30, "rdrand");
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    add(b, 8, "bmi2");
    add(b, 5, "avx2");
    add(b, 16, "avx512");
    add(b, 29, "sha");
    add(b, 18, "rdseed");
  }
#endif
  return features;
}

void Count(const std::string& label, const std::function<bool(int)>& call) {
  for (int i = 0; i < kWarmUps + kRepetitions; ++i) {
    CALLGRIND_ZERO_STATS;
    const bool good = call(i);
    if (i >= kWarmUps) CALLGRIND_DUMP_STATS_AT(label.c_str());
    if (!good) {
      std::fprintf(stderr, "%s: refused\n", label.c_str());
      std::exit(1);
    }
  }
}

// `size` bytes through the library.
void CountLibrary(World& world, std::size_t size) {
  const std::string of = " " + std::to_string(size) + " B";
  const Bytes plaintext(size, 7);
  Bytes blob;
  Count("library encrypt" + of, [&](int) {
    auto sealed = world.kms->compute().Encrypt(world.me, world.key, plaintext);
    if (sealed) blob = std::move(sealed->blob);
    return static_cast<bool>(sealed);
  });
  Count("library decrypt" + of, [&](int) {
    return static_cast<bool>(world.kms->compute().Decrypt(world.me, blob));
  });
}

// `number` counts the requests so far.
void CountRequest(World& world, std::uint64_t& number, const std::string& label,
                  std::string_view path, const std::string& body) {
  std::vector<std::unique_ptr<SignedRequest>> requests;
  for (int i = 0; i < kWarmUps + kRepetitions; ++i)
    requests.push_back(std::make_unique<SignedRequest>(world, path, body, ++number));
  Count(label, [&](int i) {
    return Exchange(world, *requests[static_cast<std::size_t>(i)]) == 200;
  });
}

int Run() {
  World world({.on_disk = true});
  std::printf("%s%d-botan%d.%d %s\n", kCompiler, kCompilerVersion, BOTAN_VERSION_MAJOR,
              BOTAN_VERSION_MINOR, Features().c_str());
  const auto sealed = world.kms->compute().Encrypt(world.me, world.key, Bytes(32, 7));
  if (!sealed) return 1;
  std::uint64_t number = 0;
  CALLGRIND_START_INSTRUMENTATION;
  for (const std::size_t size : {32, 4096}) CountLibrary(world, size);
  for (const std::size_t size : {32, 4096})
    CountRequest(world, number, "signed encrypt " + std::to_string(size) + " B",
                 "/v1/keyCompute/encrypt", EncryptBody(world, size));
  CountRequest(world, number, "signed decrypt 32 B", "/v1/keyCompute/decrypt",
               R"({"ciphertextBlob":")" + ToBase64(sealed->blob) + R"("})");
  CountRequest(world, number, "signed generateDataKey", "/v1/keyCompute/generateDataKey",
               R"({"cmkUuid":")" + world.key + R"("})");
  CALLGRIND_STOP_INSTRUMENTATION;
  return 0;
}

}  // namespace
}  // namespace kms::bench

int main() { return kms::bench::Run(); }
