// Envelope files: a file of any size, encrypted in bounded memory under a data key of
// the KMS, whose encrypted form travels in the file's header (docs/file_format.md).
//
// Chunks are sealed one by one with AES-256-GCM and numbered, and the last one is
// marked, so that a file that was changed, cut, extended or put together from others
// does not open. What DecryptStream hands to `write` is authentic piece by piece, but
// complete only once it has succeeded: do not show it before (kmsctl/output_file.h).
//
// Threads: free of shared state.

#ifndef KMS_SERVER_KMSCTL_ENVELOPE_FILE_H_
#define KMS_SERVER_KMSCTL_ENVELOPE_FILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::server {

// Reads up to as many bytes as there is room for, and returns how many; 0 at the end.
using ReadFunction = std::function<Result<std::size_t>(std::span<std::uint8_t>)>;
using WriteFunction = std::function<Result<void>(ByteView)>;

inline constexpr std::size_t kDataKeySize = 32;
inline constexpr int kMinChunkBits = 10;
inline constexpr int kDefaultChunkBits = 20;  // 1 MiB
inline constexpr int kMaxChunkBits = 24;

using EnvelopeSalt = std::array<std::uint8_t, 16>;

struct EnvelopeHeader {
  int chunk_bits = kDefaultChunkBits;
  EnvelopeSalt salt{};
  Bytes key_blob;  // the encrypted data key: what the KMS decrypts
};

// EncryptStream writes the header and everything that `read` gives. A salt and a data
// key are used together for one file only.
// Fails: kInvalidArgument (size of the data key or the blob, chunk bits); kExhausted
// after 2^32 chunks; what `read` and `write` return.
Result<void> EncryptStream(const EnvelopeHeader& header, const SecretBytes& data_key,
                           const ReadFunction& read, const WriteFunction& write);

// ReadEnvelopeHeader reads a header, and not a byte more.
// Fails: kAuthFailed if it is no envelope file; kUnsupported for a newer format.
Result<EnvelopeHeader> ReadEnvelopeHeader(const ReadFunction& read);

// DecryptStream decrypts what follows the header, up to the end of the input.
// Fails: kAuthFailed with Reason::kBadCiphertext for everything that is wrong with it.
Result<void> DecryptStream(const EnvelopeHeader& header, const SecretBytes& data_key,
                           const ReadFunction& read, const WriteFunction& write);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_ENVELOPE_FILE_H_
