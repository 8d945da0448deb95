// CryptoBackend: makes, wraps and uses the material of keys.
//
// Material is held by reference: whoever loads a key gets an object that
// computes, never bytes to ask for, so that a token can stand behind it. What a
// backend makes comes out wrapped, bound to its place, ready to be stored. A
// backend knows neither states nor permissions (kms/key_service.h does).
//
// Threads: a backend, and every key that it has loaded, may be used from many
// threads at once. A loaded key may outlive neither its backend nor its root key.

#ifndef KMS_CRYPTO_BACKEND_H_
#define KMS_CRYPTO_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "kms/bytes.h"
#include "kms/digest.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kms/secret_bytes.h"

namespace kms {

enum class KeySpec : std::uint8_t { kAes256, kSm4, kRsa2048, kSm2 };

constexpr bool IsSymmetric(KeySpec spec) {
  return spec == KeySpec::kAes256 || spec == KeySpec::kSm4;
}

// How long the material of a symmetric key is.
constexpr std::size_t KeyBytes(KeySpec spec) { return spec == KeySpec::kSm4 ? 16 : 32; }

// Over a digest that the caller made. RSA: SHA-256, PSS with MGF1-SHA-256 and a
// salt of 32 bytes. SM2: the finished e of GB/T 32918.2; signatures are DER.
enum class SignatureAlgorithm : std::uint8_t { kRsaPssSha256, kRsaPkcs1Sha256, kSm2 };

// OAEP has no label, and MGF1 over the same hash. SM2 ciphertext is DER in the
// order C1 C3 C2 (GM/T 0009); the unpadded-integer form and raw 04 C1 C3 C2 are
// understood as well.
enum class EncryptionAlgorithm : std::uint8_t {
  kRsaOaepSha256,
  kRsaOaepSha1,
  kRsaPkcs1,
  kSm2
};

bool Fits(SignatureAlgorithm algorithm, KeySpec spec);
bool Fits(EncryptionAlgorithm algorithm, KeySpec spec);

class SymmetricKey {
 public:
  SymmetricKey(const SymmetricKey&) = delete;
  SymmetricKey& operator=(const SymmetricKey&) = delete;
  virtual ~SymmetricKey();

  // Seal returns `head` followed by the sealed plaintext (docs/record_format.md).
  // The message key depends on `head`; `head` and `context` are authenticated.
  // Fails: kUnavailable, kExhausted.
  virtual Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext) = 0;

  // Open returns the plaintext of `body`, which is what Seal returned without the
  // head.
  // Fails: kAuthFailed with Reason::kBadCiphertext for every way to be wrong;
  // kUnavailable.
  virtual Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body) = 0;

  // Mac returns HMAC-SM3 of `data` under a key that is derived from the material for
  // this alone: the same as long as the material is (docs/record_format.md).
  // Fails: kUnavailable.
  virtual Result<Digest32> Mac(ByteView data) = 0;

  // About how much memory the loaded key takes, for the cache.
  virtual std::size_t footprint_bytes() const = 0;

  // Whether Seal, Open and Mac wait for a device, and so belong on a thread that may
  // wait.
  virtual bool waits() const;

 protected:
  SymmetricKey() = default;
};

class PrivateKey {
 public:
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  virtual ~PrivateKey();

  // Sign signs a digest of 32 bytes.
  // Fails: kInvalidArgument with Reason::kBadParameter for a digest of another
  // length; kUnsupported with Reason::kAlgorithmNotSupported; kUnavailable.
  virtual Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) = 0;

  // Decrypt fails with kAuthFailed and Reason::kBadCiphertext for every way to be
  // wrong; kUnsupported; kUnavailable.
  virtual Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                                      ByteView ciphertext) = 0;

  // DecryptKey decrypts a key of `size` bytes. After PKCS#1 v1.5 a wrong padding
  // and a wrong length are one failure, found with the same work as success.
  // Fails: as Decrypt; kInvalidArgument with Reason::kBadAesKeyLength for another
  // length after OAEP or SM2.
  virtual Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm,
                                         ByteView ciphertext, std::size_t size) = 0;

  virtual std::size_t footprint_bytes() const = 0;

  // Whether Sign and Decrypt wait for a device.
  virtual bool waits() const;

 protected:
  PrivateKey() = default;
};

class PublicKey {
 public:
  PublicKey(const PublicKey&) = delete;
  PublicKey& operator=(const PublicKey&) = delete;
  virtual ~PublicKey();

  // Verify tells whether `signature` is one of `digest`. A malformed signature is
  // false, not an error.
  // Fails: kInvalidArgument with Reason::kBadParameter for a digest of another
  // length than 32; kUnsupported with Reason::kAlgorithmNotSupported.
  virtual Result<bool> Verify(SignatureAlgorithm algorithm, ByteView digest,
                              ByteView signature) = 0;

  // Encrypt fails with kInvalidArgument and Reason::kTooLong if the algorithm cannot
  // take that much (RSA: 190, 214 or 245 bytes; SM2: 6144); kUnsupported.
  virtual Result<Bytes> Encrypt(EncryptionAlgorithm algorithm, ByteView plaintext) = 0;

  virtual KeySpec spec() const = 0;
  virtual std::size_t footprint_bytes() const = 0;

 protected:
  PublicKey() = default;
};

