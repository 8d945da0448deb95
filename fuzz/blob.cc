// A ciphertext blob that was changed in any way does not open, and a blob's head is
// written as it was read.

#include "keys/blob.h"

#include "target.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

void CheckHead(ByteView blob) {
  const auto head = ReadBlobHead(blob);
  if (!head) return;
  Require(WriteBlobHead(head->key, head->version) == AsText(blob.first(kBlobHeadSize)),
          "a head is written as it was read");
}

}  // namespace

// Edits: a byte each for what, where and by how much; or, after an 'r', a blob as it is.
void blob(ByteView bytes) {
  static World world;
  static const std::string key = world.kms->keys().Create(world.me, {}).value().id;
  static const Bytes sealed =
      world.kms->compute().Encrypt(world.me, key, AsBytes("plaintext")).value().blob;

  Input input(bytes);
  Bytes changed = sealed;
  if (input.Byte() == 'r') {
    const ByteView raw = input.Rest();
    changed.assign(raw.begin(), raw.end());
  } else {
    while (!input.empty()) Edit(input, changed);
  }
  CheckHead(changed);
  const auto opened = world.kms->compute().Decrypt(world.me, changed);
  Require(opened.has_value() == (changed == sealed), "only what was sealed opens");
}

}  // namespace kms::fuzz::targets
