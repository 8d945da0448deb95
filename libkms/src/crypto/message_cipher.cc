#include "crypto/message_cipher.h"

#include <botan/system_rng.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "crypto/botan_compat.h"
#include "kms/digest.h"

namespace kms::internal {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kHeaderSize =
    2 + MessageCipher::kSaltSize + MessageCipher::kNonceSize;
constexpr std::size_t kIdleSealStates = 16;
constexpr std::size_t kIdleOpenStates = 32;
constexpr std::string_view kLabel = "libkms sealed message v1";

void AppendWithLength(ByteView part, Bytes* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<std::uint8_t>(std::uint64_t{part.size()} >> shift));
  }
  out->insert(out->end(), part.begin(), part.end());
}

// A result that holds plaintext until it is complete.
struct WipeUnlessKept {
  ~WipeUnlessKept() {
    if (bytes != nullptr) Wipe(*bytes);
  }
  Bytes* bytes;
};

}  // namespace

struct MessageCipher::State {
  Bytes head;
  std::array<std::uint8_t, kSaltSize> salt;
  std::uint64_t used = 0;
  std::unique_ptr<Botan::AEAD_Mode> mode;
  std::optional<Bytes> context;  // what `mode` has, with `head`, as associated data
  Botan::secure_vector<std::uint8_t> tail;

  // What of `text` the mode takes before the end of a message.
  ByteView WholeBlocks(ByteView text) const {
    const std::size_t unit = mode->update_granularity();
    return text.first(text.size() / unit * unit);
  }

  // Start gives the mode the nonce, and its associated data if they changed.
  void Start(ByteView new_context, ByteView nonce) {
    if (!context || !std::ranges::equal(*context, new_context)) {
      Bytes associated;
      associated.reserve(16 + head.size() + new_context.size());
      AppendWithLength(head, &associated);
      AppendWithLength(new_context, &associated);
      context.reset();
      mode->set_associated_data(associated.data(), associated.size());
      context.emplace(new_context.begin(), new_context.end());
    }
    mode->start(nonce.data(), nonce.size());
  }

  // Finish ends the message with `rest`, of which `tail` is then the result: so only
  // a few blocks and a tag pass through Botan's kind of vector, the rest works in place.
  void Finish(ByteView rest) {
    tail.assign(rest.begin(), rest.end());
    mode->finish(tail);
  }
};

MessageCipher::MessageCipher(CipherSuite suite, SecretBytes key,
                             std::uint64_t messages_per_salt)
    : suite_(suite),
      messages_per_salt_(messages_per_salt),
      key_(std::move(key)),
      sealing_(kIdleSealStates),
      opening_(kIdleOpenStates) {}

MessageCipher::~MessageCipher() = default;

std::unique_ptr<MessageCipher::State> MessageCipher::NewState(bool seals, ByteView head,
                                                              ByteView salt) const {
  auto state = std::make_unique<State>();
  state->head.assign(head.begin(), head.end());
  if (seals) {
    Botan::System_RNG rng;
    rng.randomize(state->salt.data(), state->salt.size());
  } else {
    std::copy(salt.begin(), salt.end(), state->salt.begin());
  }
  const bool aes = suite_ == CipherSuite::kAes256Gcm;
  Bytes info(kLabel.begin(), kLabel.end());
  info.push_back(static_cast<std::uint8_t>(suite_));
  info.insert(info.end(), head.begin(), head.end());
  const SecretBytes key = Hkdf(aes ? DigestAlgorithm::kSha256 : DigestAlgorithm::kSm3,
                               key_.Reveal(), state->salt, info, KeySize(suite_));
  state->mode = Botan::AEAD_Mode::create_or_throw(
      aes ? "AES-256/GCM" : "SM4/GCM", seals ? botan::kEncryption : botan::kDecryption);
  state->mode->set_key(key.Reveal().data(), key.size());
  return state;
}

Result<Bytes> MessageCipher::Seal(ByteView head, ByteView context, ByteView plaintext) {
  try {
    auto state = sealing_.Take(
        [&](const State& idle) { return std::ranges::equal(idle.head, head); });
    if (state == nullptr || state->used >= messages_per_salt_) {
      state = NewState(true, head, {});
    }
    std::array<std::uint8_t, kNonceSize> nonce{};
    for (std::size_t i = 0; i < 8; ++i) {
      nonce[kNonceSize - 1 - i] = static_cast<std::uint8_t>(state->used >> (8 * i));
    }
    ++state->used;
    state->Start(context, nonce);

    Bytes sealed;
    WipeUnlessKept guard{&sealed};
    sealed.reserve(head.size() + kOverhead + plaintext.size());
    sealed.insert(sealed.end(), head.begin(), head.end());
    sealed.push_back(kFormat);
    sealed.push_back(static_cast<std::uint8_t>(suite_));
    sealed.insert(sealed.end(), state->salt.begin(), state->salt.end());
    sealed.insert(sealed.end(), nonce.begin(), nonce.end());
    const std::size_t start = sealed.size();
    const ByteView blocks = state->WholeBlocks(plaintext);
    sealed.insert(sealed.end(), blocks.begin(), blocks.end());
    if (!blocks.empty()) state->mode->process(sealed.data() + start, blocks.size());
    state->Finish(plaintext.subspan(blocks.size()));
    sealed.insert(sealed.end(), state->tail.begin(), state->tail.end());
    guard.bytes = nullptr;
    sealing_.Give(std::move(state));
    return sealed;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    return Error(ErrorClass::kUnavailable, Reason::kRandomFailed, failure.what());
  }
}

Result<SecretBytes> MessageCipher::Open(ByteView head, ByteView context, ByteView body) {
  if (body.size() < kOverhead || body[0] != kFormat ||
      body[1] != static_cast<std::uint8_t>(suite_)) {
    return Reason::kBadCiphertext;
  }
  const ByteView salt = body.subspan(2, kSaltSize);
  const ByteView nonce = body.subspan(2 + kSaltSize, kNonceSize);
  const ByteView sealed = body.subspan(kHeaderSize);
  std::unique_ptr<State> state;
  try {
    state = opening_.Take([&](const State& idle) {
      return std::ranges::equal(idle.salt, salt) && std::ranges::equal(idle.head, head);
    });
    if (state == nullptr) state = NewState(false, head, salt);
    state->Start(context, nonce);
    const ByteView blocks = state->WholeBlocks(sealed.first(sealed.size() - kTagSize));
    const std::size_t size = sealed.size() - kTagSize;
    SecretBytes plaintext = SecretBytes::Filled(size, [&](std::span<std::uint8_t> out) {
      // Not ranges::copy, which goes byte by byte here.
      std::copy(blocks.begin(), blocks.end(), out.begin());
      if (!blocks.empty()) state->mode->process(out.data(), blocks.size());
      state->Finish(sealed.subspan(blocks.size()));
      std::copy(state->tail.begin(), state->tail.end(), out.begin() + blocks.size());
    });
    Wipe(state->tail);
    opening_.Give(std::move(state));
    return plaintext;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    // What was decrypted by then, and vouched for by nothing, is wiped as the state
    // and the plaintext go.
    return Reason::kBadCiphertext;
  }
}

}  // namespace kms::internal
