#include "hsm_adapters/pkcs11/self_test.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <string>
#include <utility>

#include "crypto/self_test_vectors.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/roots.h"
#include "hsm_adapters/pkcs11/rsa.h"
#include "hsm_adapters/pkcs11/rsa_key.h"
#include "hsm_adapters/pkcs11/token_cipher.h"
#include "kms/digest.h"

namespace kms::pkcs11 {
namespace {

namespace vectors = internal::self_test;

Bytes Hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  std::size_t size = 0;
  if (OPENSSL_hexstr2buf_ex(bytes.data(), bytes.size(), &size, std::string(text).c_str(),
                            '\0') != 1 ||
      size != bytes.size())
    return {};
  return bytes;
}

Error Wrong(std::string_view algorithm) {
  return Error(Reason::kInternal,
               "known answer test of the token failed: " + std::string(algorithm));
}

Result<KeyObject> PutSecretKey(Access& access, CK_KEY_TYPE type, ByteView value,
                               bool wraps, bool extractable, CipherUse use) {
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, false)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  if (wraps) {
    key.Flag(CKA_WRAP, true);
  } else if (type == CKK_AES) {
    AddUse(use, &key);
  }
  key.Secret(CKA_VALUE, value);
  KMS_TRY(const CK_OBJECT_HANDLE made, access.Keep()->Create(std::move(key)));
  return KeyObject{made};
}

// How a token says that its policy lets no keys in.
bool IsPolicy(CK_RV code) {
  return code == CKR_ACTION_PROHIBITED || code == CKR_ATTRIBUTE_READ_ONLY ||
         code == CKR_ATTRIBUTE_TYPE_INVALID || code == CKR_ATTRIBUTE_VALUE_INVALID ||
         code == CKR_FUNCTION_NOT_SUPPORTED || code == CKR_FUNCTION_REJECTED ||
         code == CKR_TEMPLATE_INCONSISTENT || code == CKR_TOKEN_WRITE_PROTECTED;
}

Result<bool> TakesKeys(Token& token) {
  return token.Call([](Access& access) -> Result<bool> {
    const Bytes value(32, 1);
    const auto key =
        PutSecretKey(access, CKK_AES, value, false, false, CipherUse::kEncrypt);
    if (!key) {
      if (!IsPolicy(access.fault())) return key.error();
      access.Settle();
      return false;
    }
    const ScopedObject destroyed(access, key->handle);
    return true;
  });
}

Result<Bytes> EncryptKnown(Access& access, CK_OBJECT_HANDLE key) {
  GcmNonce nonce{};
  Bytes associated = {'t', 'o', 'k', 'e', 'n'};
  CK_GCM_PARAMS parameters = GcmParameters(nonce, associated);
  return access.session().Encrypt({CKM_AES_GCM, &parameters, sizeof parameters}, key,
                                  AsBytes(vectors::kMessage),
                                  vectors::kMessage.size() + kGcmTagSize);
}

// openssl(1) derived the key, and another implementation of GCM sealed with it.
Result<void> TestAes(Token& token) {
  const CipherUse use = CanDerive(token) ? CipherUse::kDerive : CipherUse::kEncrypt;
  KMS_TRY(const Bytes sealed, token.Call([use](Access& access) -> Result<Bytes> {
    const Bytes base =
        Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    KMS_TRY(const KeyObject made, PutSecretKey(access, CKK_AES, base, false, false, use));
    const ScopedObject key(access, made.handle);
    if (use == CipherUse::kEncrypt) return EncryptKnown(access, key.handle());
    Digest32 from{};
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i);
    KMS_TRY(const KeyObject derived, DeriveMessageKey(access, key.handle(), from));
    const ScopedObject message_key(access, derived.handle);
    return EncryptKnown(access, message_key.handle());
  }));
  const std::string_view expected =
      use == CipherUse::kDerive
          ? "2801fc32d88cb4dc7ca775222776e29d7d34638b41df7ba75e9ba9097574dbad"
          : "a3799fb4969b184474451f104d3938f299e05b33aa01667e596c7a1bb70eccb8";
  if (sealed != Hex(expected))
    return Wrong(use == CipherUse::kDerive ? "AES key derivation and GCM" : "AES GCM");
  return {};
}

