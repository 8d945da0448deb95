// The path of a request, in process: the signature check, the service, and a whole
// request from bytes to bytes, without sockets.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "signed_request.h"
#include "world.h"

namespace kms::bench {
namespace {

constexpr std::size_t kRequests = 100'000;
constexpr std::string_view kEncryptPath = "/v1/keyCompute/encrypt";

void BM_EopVerify(benchmark::State& state) {
  World world;
  const SignedRequest request(world, kEncryptPath, EncryptBody(world, 32), 0);
  const RequestView view{
      "POST", kEncryptPath, {}, request.headers, AsBytes(request.body)};
  for (auto _ : state) {
    const auto claim = world.signer->Parse(view);
    if (!claim || !world.signer->Verify(*claim, view, world.secret))
      state.SkipWithError("the signature does not verify");
  }
}
BENCHMARK(BM_EopVerify);

void BM_ServiceEncrypt(benchmark::State& state) {
  World world;
  const Bytes plaintext(static_cast<std::size_t>(state.range(0)), 7);
  for (auto _ : state) {
    const auto sealed = world.kms->compute().Encrypt(world.me, world.key, plaintext);
    if (!sealed) state.SkipWithError("refused");
  }
}
BENCHMARK(BM_ServiceEncrypt)->Arg(32)->Arg(4096);

void BM_ServiceDecrypt(benchmark::State& state) {
  World world;
  const Bytes plaintext(static_cast<std::size_t>(state.range(0)), 7);
  const auto sealed =
      world.kms->compute().Encrypt(world.me, world.key, plaintext).value();
  for (auto _ : state) {
    const auto opened = world.kms->compute().Decrypt(world.me, sealed.blob);
    if (!opened) state.SkipWithError("refused");
  }
}
BENCHMARK(BM_ServiceDecrypt)->Arg(32)->Arg(4096);

// The dispatcher takes bytes and gives bytes; ids are fresh, as the replay guard asks.
// With an audit log the whole process counts: another thread writes.
void RequestEncrypt(benchmark::State& state, World& world) {
  const std::string body = EncryptBody(world, static_cast<std::size_t>(state.range(0)));
  std::vector<std::unique_ptr<SignedRequest>> requests;
  for (std::size_t i = 0; i < kRequests; ++i)
    requests.push_back(std::make_unique<SignedRequest>(world, kEncryptPath, body, i));
  std::size_t next = 0;
  for (auto _ : state) {
    const SignedRequest& request = *requests[next++];
    if (Exchange(world, request) != 200) state.SkipWithError("refused");
  }
}

void BM_RequestEncrypt(benchmark::State& state) {
  World world({.on_disk = true});
  RequestEncrypt(state, world);
}
BENCHMARK(BM_RequestEncrypt)
    ->Arg(32)
    ->Arg(4096)
    ->Iterations(kRequests)
    ->MeasureProcessCPUTime();

void BM_RequestEncryptAudited(benchmark::State& state) {
  World world({.on_disk = true, .audit = true});
  RequestEncrypt(state, world);
}
BENCHMARK(BM_RequestEncryptAudited)
    ->Arg(32)
    ->Arg(4096)
    ->Iterations(kRequests)
    ->MeasureProcessCPUTime();

void BM_RequestEncryptOfAUserAudited(benchmark::State& state) {
  World world({.on_disk = true, .audit = true, .as_user = true});
  RequestEncrypt(state, world);
}
BENCHMARK(BM_RequestEncryptOfAUserAudited)
    ->Arg(32)
    ->Iterations(kRequests)
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace kms::bench

BENCHMARK_MAIN();
