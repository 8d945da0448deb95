#include "bench/load/targets.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/operation.h"
#include "kms/bytes.h"
#include "kmsctl/failure.h"

namespace kms::load {
namespace {

using server::JsonObject;
using server::UsageError;

constexpr std::string_view kHealth = "healthz";
constexpr std::string_view kTrue = R"("value":"true")";

// The member `name` as a right answer has it.
std::string Has(std::string_view name, std::string_view text) {
  return "\"" + std::string(name) + "\":\"" + std::string(text) + "\"";
}
// The same, whatever its text.
std::string Has(std::string_view name) { return "\"" + std::string(name) + "\":\""; }

// What a body is made of, and what it is to be answered with.
struct Bench {
  server::Session& session;
  const LoadKey& key;
  const Bytes input;  // of the size that was asked for
  const Bytes digest = Bytes(32, 0x5a);

  // The text of `member` in the answer to a call.
  Result<std::string> Ask(std::string_view operation, JsonObject body,
                          std::string_view member) const {
    KMS_TRY(const auto result, session.Call(operation, std::move(body)));
    std::string text(server::TextOf(result, member));
    if (text.empty())
      return server::RefusedError(std::string(operation) + " answers without " +
                                  std::string(member));
    return text;
  }

  JsonObject OfKey() const {
    JsonObject body;
    body.Text("cmkUuid", key.id);
    return body;
  }
  JsonObject OfPair(std::string_view rsa, std::string_view sm2) const {
    JsonObject body = OfKey();
    body.Text("keyVersionId", key.version).Text("algorithm", key.sm2 ? sm2 : rsa);
    return body;
  }
  JsonObject OfSignature() const {
    JsonObject body = OfPair("RSA_PKCS1_SHA_256", "SM2DSA");
    body.Base64("digest", digest);
    return body;
  }
  JsonObject OfDecryption() const { return OfPair("RSAES_OAEP_SHA_256", "SM2PKE"); }
  JsonObject OfInput() const {
    JsonObject body;
    body.Base64("input", input).Text("inputEncoding", "base64");
    return body;
  }
  JsonObject OfMac() const {
    JsonObject body = OfInput();
    body.Text("cmkUuid", key.id).Text("keyVersionId", key.version);
    return body;
  }
};

// The body of a request, and what its answer must have in it.
struct Made {
  JsonObject body;
  std::string expected;
};

std::string PlaintextOf(const Bench& bench) {
  JsonObject quoted;
  quoted.Base64("plaintext", bench.input);
  const server::WipedString text = quoted.Take();
  return {text.begin() + 1, text.end() - 1};  // without the braces
}

Result<Made> Encrypt(const Bench& bench) {
  JsonObject body = bench.OfKey();
  body.Base64("plaintext", bench.input);
  return Made{std::move(body), Has("ciphertextBlob")};
}

Result<Made> Decrypt(const Bench& bench) {
  JsonObject plain = bench.OfKey();
  plain.Base64("plaintext", bench.input);
  KMS_TRY(const std::string blob,
          bench.Ask("encrypt", std::move(plain), "ciphertextBlob"));
  JsonObject body;
  body.Text("ciphertextBlob", blob);
  return Made{std::move(body), PlaintextOf(bench)};
}

Result<Made> DataKey(const Bench& bench) {
  JsonObject body = bench.OfKey();
  body.Text("numberOfBytes", std::to_string(bench.input.size()));
  return Made{std::move(body), Has("plaintext")};
}

Result<Made> DataKeyWithoutPlaintext(const Bench& bench) {
  KMS_TRY(Made made, DataKey(bench));
  made.expected = Has("ciphertextBlob");
  return made;
}

Result<Made> Sign(const Bench& bench) { return Made{bench.OfSignature(), Has("value")}; }

Result<Made> Verify(const Bench& bench) {
  KMS_TRY(const std::string signature,
          bench.Ask("asymmetricSign", bench.OfSignature(), "value"));
  JsonObject body = bench.OfSignature();
  body.Text("value", signature);
  return Made{std::move(body), std::string(kTrue)};
}

Result<Made> EncryptToPair(const Bench& bench) {
  JsonObject body = bench.OfDecryption();
  body.Base64("plaintext", bench.input);
  return Made{std::move(body), Has("ciphertextBlob")};
}

Result<Made> DecryptOfPair(const Bench& bench) {
  KMS_TRY(Made plain, EncryptToPair(bench));
  KMS_TRY(const std::string blob,
          bench.Ask("asymmetricEncrypt", std::move(plain.body), "ciphertextBlob"));
  JsonObject body = bench.OfDecryption();
  body.Text("ciphertextBlob", blob);
  return Made{std::move(body), PlaintextOf(bench)};
}

Result<Made> Mac(const Bench& bench) {
  KMS_TRY(const std::string mac, bench.Ask("hmacCompute", bench.OfMac(), "hmacoutput"));
  return Made{bench.OfMac(), Has("hmacoutput", mac)};
}

Result<Made> VerifyMac(const Bench& bench) {
  KMS_TRY(const std::string mac, bench.Ask("hmacCompute", bench.OfMac(), "hmacoutput"));
  JsonObject body = bench.OfMac();
  body.Text("hmac", mac);
  return Made{std::move(body), std::string(kTrue)};
}

Result<Made> MessageDigest(const Bench& bench) {
  KMS_TRY(const std::string digest,
          bench.Ask("messageDigest", bench.OfInput(), "output"));
  return Made{bench.OfInput(), Has("output", digest)};
}

Result<Made> Describe(const Bench& bench) {
  return Made{bench.OfKey(), Has("cmkUuid", bench.key.id)};
}

struct Row {
  std::string_view operation;
  KeyUse use;
  Result<Made> (*make)(const Bench& bench);
};

constexpr Row kRows[] = {
    {"encrypt", KeyUse::kSymmetric, Encrypt},
    {"decrypt", KeyUse::kSymmetric, Decrypt},
    {"generateDataKey", KeyUse::kSymmetric, DataKey},
    {"generateDataKeyWithoutPlaintext", KeyUse::kSymmetric, DataKeyWithoutPlaintext},
    {"asymmetricSign", KeyUse::kSign, Sign},
    {"asymmetricVerify", KeyUse::kSign, Verify},
    {"asymmetricEncrypt", KeyUse::kDecrypt, EncryptToPair},
    {"asymmetricDecrypt", KeyUse::kDecrypt, DecryptOfPair},
    {"hmacCompute", KeyUse::kSymmetric, Mac},
    {"hmacVerify", KeyUse::kSymmetric, VerifyMac},
    {"messageDigest", KeyUse::kNone, MessageDigest},
    {"describeKey", KeyUse::kSymmetric, Describe},
};

const Row* Find(std::string_view operation) {
  const auto* const row = std::ranges::find(kRows, operation, &Row::operation);
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

Result<void> CheckOperation(std::string_view operation) {
  if (operation == kHealth || Find(operation)) return {};
  return UsageError("--op: \"" + std::string(operation) +
                    "\" is no operation that load can be made of (see --help)");
}

Target HealthTarget(unsigned weight) {
  return {.operation = std::string(kHealth), .weight = weight, .path = "/healthz"};
}

Result<Target> MakeTarget(const Share& share, std::size_t size, LoadKeys& keys,
                          server::Session& session) {
  if (share.operation == kHealth) return HealthTarget(share.weight);
  KMS_CHECK_OK(CheckOperation(share.operation));
  const Row& row = *Find(share.operation);
  LoadKey key;
  if (row.use != KeyUse::kNone) {
    KMS_TRY(key, keys.For(row.use));
  }
  KMS_TRY(Made made, row.make({session, key, Bytes(size, 7)}));
  const server::WipedString body = made.body.Take();
  return Target{.operation = share.operation,
                .weight = share.weight,
                .path = std::string(server::FindOperation(row.operation)->paths.front()),
                .body = std::string(body.data(), body.size()),
                .expected = std::move(made.expected)};
}

}  // namespace kms::load
