#include "kmsctl/file_commands.h"

#include <openssl/rand.h>

#include <cstdint>

#include "kms/encoding.h"
#include "kmsctl/envelope_file.h"
#include "kmsctl/failure.h"
#include "kmsctl/output_file.h"
#include "kmsctl/streamed_input.h"

namespace kms::server {
namespace {

Result<SecretBytes> DataKeyIn(const boost::json::object& result) {
  auto key = SecretFromBase64(TextOf(result, "plaintext"));
  if (!key || key->size() != kDataKeySize)
    return ConnectionError("the answer holds no data key of 32 bytes");
  return std::move(*key);
}

}  // namespace

Result<void> EncryptFile(Session& session, const FileJob& job) {
  StreamedInput input(job.input);
  const ReadFunction read = [&](std::span<std::uint8_t> room) {
    return input.Read(room);
  };
  KMS_TRY(const auto output, OutputFile::Create(job.output, job.replace));
  KMS_TRY(
      const auto result,
      session.Call(
          "generateDataKey",
          std::move(JsonObject().Text("cmkUuid", job.key).Raw("numberOfBytes", "32"))));
  KMS_TRY(const SecretBytes data_key, DataKeyIn(result));
  auto blob = FromBase64(TextOf(result, "ciphertextBlob"));
  if (!blob) return ConnectionError("the answer holds no encrypted data key");
  EnvelopeHeader header;
  header.key_blob = std::move(*blob);
  if (RAND_bytes(header.salt.data(), static_cast<int>(header.salt.size())) != 1)
    return Error(Reason::kRandomFailed, "no random bytes");
  KMS_CHECK_OK(EncryptStream(header, data_key, read,
                             [&](ByteView bytes) { return output->Write(bytes); }));
  return output->Commit();
}

Result<void> DecryptFile(Session& session, const FileJob& job) {
  StreamedInput input(job.input);
  const ReadFunction read = [&](std::span<std::uint8_t> room) {
    return input.Read(room);
  };
  KMS_TRY(const EnvelopeHeader header, ReadEnvelopeHeader(read));
  KMS_TRY(const auto output, OutputFile::Create(job.output, job.replace));
  KMS_TRY(const auto result,
          session.Call("decrypt", std::move(JsonObject().Base64("ciphertextBlob",
                                                                header.key_blob))));
  KMS_TRY(const SecretBytes data_key, DataKeyIn(result));
  KMS_CHECK_OK(DecryptStream(header, data_key, read,
                             [&](ByteView bytes) { return output->Write(bytes); }));
  return output->Commit();
}

}  // namespace kms::server
