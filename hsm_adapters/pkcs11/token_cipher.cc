#include "hsm_adapters/pkcs11/token_cipher.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/digest.h"

namespace kms::pkcs11 {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kDerivedSuite = 3;
constexpr std::uint8_t kDirectSuite = 4;
constexpr std::uint8_t kDirectSm4Suite = 5;
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kNonceSize = std::tuple_size_v<GcmNonce>;
constexpr std::uint64_t kMessagesPerSalt = std::uint64_t{1} << 20;
// Each is an object in the token.
constexpr std::size_t kIdleSealing = 8;
constexpr std::size_t kRecentSalts = 16;
constexpr std::string_view kLabel = "libkms token message v1";
constexpr std::string_view kMacLabel = "libkms token HMAC-SM3 v1";

// Of no message but by chance, of one in 2^96 where nonces are random.
constexpr GcmNonce kMacNonce = {'l', 'i', 'b', 'k', 'm', 's',
                                ' ', 'H', 'M', 'A', 'C', '1'};

// `label`, then both parts behind their lengths of 8 bytes.
Bytes WithLengths(std::string_view label, ByteView first, ByteView second) {
  Bytes joined(label.size() + 16 + first.size() + second.size());
  auto at = std::ranges::copy(label, joined.begin()).out;
  for (const ByteView part : {first, second}) {
    for (int shift = 56; shift >= 0; shift -= 8)
      *at++ = static_cast<std::uint8_t>(std::uint64_t{part.size()} >> shift);
    at = std::ranges::copy(part, at).out;
  }
  return joined;
}

Bytes Associated(ByteView head, ByteView context) {
  return WithLengths({}, head, context);
}

// What the message key is derived from.
Digest32 DeriveFrom(ByteView head, ByteView salt) {
  return Digest(DigestAlgorithm::kSha256, WithLengths(kLabel, salt, head));
}

Error BadCiphertext() { return Error(Reason::kBadCiphertext); }

}  // namespace

bool CanDerive(const Token& token) {
  return token.Has(CKM_AES_CBC_ENCRYPT_DATA, CKF_DERIVE);
}

bool CanEncrypt(const Token& token) {
  return token.Has(CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT);
}

Result<KeyObject> DeriveMessageKey(Access& access, CK_OBJECT_HANDLE base, Digest32 from) {
  CK_AES_CBC_ENCRYPT_DATA_PARAMS parameters{};
  parameters.pData = from.data();
  parameters.length = from.size();
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, CKK_AES)
      .Number(CKA_VALUE_LEN, kAesSize)
      .Flag(CKA_TOKEN, false)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, false);
  AddUse(CipherUse::kEncrypt, &key);
  KMS_TRY(
      const CK_OBJECT_HANDLE derived,
      access.Keep()->Derive({CKM_AES_CBC_ENCRYPT_DATA, &parameters, sizeof parameters},
                            base, std::move(key)));
  return KeyObject{derived};
}

void AddUse(CipherUse use, Template* key) {
  const bool derive = use == CipherUse::kDerive;
  key->Flag(CKA_DERIVE, derive)
      .Flag(CKA_ENCRYPT, !derive)
      .Flag(CKA_DECRYPT, !derive)
      .Flag(CKA_WRAP, false)
      .Flag(CKA_UNWRAP, false)
      .Flag(CKA_SIGN, false)
      .Flag(CKA_VERIFY, false);
}

// The message key of one salt.
struct TokenCipher::Salted {
  Salted(Token& token, std::shared_ptr<TokenKey> base, ByteView of_head, ByteView of_salt)
      : head(of_head.begin(), of_head.end()),
        salt(of_salt.begin(), of_salt.end()),
        key(std::make_shared<TokenKey>(
            token,
            [base = std::move(base),
             from = DeriveFrom(of_head, of_salt)](Access& access) -> Result<KeyObject> {
              KMS_TRY(const CK_OBJECT_HANDLE handle, base->Handle(access));
              return DeriveMessageKey(access, handle, from);
            })) {}

