// What is read and written as text, beside a copy of the same bytes, or beside the hash
// that it cannot do without.

#include <benchmark/benchmark.h>

#include <boost/json/object.hpp>
#include <cstring>
#include <string>

#include "api/arena_resource.h"
#include "api/operation.h"
#include "api/request_body.h"
#include "audit/line.h"
#include "kms/encoding.h"
#include "signed_request.h"

namespace kms::bench {
namespace {

void SetBytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void Copy(benchmark::State& state, const std::string& text) {
  std::string copy(text.size(), '\0');
  for (auto _ : state) {
    std::memcpy(copy.data(), text.data(), text.size());
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state, text.size());
}

std::string BodyOf(std::int64_t size) {
  return R"({"cmkUuid":"6f2a3b1c-0d4e-4f5a-8b6c-7d8e9fa0b1c2","plaintext":")" +
         ToBase64(Bytes(static_cast<std::size_t>(size), 7)) + R"("})";
}

void BM_BodyParse(benchmark::State& state) {
  const std::string body = BodyOf(state.range(0));
  for (auto _ : state) {
    server::Arena arena;
    benchmark::DoNotOptimize(server::RequestBody::Parse(AsBytes(body), arena));
  }
  SetBytes(state, body.size());
}
BENCHMARK(BM_BodyParse)->Arg(32)->Arg(4096);

void BM_BodyCopy(benchmark::State& state) { Copy(state, BodyOf(state.range(0))); }
BENCHMARK(BM_BodyCopy)->Arg(32)->Arg(4096);

// The answer to an encrypt, as both dialects word it.
boost::json::object ResultOf(std::int64_t size, boost::json::storage_ptr storage) {
  boost::json::object result(std::move(storage));
  result["keyVersionId"] = "6f2a3b1c-0d4e-4f5a-8b6c-7d8e9fa0b1c2";
  result["ciphertextBlob"] = ToBase64(Bytes(static_cast<std::size_t>(size) + 150, 7));
  result["cmkUuid"] = "6f2a3b1c-0d4e-4f5a-8b6c-7d8e9fa0b1c2";
  return result;
}

void WriteAnswer(benchmark::State& state, const server::Dialect& dialect) {
  const server::Operation& encrypt = *server::FindOperation("encrypt");
  const boost::json::object result = ResultOf(state.range(0), {});
  std::size_t size = 0;
  for (auto _ : state) {
    const server::WipedString answer = dialect.WriteSuccess(encrypt, result);
    size = answer.size();
    benchmark::DoNotOptimize(answer.data());
  }
  SetBytes(state, size);
}
void BM_AnswerWrite(benchmark::State& state) {
  WriteAnswer(state, *server::NewSeedDialect());
}
BENCHMARK(BM_AnswerWrite)->Arg(32)->Arg(4096);
void BM_AccessPointAnswerWrite(benchmark::State& state) {
  WriteAnswer(state, *server::NewAccessPointDialect());
}
BENCHMARK(BM_AccessPointAnswerWrite)->Arg(32)->Arg(4096);

void BM_AnswerCopy(benchmark::State& state) {
  const auto answer = server::NewSeedDialect()->WriteSuccess(
      *server::FindOperation("encrypt"), ResultOf(state.range(0), {}));
  Copy(state, std::string(answer.begin(), answer.end()));
}
BENCHMARK(BM_AnswerCopy)->Arg(32)->Arg(4096);

// A line of the audit trail, and the hash that it ends in.
std::string AuditMembers() {
  const std::string id = "6f2a3b1c0d4e4f5a8b6c7d8e9fa0b1c2";
  std::string members;
  audit::WriteCall({.time = 1'767'225'600'000,
                    .request_id = "6f2a3b1c-0d4e-4f5a-8b6c-7d8e9fa0b1c2",
                    .account = id,
                    .user = id,
                    .access_key = id,
                    .source = "127.0.0.1",
                    .operation = "encrypt",
                    .region = "cn-bj1",
                    .key = "6f2a3b1c-0d4e-4f5a-8b6c-7d8e9fa0b1c2",
                    .version = "6f2a3b1c-0d4e-4f5a-8b6c-7d8e9fa0b1c2",
                    .code = "ok",
                    .micros = 123},
                   members);
  return members;
}

void BM_AuditLine(benchmark::State& state) {
  audit::Sealer sealer({});
  std::string line;
  for (auto _ : state) {
    line.clear();
    sealer.Seal(AuditMembers(), line);
    benchmark::DoNotOptimize(line.data());
  }
  SetBytes(state, line.size());
}
BENCHMARK(BM_AuditLine);

void BM_AuditLineHash(benchmark::State& state) {
  audit::Sealer sealer({});
  std::string line;
  sealer.Seal(AuditMembers(), line);
  for (auto _ : state)
    benchmark::DoNotOptimize(Digest(DigestAlgorithm::kSm3, AsBytes(line)));
  SetBytes(state, line.size());
}
BENCHMARK(BM_AuditLineHash);

}  // namespace
}  // namespace kms::bench
