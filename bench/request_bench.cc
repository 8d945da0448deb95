// The path of a request, in process: the signature check, the service, and a whole
// request from bytes to bytes, without sockets.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "kms/encoding.h"
#include "world.h"

namespace kms::bench {
namespace {

constexpr std::size_t kRequests = 100'000;

// A signed request and the memory that its views point into.
struct SignedRequest {
  SignedRequest(World& world, std::string_view path, std::string text,
                std::uint64_t number)
      : body(std::move(text)) {
    RequestView view{"POST", path, {}, {}, AsBytes(body)};
    signed_headers =
        world.signer->Sign(view, world.me.principal.access_key, world.secret,
                           world.clock->Now(), "bench-" + std::to_string(number), {});
    for (const SignedHeader& header : signed_headers)
      headers.push_back({header.name, header.value});
    headers.push_back({"regionId", "here"});
    headers.push_back({"Content-Type", "application/json"});
  }

  std::string body;
  std::vector<SignedHeader> signed_headers;
  std::vector<HeaderView> headers;
};

std::string EncryptBody(const World& world, std::size_t size) {
  return R"({"cmkUuid":")" + world.key + R"(","plaintext":")" + ToBase64(Bytes(size, 7)) +
         R"("})";
}

void BM_EopVerify(benchmark::State& state) {
  World world;
  const SignedRequest request(world, "/v1/keyCompute/encrypt", EncryptBody(world, 32), 0);
  const RequestView view{
      "POST", "/v1/keyCompute/encrypt", {}, request.headers, AsBytes(request.body)};
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
    requests.push_back(
        std::make_unique<SignedRequest>(world, "/v1/keyCompute/encrypt", body, i));
  std::size_t next = 0;
  for (auto _ : state) {
    const SignedRequest& request = *requests[next++];
    const server::HttpRequest http{.method = "POST",
                                   .target = "/v1/keyCompute/encrypt",
                                   .headers = request.headers,
                                   .body = AsBytes(request.body),
                                   .peer = "127.0.0.1"};
    int status = 0;
    world.dispatcher->Handle(
        http, [&](server::HttpResponse answer) { status = answer.status; });
    if (status != 200) state.SkipWithError("refused");
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
