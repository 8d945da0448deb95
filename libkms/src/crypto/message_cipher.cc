#include "crypto/message_cipher.h"

#include <botan/system_rng.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <utility>

#include "crypto/botan_compat.h"
#include "kms/digest.h"

namespace kms::internal {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kHeaderSize =
    2 + MessageCipher::kSaltSize + MessageCipher::kNonceSize;
constexpr std::uint64_t kMessagesPerSalt = std::uint64_t{1} << 20;
constexpr std::size_t kIdleSealStates = 16;
constexpr std::size_t kIdleOpenStates = 32;
constexpr std::size_t kKeptBuffer = 64 * 1024;
constexpr std::string_view kLabel = "libkms sealed message v1";

void AppendWithLength(ByteView part, Bytes* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<std::uint8_t>(std::uint64_t{part.size()} >> shift));
  }
  out->insert(out->end(), part.begin(), part.end());
}

}  // namespace

struct MessageCipher::State {
  Bytes head;
  std::array<std::uint8_t, kSaltSize> salt;
  std::uint64_t used = 0;
  std::unique_ptr<Botan::AEAD_Mode> mode;
  Bytes associated;  // what `mode` was last given
  Bytes wanted;
  Botan::secure_vector<std::uint8_t> buffer;

  // Start gives the mode its associated data, if they changed, and the nonce.
  void Start(ByteView context, ByteView nonce) {
    wanted.clear();
    AppendWithLength(head, &wanted);
    AppendWithLength(context, &wanted);
    if (wanted != associated) {
      mode->set_associated_data(wanted.data(), wanted.size());
      associated.swap(wanted);
    }
    mode->start(nonce.data(), nonce.size());
  }

  void Wipe() {
    kms::Wipe(buffer);
    buffer.clear();
    if (buffer.capacity() > kKeptBuffer) buffer.shrink_to_fit();
  }
};

MessageCipher::MessageCipher(CipherSuite suite, SecretBytes key)
    : suite_(suite),
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
    if (state == nullptr || state->used >= kMessagesPerSalt) {
      state = NewState(true, head, {});
    }
    std::array<std::uint8_t, kNonceSize> nonce{};
    for (std::size_t i = 0; i < 8; ++i) {
      nonce[kNonceSize - 1 - i] = static_cast<std::uint8_t>(state->used >> (8 * i));
    }
    ++state->used;
    state->Start(context, nonce);
    state->buffer.assign(plaintext.begin(), plaintext.end());
    state->mode->finish(state->buffer);

    Bytes sealed;
    sealed.reserve(head.size() + kOverhead + plaintext.size());
    sealed.insert(sealed.end(), head.begin(), head.end());
    sealed.push_back(kFormat);
    sealed.push_back(static_cast<std::uint8_t>(suite_));
    sealed.insert(sealed.end(), state->salt.begin(), state->salt.end());
    sealed.insert(sealed.end(), nonce.begin(), nonce.end());
    sealed.insert(sealed.end(), state->buffer.begin(), state->buffer.end());
    state->buffer.clear();
    if (state->buffer.capacity() > kKeptBuffer) state->buffer.shrink_to_fit();
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
    state->buffer.assign(sealed.begin(), sealed.end());
    state->mode->finish(state->buffer);
    SecretBytes plaintext = SecretBytes::CopyOf(state->buffer);
    state->Wipe();
    opening_.Give(std::move(state));
    return plaintext;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    // The buffer now holds plaintext that nothing vouches for.
    if (state != nullptr) {
      state->Wipe();
      state->associated.clear();
    }
    return Reason::kBadCiphertext;
  }
}

}  // namespace kms::internal
