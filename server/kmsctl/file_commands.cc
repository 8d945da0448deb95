#include "kmsctl/file_commands.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "kms/encoding.h"
#include "kmsctl/envelope_file.h"
#include "kmsctl/failure.h"
#include "kmsctl/output_file.h"

namespace kms::server {
namespace {

// An input file, with a progress line on a terminal.
class InputFile {
 public:
  explicit InputFile(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) error_ = errno;
    struct stat found{};
    if (file_ >= 0 && ::fstat(file_, &found) == 0 && S_ISREG(found.st_mode))
      size_ = static_cast<std::uint64_t>(found.st_size);
    shows_ = size_ > 0 && ::isatty(STDERR_FILENO) == 1;
  }
  ~InputFile() {
    if (shown_ >= 0) std::fputs("\r\033[K", stderr);
    if (file_ >= 0) ::close(file_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  Result<std::size_t> Read(std::span<std::uint8_t> room) {
    if (error_ != 0) return UsageError(path_ + ": " + std::strerror(error_));
    ssize_t n = -1;
    do {
      n = ::read(file_, room.data(), room.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) return UsageError(path_ + ": " + std::strerror(errno));
    done_ += static_cast<std::uint64_t>(n);
    if (shows_) Show();
    return static_cast<std::size_t>(n);
  }

 private:
  void Show() {
    constexpr int kWidth = 40;
    const int percent = done_ >= size_
                            ? 100
                            : static_cast<int>(100.0 * static_cast<double>(done_) /
                                               static_cast<double>(size_));
    if (percent == shown_) return;
    shown_ = percent;
    const int filled = percent * kWidth / 100;
    std::string bar(static_cast<std::size_t>(filled), '#');
    bar.resize(kWidth, '.');
    std::fprintf(stderr, "\r[%s] %3d%%", bar.c_str(), percent);
    std::fflush(stderr);
  }

  const std::string path_;
  const int file_;
  int error_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t done_ = 0;
  bool shows_ = false;
  int shown_ = -1;
};

Result<SecretBytes> DataKeyIn(const boost::json::object& result) {
  auto key = SecretFromBase64(TextOf(result, "plaintext"));
  if (!key || key->size() != kDataKeySize)
    return ConnectionError("the answer holds no data key of 32 bytes");
  return std::move(*key);
}

}  // namespace

Result<void> EncryptFile(Session& session, const FileJob& job) {
  InputFile input(job.input);
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
  InputFile input(job.input);
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
