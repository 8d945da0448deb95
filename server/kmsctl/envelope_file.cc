#include "kmsctl/envelope_file.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

#include "kms/digest.h"
#include "kmsctl/chunk_cipher.h"

namespace kms::server {
namespace {

constexpr std::string_view kMagic = "KMSFILE";
constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kAes256Gcm = 1;
constexpr std::string_view kKeyLabel = "libkms envelope file";
constexpr std::size_t kFixedSize = 7 + 1 + 1 + 1 + 16 + 2;
constexpr std::size_t kMaxBlobSize = 4096;

Error NoEnvelope(const char* why) {
  return Error(ErrorClass::kAuthFailed, Reason::kBadCiphertext, why);
}

Error Changed() {
  return Error(ErrorClass::kAuthFailed, Reason::kBadCiphertext,
               "the file was changed or cut, or its data key is another one");
}

bool IsSound(const EnvelopeHeader& header) {
  return header.chunk_bits >= kMinChunkBits && header.chunk_bits <= kMaxChunkBits &&
         !header.key_blob.empty() && header.key_blob.size() <= kMaxBlobSize;
}

Bytes WriteHeader(const EnvelopeHeader& header) {
  Bytes bytes;
  const auto put = std::back_inserter(bytes);
  std::ranges::copy(kMagic, put);
  bytes.push_back(kFormat);
  bytes.push_back(kAes256Gcm);
  bytes.push_back(static_cast<std::uint8_t>(header.chunk_bits));
  std::ranges::copy(header.salt, put);
  bytes.push_back(static_cast<std::uint8_t>(header.key_blob.size() >> 8));
  bytes.push_back(static_cast<std::uint8_t>(header.key_blob.size()));
  std::ranges::copy(header.key_blob, put);
  return bytes;
}

// The key depends on every byte of the header, which so needs no tag of its own.
Result<ChunkCipher> CipherFor(const EnvelopeHeader& header, const SecretBytes& data_key) {
  if (!IsSound(header) || data_key.size() != kDataKeySize)
    return Error(Reason::kBadParameter, "no data key of 32 bytes, or no such header");
  Bytes info(kKeyLabel.begin(), kKeyLabel.end());
  info.push_back(0);
  const Bytes written = WriteHeader(header);
  info.insert(info.end(), written.begin(), written.end());
  const SecretBytes derived =
      Hkdf(DigestAlgorithm::kSha256, data_key.Reveal(), header.salt, info,
           ChunkCipher::kKeySize + ChunkCipher::kPrefixSize);
  return ChunkCipher::New(derived.Reveal().first(ChunkCipher::kKeySize),
                          derived.Reveal().subspan(ChunkCipher::kKeySize));
}

// Reads until `room` is full or the input ends, and returns how many bytes.
Result<std::size_t> Fill(const ReadFunction& read, std::span<std::uint8_t> room) {
  std::size_t filled = 0;
  while (filled < room.size()) {
    KMS_TRY(const std::size_t n, read(room.subspan(filled)));
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

// A buffer that may hold plaintext.
class WipedBuffer {
 public:
  explicit WipedBuffer(std::size_t size) : bytes_(size) {}
  ~WipedBuffer() { Wipe(bytes_); }
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;
  std::span<std::uint8_t> all() { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

// Hands out an input in pieces of one size, and knows which one is the last: it reads
// a byte ahead.
class Pieces {
 public:
  Pieces(const ReadFunction& read, std::size_t size)
      : read_(read), size_(size), buffer_(size + 1) {}

  // Valid until the next call.
  Result<ByteView> Next() {
    const auto all = buffer_.all();
    if (ahead_) all[0] = all[size_];
    const std::size_t kept = ahead_ ? 1 : 0;
    KMS_TRY(const std::size_t n, Fill(read_, all.subspan(kept)));
    ahead_ = kept + n > size_;
    return ByteView(all.first(std::min(kept + n, size_)));
  }
  bool last() const { return !ahead_; }

 private:
  const ReadFunction& read_;
  const std::size_t size_;
  WipedBuffer buffer_;
  bool ahead_ = false;
};

}  // namespace

Result<void> EncryptStream(const EnvelopeHeader& header, const SecretBytes& data_key,
                           const ReadFunction& read, const WriteFunction& write) {
  KMS_TRY(auto cipher, CipherFor(header, data_key));
  KMS_CHECK_OK(write(WriteHeader(header)));
  const std::size_t chunk_size = std::size_t{1} << header.chunk_bits;
  Pieces pieces(read, chunk_size);
  Bytes sealed(chunk_size + ChunkCipher::kTagSize);
  for (std::uint32_t number = 0;; ++number) {
    KMS_TRY(const ByteView chunk, pieces.Next());
    const auto out = std::span(sealed).first(chunk.size() + ChunkCipher::kTagSize);
    KMS_CHECK_OK(cipher.Seal(number, pieces.last(), chunk, out));
    KMS_CHECK_OK(write(out));
    if (pieces.last()) return {};
    if (number == std::numeric_limits<std::uint32_t>::max())
      return Error(ErrorClass::kExhausted, Reason::kTooLong, "too many chunks");
  }
}

Result<EnvelopeHeader> ReadEnvelopeHeader(const ReadFunction& read) {
  Bytes fixed(kFixedSize);
  KMS_TRY(const std::size_t n, Fill(read, fixed));
  if (n != fixed.size() || AsText(ByteView(fixed).first(kMagic.size())) != kMagic)
    return NoEnvelope("not a file that kmsctl encrypted");
  if (fixed[7] != kFormat || fixed[8] != kAes256Gcm)
    return Error(ErrorClass::kUnsupported, Reason::kBadCiphertext,
                 "encrypted by a newer release");
  EnvelopeHeader header;
  header.chunk_bits = fixed[9];
  std::copy_n(fixed.begin() + 10, header.salt.size(), header.salt.begin());
  header.key_blob.resize(std::size_t{fixed[26]} << 8 | fixed[27]);
  if (!IsSound(header)) return NoEnvelope("not a header of an encrypted file");
  KMS_TRY(const std::size_t m, Fill(read, header.key_blob));
  if (m != header.key_blob.size()) return NoEnvelope("the file ends within its header");
  return header;
}

Result<void> DecryptStream(const EnvelopeHeader& header, const SecretBytes& data_key,
                           const ReadFunction& read, const WriteFunction& write) {
  KMS_TRY(auto cipher, CipherFor(header, data_key));
  const std::size_t chunk_size = std::size_t{1} << header.chunk_bits;
  Pieces pieces(read, chunk_size + ChunkCipher::kTagSize);
  WipedBuffer plaintext(chunk_size);
  for (std::uint32_t number = 0;; ++number) {
    KMS_TRY(const ByteView chunk, pieces.Next());
    if (chunk.size() < ChunkCipher::kTagSize) return Changed();
    const auto out = plaintext.all().first(chunk.size() - ChunkCipher::kTagSize);
    KMS_CHECK_OK(cipher.Open(number, pieces.last(), chunk, out));
    // An empty chunk is the whole of an empty file and nothing else.
    if (out.empty() && number != 0) return Changed();
    if (!out.empty()) KMS_CHECK_OK(write(out));
    if (pieces.last()) return {};
    if (number == std::numeric_limits<std::uint32_t>::max()) return Changed();
  }
}

}  // namespace kms::server