// Another implementation of RFC 5649 made the answer.
Result<void> TestWrap(Token& token) {
  if (!CanWrap(token)) return {};
  KMS_TRY(const Bytes wrapped, token.Call([mechanism = WrapMechanism(token)](
                                              Access& access) -> Result<Bytes> {
    KMS_TRY(const KeyObject wrapping,
            PutSecretKey(
                access, CKK_AES,
                Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
                true, false, CipherUse::kEncrypt));
    const ScopedObject wrapping_key(access, wrapping.handle);
    KMS_TRY(const KeyObject secret,
            PutSecretKey(
                access, CKK_AES,
                Hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
                false, true, CipherUse::kEncrypt));
    const ScopedObject key(access, secret.handle);
    return access.Keep()->Wrap(mechanism, wrapping_key.handle(), key.handle());
  }));
  if (wrapped != Hex("429b3228fdb21a607141cf5c86b704b0a267c38f1ee558ed53b00daa2eceff822ad"
                     "4b216ba840afb"))
    return Wrong("AES key wrap with padding");
  return {};
}

Result<void> TestRsa(Token& token, CryptoBackend& software, const Control& control) {
  KMS_TRY(RsaNumbers read, ReadRsaNumbers(Hex(vectors::kRsaTestKey)));
  const auto numbers = std::make_shared<const RsaNumbers>(std::move(read));
  TokenRsaKey key(
      token,
      [numbers](Access& access) -> Result<KeyObject> {
        Template made;
        made.Number(CKA_CLASS, CKO_PRIVATE_KEY)
            .Number(CKA_KEY_TYPE, CKK_RSA)
            .Flag(CKA_TOKEN, false)
            .Flag(CKA_PRIVATE, true)
            .Flag(CKA_SENSITIVE, true)
            .Flag(CKA_EXTRACTABLE, false)
            .Flag(CKA_SIGN, true)
            .Flag(CKA_DECRYPT, true);
        numbers->AddTo(&made);
        KMS_TRY(const CK_OBJECT_HANDLE handle, access.Keep()->Create(std::move(made)));
        return KeyObject{handle};
      },
      control);
  KMS_CHECK_OK(key.ReadModulus());
  const Digest32 digest = Digest(DigestAlgorithm::kSha256, AsBytes(vectors::kMessage));
  KMS_TRY(const Bytes pkcs1, key.Sign(SignatureAlgorithm::kRsaPkcs1Sha256, digest));
  if (pkcs1 != Hex(vectors::kRsaPkcs1Signature))
    return Wrong("RSA PKCS#1 v1.5 signature");
  KMS_TRY(const Bytes pss, key.Sign(SignatureAlgorithm::kRsaPssSha256, digest));
  KMS_TRY(const auto open, software.LoadPublic(Hex(vectors::kRsaTestPublicKey)));
  KMS_TRY(const bool verified,
          open->Verify(SignatureAlgorithm::kRsaPssSha256, digest, pss));
  if (!verified) return Wrong("RSA PSS signature");
  struct Case {
    EncryptionAlgorithm algorithm;
    std::string_view ciphertext;
    const char* name;
  };
  for (const Case& test :
       {Case{EncryptionAlgorithm::kRsaOaepSha256, vectors::kRsaOaepSha256Ciphertext,
             "RSA OAEP-SHA-256 decryption"},
        Case{EncryptionAlgorithm::kRsaOaepSha1, vectors::kRsaOaepSha1Ciphertext,
             "RSA OAEP-SHA-1 decryption"},
        Case{EncryptionAlgorithm::kRsaPkcs1, vectors::kRsaPkcs1Ciphertext,
             "RSA PKCS#1 v1.5 decryption"}}) {
    const auto opened = key.Decrypt(test.algorithm, Hex(test.ciphertext));
    if (!opened && opened.error().reason() == Reason::kAlgorithmNotSupported) continue;
    if (!opened && opened.error().error_class() == ErrorClass::kUnavailable)
      return opened.error();
    if (!opened || AsText(opened->Reveal()) != vectors::kMessage) return Wrong(test.name);
  }
  return {};
}

}  // namespace

Result<void> RunTokenSelfTest(Token& token, CryptoBackend& software,
                              const Control& control) {
  KMS_TRY(const bool takes_keys, TakesKeys(token));
  // Its sealing was tried when its root was opened, and its pairs are when they are made.
  if (!takes_keys) return {};
  KMS_CHECK_OK(TestAes(token));
  KMS_CHECK_OK(TestWrap(token));
  return TestRsa(token, software, control);
}

}  // namespace kms::pkcs11
