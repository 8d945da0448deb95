// Keys of many versions: whether encryption minds how many there are, and what a version
// costs that is not in the cache.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kms/kms.h"
#include "world.h"

namespace kms::bench {
namespace {

constexpr int kRotationDays = 7;
constexpr std::int64_t kRotationMillis = kRotationDays * 24LL * 60 * 60 * 1000;
constexpr std::size_t kLargeCache = std::size_t{1} << 30;
constexpr std::size_t kNoCache = 1;  // but for the last few

class NoAudit final : public AuditSink {
 public:
  Result<void> Write(std::span<const AuditEvent>) override { return {}; }
};

// A key that has rotated, and a blob under each of its versions.
class Rotated {
 public:
  explicit Rotated(std::int64_t versions) {
    if (!OpenKms(kLargeCache)) std::abort();
    me.principal.account = "account";
    me.principal.root = true;
    me.region = "here";
    NewKey wanted;
    wanted.rotation_days = kRotationDays;
    key = kms->keys().Create(me, wanted).value().id;
    NoAudit nobody;
    for (;;) {
      blobs.push_back(kms->compute().Encrypt(me, key, Bytes(32, 7)).value().blob);
      if (static_cast<std::int64_t>(blobs.size()) == versions) break;
      clock.Advance(kRotationMillis);
      if (kms->RunDueWork().value().rotated != 1 || !kms->DrainAudit(nobody))
        std::abort();
    }
  }

  // The service anew, with a cache of that size and nothing in it.
  bool OpenKms(std::size_t cache_bytes) {
    kms.reset();
    auto opened = Kms::Open({.store = *store,
                             .root = *root,
                             .software = *backend,
                             .policy = *policy,
                             .clock = clock,
                             .limits = {.cache_bytes = cache_bytes}});
    if (opened) kms = std::move(*opened);
    return kms != nullptr;
  }

  FixedClock clock{1'767'225'600'000};
  const std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  const std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend = NewSoftwareBackend(*root);
  const std::unique_ptr<Policy> policy = NewRootPolicy();
  std::unique_ptr<Kms> kms;
  RequestContext me;
  std::string key;
  std::vector<Bytes> blobs;
};

Rotated& RotatedOf(std::int64_t versions, std::size_t cache_bytes) {
  // Until the end of the process: Botan's pool of memory ends before what is static here.
  static auto& made = *new std::map<std::int64_t, std::unique_ptr<Rotated>>;
  std::unique_ptr<Rotated>& rotated = made[versions];
  if (!rotated) rotated = std::make_unique<Rotated>(versions);
  if (!rotated->OpenKms(cache_bytes)) std::abort();
  return *rotated;
}

void BM_EncryptCached(benchmark::State& state) {
  Rotated& rotated = RotatedOf(state.range(0), kLargeCache);
  const Bytes text(32, 7);
  for (auto _ : state)
    if (!rotated.kms->compute().Encrypt(rotated.me, rotated.key, text))
      state.SkipWithError("refused");
}

// Version after version.
void Decrypt(benchmark::State& state, std::size_t cache_bytes) {
  Rotated& rotated = RotatedOf(state.range(0), cache_bytes);
  for (const Bytes& blob : rotated.blobs)  // so that what can be cached is
    if (!rotated.kms->compute().Decrypt(rotated.me, blob)) state.SkipWithError("refused");
  std::size_t next = 0;
  for (auto _ : state) {
    const Bytes& blob = rotated.blobs[next++ % rotated.blobs.size()];
    if (!rotated.kms->compute().Decrypt(rotated.me, blob)) state.SkipWithError("refused");
  }
}
void BM_DecryptCached(benchmark::State& state) { Decrypt(state, kLargeCache); }
void BM_DecryptCold(benchmark::State& state) { Decrypt(state, kNoCache); }

BENCHMARK(BM_EncryptCached)->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(BM_DecryptCached)->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(BM_DecryptCold)->RangeMultiplier(10)->Range(100, 10'000);

}  // namespace
}  // namespace kms::bench