  const Bytes head;
  const Bytes salt;
  const std::shared_ptr<TokenKey> key;
  std::uint64_t used = 0;  // of a sealing one
};

TokenCipher::TokenCipher(Parts parts)
    : parts_(std::move(parts)),
      derive_(KeyFor(CipherUse::kDerive)),
      encrypt_(KeyFor(CipherUse::kEncrypt)),
      mac_(MacKey()) {}

TokenCipher::~TokenCipher() = default;

std::shared_ptr<TokenKey> TokenCipher::KeyFor(CipherUse use) const {
  return std::make_shared<TokenKey>(
      parts_.token,
      [make = parts_.key, use](Access& access) { return make(access, use); });
}

std::shared_ptr<TokenKey> TokenCipher::MacKey() const {
  if (parts_.only != CipherUse::kDerive) return encrypt_;
  return std::make_shared<TokenKey>(
      parts_.token, [base = derive_](Access& access) -> Result<KeyObject> {
        KMS_TRY(const CK_OBJECT_HANDLE handle, base->Handle(access));
        return DeriveMessageKey(access, handle,
                                Digest(DigestAlgorithm::kSha256, AsBytes(kMacLabel)));
      });
}

bool TokenCipher::derives() const {
  return parts_.sm4_gcm == 0 && CanDerive(parts_.token) &&
         parts_.only != CipherUse::kEncrypt;
}

std::uint8_t TokenCipher::direct_suite() const {
  return parts_.sm4_gcm == 0 ? kDirectSuite : kDirectSm4Suite;
}

CK_MECHANISM_TYPE TokenCipher::gcm() const {
  return parts_.sm4_gcm == 0 ? CKM_AES_GCM : parts_.sm4_gcm;
}

std::shared_ptr<TokenCipher::Salted> TokenCipher::NewSalted(ByteView head,
                                                            ByteView salt) const {
  return std::make_shared<Salted>(parts_.token, derive_, head, salt);
}

Result<std::shared_ptr<TokenCipher::Salted>> TokenCipher::TakeSealing(ByteView head) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(sealing_, [&](const auto& salted) {
      return std::ranges::equal(salted->head, head);
    });
    if (found != sealing_.end()) {
      auto taken = std::move(*found);
      sealing_.erase(found);
      if (taken->used < kMessagesPerSalt) return taken;
    }
  }
  KMS_TRY(const SecretBytes salt, parts_.random.Random(kSaltSize));
  return NewSalted(head, salt.Reveal());
}

void TokenCipher::GiveSealing(std::shared_ptr<Salted> salted) {
  const std::lock_guard lock(mutex_);
  if (sealing_.size() < kIdleSealing) sealing_.push_back(std::move(salted));
}

std::shared_ptr<TokenCipher::Salted> TokenCipher::FindOpening(ByteView head,
                                                              ByteView salt) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(opening_, [&](const auto& salted) {
    return std::ranges::equal(salted->salt, salt) &&
           std::ranges::equal(salted->head, head);
  });
  if (found != opening_.end()) {
    opening_.splice(opening_.begin(), opening_, found);
  } else {
    opening_.push_front(NewSalted(head, salt));
    if (opening_.size() > kRecentSalts) opening_.pop_back();
  }
  return opening_.front();
}

