// Of an envelope file that was changed nothing comes out but a beginning of what was
// encrypted, and no success; and a header is written as it was read.

#include "kmsctl/envelope_file.h"

#include <algorithm>

#include "world.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::server;

constexpr std::size_t kPlainSize = 2600;  // two chunks and a half

// Hands out `bytes` in steps of `step`.
ReadFunction From(ByteView bytes, std::size_t step) {
  return
      [rest = bytes, step](std::span<std::uint8_t> room) mutable -> Result<std::size_t> {
        const std::size_t n = std::min({room.size(), rest.size(), step});
        std::copy_n(rest.begin(), n, room.begin());
        rest = rest.subspan(n);
        return n;
      };
}

WriteFunction To(Bytes& out) {
  return [&out](ByteView piece) -> Result<void> {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  };
}

struct File {
  File() {
    EnvelopeHeader header;
    header.chunk_bits = kMinChunkBits;
    header.key_blob = Bytes(40, 'b');
    for (std::size_t i = 0; i < kPlainSize; ++i) plain.push_back(i % 251);
    Require(EncryptStream(header, key, From(plain, 1000), To(sealed)).has_value(),
            "a file is encrypted");
  }
  const SecretBytes key = SecretBytes::CopyOf(Bytes(kDataKeySize, 7));
  Bytes plain, sealed;
};

void CheckHeader(ByteView bytes, const SecretBytes& key) {
  const auto header = ReadEnvelopeHeader(From(bytes, 7));
  if (!header) return;
  Bytes written;
  Require(EncryptStream(*header, key, From({}, 1), To(written)).has_value(),
          "a header that was read is used");
  const std::size_t size = 28 + header->key_blob.size();
  Require(bytes.size() >= size &&
              std::equal(bytes.begin(), bytes.begin() + size, written.begin()),
          "and written as it was read");
}

}  // namespace

// The size of what is read at once, and edits; or, after an 'r', a file as it is.
void envelope_file(ByteView bytes) {
  static const File file;
  Input input(bytes);
  const std::uint8_t step = input.Byte();
  Bytes changed = file.sealed;
  if (step == 'r') {
    const ByteView raw = input.Rest();
    changed.assign(raw.begin(), raw.end());
    CheckHeader(changed, file.key);
  } else {
    while (!input.empty()) Edit(input, changed);
  }
  auto read = From(changed, step + std::size_t{1});
  const auto header = ReadEnvelopeHeader(std::ref(read));
  Bytes out;
  const bool good =
      header && DecryptStream(*header, file.key, std::ref(read), To(out)).has_value();
  Require(good == (changed == file.sealed), "only what was sealed opens");
  Require(out.size() <= file.plain.size() &&
              std::equal(out.begin(), out.end(), file.plain.begin()),
          "what comes out is a beginning of it");
}

}  // namespace kms::fuzz::targets
