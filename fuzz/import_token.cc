// Material is imported with the token and under the wrapping that belong to the key, and
// with nothing else; a refused import changes nothing but the attempts of the token.

#include <string>

#include "world.h"

namespace kms::fuzz::targets {
namespace {

struct Imports : World {
  Imports() {
    const auto material = backend->Random(32).value();
    wrapped = backend->LoadPublic(parameters.public_key)
                  .value()
                  ->Encrypt(EncryptionAlgorithm::kRsaOaepSha256, material.Reveal())
                  .value();
    before = AllRecords(*store);
  }
  bool Import(ByteView token, ByteView material) {
    return kms->imports().ImportMaterial(me, key, token, material, {}).has_value();
  }
  KeyState State() { return kms->keys().Describe(me, key).value().state; }

  const std::string key =
      kms->keys().Create(me, {.origin = KeyOrigin::kExternal}).value().id;
  const ImportParameters parameters =
      kms->imports().GetParameters(me, key, EncryptionAlgorithm::kRsaOaepSha256).value();
  Bytes wrapped;
  Records before;
};

}  // namespace

// Whether the wrapping is edited too, and edits; or, after an 'r', a token as it is.
void import_token(ByteView bytes) {
  static Imports imports;
  Input input(bytes);
  Bytes token = imports.parameters.token;
  Bytes wrapped = imports.wrapped;
  const std::uint8_t what = input.Byte();
  if (what == 'r') {
    const ByteView raw = input.Rest();
    token.assign(raw.begin(), raw.end());
  } else {
    while (!input.empty()) Edit(input, (what & 1) != 0 ? token : wrapped);
  }
  const bool same_token = token == imports.parameters.token;
  const bool good = same_token && wrapped == imports.wrapped;
  Require(imports.Import(token, wrapped) == good, "only what belongs together imports");
  Require(imports.State() == (good ? KeyState::kEnabled : KeyState::kPendingImport),
          "a key has material or has not");
  if (!good)
    Require(SameButTokens(AllRecords(*imports.store), imports.before),
            "a refusal changes nothing");
  if (!same_token)
    Require(AllRecords(*imports.store) == imports.before,
            "another token is not even counted");
  Restore(*imports.store, imports.before);
}

}  // namespace kms::fuzz::targets