// Material as it is stored.
struct WrappedKey {
  Bytes sealed;      // opens only at its place
  Bytes public_key;  // DER SubjectPublicKeyInfo; empty for symmetric keys
  // For whoever asks where a key lives: the index of the HSM root key that it is under,
  // 0 for the software root key; and whether the material is an object in the token, to
  // which `sealed` only refers.
  std::uint32_t root = 0;
  bool in_token = false;
};

// The key pair that somebody encrypted material to, as Generate made it.
struct WrappingPair {
  Place place;
  ByteView sealed;
  EncryptionAlgorithm algorithm = EncryptionAlgorithm::kRsaOaepSha256;
};

// Imported material: wrapped, and HMAC-SHA-256 under the material over a label.
struct ImportedKey {
  WrappedKey key;
  Digest32 print;
};

class CryptoBackend {
 public:
  CryptoBackend(const CryptoBackend&) = delete;
  CryptoBackend& operator=(const CryptoBackend&) = delete;
  virtual ~CryptoBackend();

  // SelfTest runs a known-answer test of every algorithm.
  // Fails: kInternal, naming the algorithm in the detail.
  virtual Result<void> SelfTest() = 0;

  // Random returns `size` bytes of the system's randomness, or of the token's.
  // Fails: kUnavailable with Reason::kRandomFailed, or kHsmUnavailable.
  virtual Result<SecretBytes> Random(std::size_t size) = 0;

  // Generate makes new material; key pairs pass a pairwise test first.
  // Fails: kInternal with Reason::kKeyCreationFailed; kUnavailable.
  virtual Result<WrappedKey> Generate(KeySpec spec, const Place& place) = 0;

  // Import wraps the caller's material for a symmetric key.
  // Fails: kInvalidArgument with Reason::kBadAesKeyLength or kBadSm4KeyLength;
  // kUnsupported for asymmetric specs; kUnavailable.
  virtual Result<WrappedKey> Import(KeySpec spec, const Place& place,
                                    const SecretBytes& material) = 0;

  // ImportWrapped takes in material that came encrypted to `pair`, of a symmetric key for
  // `place`, and prints it with `label`. A backend with a token opens it there, if the
  // token can. After PKCS#1 v1.5 every way to be wrong is one failure, found with the
  // work of a success.
  // Fails: kAuthFailed with Reason::kBadCiphertext; kInvalidArgument with
  // Reason::kBadAesKeyLength for a wrong length after OAEP; kUnsupported; kUnavailable.
  virtual Result<ImportedKey> ImportWrapped(KeySpec spec, const Place& place,
                                            const WrappingPair& pair, ByteView wrapped,
                                            ByteView label);

  // ImportPair wraps the caller's key pair: a private key in the form that Generate seals
  // (PKCS#8 for RSA, the scalar for SM2), and its SubjectPublicKeyInfo. The pair passes
  // a pairwise test first.
  // Fails: kInvalidArgument with Reason::kBadParameter for what is no such pair;
  // kUnsupported; kUnavailable.
  virtual Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                        const SecretBytes& secret, ByteView public_key);

  // ExportPair returns the private key of stored material in that form. Whether it may
  // leave is for the caller to know; what is in a token never does.
  // Fails: kCorrupt with Reason::kKeyDecryptionFailed; kWrongState with
  // Reason::kPrivateKeyNotExportable.
  virtual Result<SecretBytes> ExportPair(KeySpec spec, const Place& place,
                                         ByteView sealed);

  // The three Load functions make stored material ready for use.
  // Fail: kCorrupt with Reason::kKeyDecryptionFailed; kUnsupported; kUnavailable.
  virtual Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec,
                                                              const Place& place,
                                                              ByteView sealed) = 0;
  virtual Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec,
                                                          const Place& place,
                                                          ByteView sealed) = 0;
  // LoadPublic reads a DER SubjectPublicKeyInfo, of ours or from outside: RSA of
  // 2048 bits, or a point on the SM2 curve by name.
  // Fails: kInvalidArgument with Reason::kBadRsaKeyLength.
  virtual Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) = 0;

  // Whether material may become an object in a token, which somebody must destroy when
  // its record goes (WrappedKey::in_token).
  virtual bool keeps_objects() const;

  // Destroy removes the token's object of that Place::instance; none there is success.
  // Fails: kUnavailable.
  virtual Result<void> Destroy(std::string_view instance);

  // Check tells whether the backend can serve now.
  // Fails: kUnavailable, with a detail that says why.
  virtual Result<void> Check();

 protected:
  CryptoBackend() = default;
};

// ImportThrough is ImportWrapped in this process, for a pair that another backend has
// made than the one that is to have the key.
Result<ImportedKey> ImportThrough(CryptoBackend& of_pair, CryptoBackend& of_key,
                                  KeySpec spec, const Place& place,
                                  const WrappingPair& pair, ByteView wrapped,
                                  ByteView label);

// Two backends that compute in this process, and read what the other has made:
// NewSoftwareBackend's does the private operations of RSA with OpenSSL, because it takes
// half as long, and all the rest with Botan; NewBotanBackend's does all with Botan.
// `root` outlives them.
std::unique_ptr<CryptoBackend> NewSoftwareBackend(const RootKey& root);
std::unique_ptr<CryptoBackend> NewBotanBackend(const RootKey& root);

}  // namespace kms

#endif  // KMS_CRYPTO_BACKEND_H_