Result<Bytes> TokenCipher::Seal(ByteView head, ByteView context, ByteView plaintext) {
  Bytes sealed(head.begin(), head.end());
  sealed.push_back(kFormat);
  GcmNonce nonce{};
  std::shared_ptr<Salted> salted;
  std::shared_ptr<TokenKey> key = encrypt_;
  if (derives()) {
    KMS_TRY(salted, TakeSealing(head));
    key = salted->key;
    for (std::size_t i = 0; i < 8; ++i)
      nonce[kNonceSize - 1 - i] = static_cast<std::uint8_t>(salted->used >> (8 * i));
    ++salted->used;
    sealed.push_back(kDerivedSuite);
    sealed.insert(sealed.end(), salted->salt.begin(), salted->salt.end());
  } else {
    KMS_CHECK_OK(parts_.budget->Take());
    KMS_TRY(const SecretBytes random, parts_.random.Random(kNonceSize));
    std::ranges::copy(random.Reveal(), nonce.begin());
    sealed.push_back(direct_suite());
  }
  sealed.insert(sealed.end(), nonce.begin(), nonce.end());

  KMS_TRY(
      const Bytes text,
      parts_.token.Call([key, nonce, gcm = gcm(), associated = Associated(head, context),
                         plaintext = SecretBytes::CopyOf(plaintext)](
                            Access& access) mutable -> Result<Bytes> {
        KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
        CK_GCM_PARAMS parameters = GcmParameters(nonce, associated);
        return access.session().Encrypt({gcm, &parameters, sizeof parameters}, handle,
                                        plaintext.Reveal(),
                                        plaintext.size() + kGcmTagSize);
      }));
  if (salted != nullptr) GiveSealing(std::move(salted));
  sealed.insert(sealed.end(), text.begin(), text.end());
  return sealed;
}

Result<SecretBytes> TokenCipher::Open(ByteView head, ByteView context, ByteView body) {
  if (body.size() < 2 || body[0] != kFormat) return BadCiphertext();
  const std::uint8_t suite = body[1];
  body = body.subspan(2);
  std::shared_ptr<TokenKey> key;
  if (suite == kDerivedSuite && derives()) {
    if (body.size() < kSaltSize) return BadCiphertext();
    key = FindOpening(head, body.first(kSaltSize))->key;
    body = body.subspan(kSaltSize);
  } else if (suite == direct_suite() && parts_.only != CipherUse::kDerive) {
    key = encrypt_;
  } else {
    return BadCiphertext();
  }
  if (body.size() < kNonceSize + kGcmTagSize) return BadCiphertext();
  GcmNonce nonce{};
  std::ranges::copy(body.first(kNonceSize), nonce.begin());
  const ByteView text = body.subspan(kNonceSize);
  return parts_.token.Call([key, nonce, gcm = gcm(), control = parts_.control,
                            associated = Associated(head, context),
                            text = Bytes(text.begin(), text.end())](
                               Access& access) mutable -> Result<SecretBytes> {
    KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
    CK_GCM_PARAMS parameters = GcmParameters(nonce, associated);
    if (text.size() == kGcmTagSize) {
      // Tokens differ in what they make of an empty result.
      auto opened = access.session().Decrypt({gcm, &parameters, sizeof parameters},
                                             handle, text, 0);
      if (opened) return opened->empty() ? std::move(opened) : BadCiphertext();
      return OrInput(access, handle, control, std::move(opened), BadCiphertext());
    }
    auto opened = access.session().Decrypt({gcm, &parameters, sizeof parameters}, handle,
                                           text, text.size() - kGcmTagSize);
    return OrInput(access, handle, control, std::move(opened), BadCiphertext());
  });
}

Result<Digest32> TokenCipher::Mac(ByteView data) {
  KMS_TRY(
      const SecretBytes key,
      parts_.token.Call([key = mac_, gcm = gcm()](Access& access) -> Result<SecretBytes> {
        KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
        GcmNonce nonce = kMacNonce;
        Bytes associated(kMacLabel.begin(), kMacLabel.end());
        CK_GCM_PARAMS parameters = GcmParameters(nonce, associated);
        const Bytes zeros(kAesSize);
        KMS_TRY(Bytes stream,
                access.session().Encrypt({gcm, &parameters, sizeof parameters}, handle,
                                         zeros, kAesSize + kGcmTagSize));
        SecretBytes made = SecretBytes::CopyOf(ByteView(stream).first(kAesSize));
        Wipe(stream);
        return made;
      }));
  return Hmac(DigestAlgorithm::kSm3, key.Reveal(), data);
}

}  // namespace kms::pkcs11
