#include "kmsctl/backup_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "kmsctl/failure.h"
#include "kmsctl/input_file.h"

namespace kms::server {
namespace {

// In place of an encrypted data key: how it comes from the pass phrase.
constexpr std::string_view kLabel = "libkms backup scrypt 1";
constexpr std::size_t kSaltSize = 32;
constexpr std::size_t kBlobSize = kLabel.size() + 1 + kSaltSize;
constexpr int kMinCostBits = 10;
constexpr int kMaxCostBits = 20;  // 1 GiB
constexpr std::uint64_t kBlock = 8;
constexpr std::size_t kMaxPassPhraseFile = 4096;

Error NoBackup() {
  return Error(ErrorClass::kAuthFailed, Reason::kBadCiphertext,
               "not a backup that kmsctl made");
}

Result<SecretBytes> DeriveKey(const SecretBytes& pass_phrase, ByteView blob) {
  if (blob.size() != kBlobSize || AsText(blob.first(kLabel.size())) != kLabel)
    return NoBackup();
  const int cost_bits = blob[kLabel.size()];
  if (cost_bits < kMinCostBits || cost_bits > kMaxCostBits) return NoBackup();
  const std::uint64_t cost = std::uint64_t{1} << cost_bits;
  const ByteView salt = blob.last(kSaltSize);
  bool derived = false;
  SecretBytes key = SecretBytes::Filled(kDataKeySize, [&](std::span<std::uint8_t> out) {
    derived = EVP_PBE_scrypt(AsText(pass_phrase.Reveal()).data(), pass_phrase.size(),
                             salt.data(), salt.size(), cost, kBlock, 1,
                             (cost + 2) * 128 * kBlock + (std::size_t{1} << 20),
                             out.data(), out.size()) == 1;
  });
  if (!derived) return Error(Reason::kInternal, "scrypt failed: is there enough memory?");
  return key;
}

Error Explained(Error error) {
  if (error.error_class() != ErrorClass::kAuthFailed) return error;
  return Error(
      ErrorClass::kAuthFailed, error.reason(),
      "not a backup, or it was changed or cut, or the pass phrase is another one");
}

}  // namespace

Result<SecretBytes> ReadPassPhrase(const std::string& path) {
  struct stat found{};
  if (path != "-" && ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
      (found.st_mode & 077) != 0)
    return UsageError(path + ": others may read it; chmod 600");
  KMS_TRY(const WipedString content, ReadInput(path, kMaxPassPhraseFile));
  const auto line = std::find(content.begin(), content.end(), '\n');
  const auto size = static_cast<std::size_t>(line - content.begin());
  if (size < kMinPassPhraseSize)
    return UsageError(path + ": a pass phrase has at least " +
                      std::to_string(kMinPassPhraseSize) +
                      " characters (openssl rand -base64 32 makes a good one)");
  return SecretBytes::CopyOf(AsBytes({content.data(), size}));
}

Result<void> EncryptBackup(const SecretBytes& pass_phrase, const ReadFunction& read,
                           const WriteFunction& write, int cost_bits) {
  EnvelopeHeader header;
  Bytes& blob = header.key_blob;
  std::ranges::copy(kLabel, std::back_inserter(blob));
  blob.push_back(static_cast<std::uint8_t>(cost_bits));
  blob.resize(kBlobSize);
  if (RAND_bytes(header.salt.data(), static_cast<int>(header.salt.size())) != 1 ||
      RAND_bytes(blob.data() + kBlobSize - kSaltSize, static_cast<int>(kSaltSize)) != 1)
    return Error(Reason::kRandomFailed);
  KMS_TRY(const SecretBytes key, DeriveKey(pass_phrase, blob));
  return EncryptStream(header, key, read, write);
}

Result<void> DecryptBackup(const SecretBytes& pass_phrase, const ReadFunction& read,
                           const WriteFunction& write) {
  const auto header = ReadEnvelopeHeader(read);
  if (!header) return Explained(header.error());
  KMS_TRY(const SecretBytes key, DeriveKey(pass_phrase, header->key_blob));
  const auto decrypted = DecryptStream(*header, key, read, write);
  if (!decrypted) return Explained(decrypted.error());
  return {};
}

}  // namespace kms::server
