// TokenCipher: seals messages under an AES key in the token.
//
// The body of a message, after its head:
//
//   suite 3, where the token derives:  01 03 salt (16) nonce (12) ciphertext tag (16)
//   suite 4, where it does not:        01 04 nonce (12) ciphertext tag (16)
//   suite 5, SM4 by a vendor's token:  01 05 nonce (12) ciphertext tag (16)
//
// Suite 3: the message key is derived in the token from the key, the salt and the head
// (CKM_AES_CBC_ENCRYPT_DATA over a digest of them, zero IV); a salt is drawn at random
// and serves 2^20 messages, whose nonces count from zero. Suites 4 and 5: the key itself,
// and random nonces, of which NonceBudget allows 2^32. Associated data are the
// head and the context, each behind its length, as in suites 1 and 2.
//
// The key of HMACs is the key stream of GCM under a nonce of its own: of the key itself;
// or, if its object in the token may do nothing but derive, of a key derived from it for
// this. Which of the two depends on nothing that the token may learn or unlearn later, so
// that HMACs stay what they are.
//
// Threads: may be used from many threads at once.

#ifndef KMS_PKCS11_TOKEN_CIPHER_H_
#define KMS_PKCS11_TOKEN_CIPHER_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "hsm_adapters/pkcs11/nonce_budget.h"
#include "hsm_adapters/pkcs11/token.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/bytes.h"
#include "kms/crypto_backend.h"
#include "kms/digest.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::pkcs11 {

// What the key object of a cipher may do, as one key never does both.
enum class CipherUse : std::uint8_t { kDerive, kEncrypt };

// What the token must offer for each.
bool CanDerive(const Token& token);
bool CanEncrypt(const Token& token);

// The attributes of an AES key for `use`, for a template that makes it.
void AddUse(CipherUse use, Template* key);

// DeriveMessageKey makes the message key that `from`, a digest, stands for.
Result<KeyObject> DeriveMessageKey(Access& access, CK_OBJECT_HANDLE base, Digest32 from);

class TokenCipher {
 public:
  // `key` makes the key's object for a use.
  using MakeKey = std::function<Result<KeyObject>(Access&, CipherUse)>;
  struct Parts {
    Token& token;
    CryptoBackend& random;
    std::unique_ptr<NonceBudget> budget;  // for suite 4
    MakeKey key;
    std::optional<CipherUse> only;  // what the object was made for; none: any use
    Control control;
    // A key of SM4: the vendor's mechanism, always used as in suite 4, but of suite 5.
    CK_MECHANISM_TYPE sm4_gcm = 0;
  };
  explicit TokenCipher(Parts parts);
  ~TokenCipher();
  TokenCipher(const TokenCipher&) = delete;
  TokenCipher& operator=(const TokenCipher&) = delete;

  // Seal returns `head` followed by the body. Fails: kUnavailable; kExhausted.
  Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext);

  // Open fails with Reason::kBadCiphertext for every way to be wrong; kUnavailable.
  Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body);

  // Mac returns HMAC-SM3 of `data`, which no token of today computes: by this process,
  // under a key that it asks the token for each time. Fails: kUnavailable.
  Result<Digest32> Mac(ByteView data);

 private:
  struct Salted;

  std::shared_ptr<TokenKey> KeyFor(CipherUse use) const;
  std::shared_ptr<TokenKey> MacKey() const;
  bool derives() const;
  std::uint8_t direct_suite() const;
  CK_MECHANISM_TYPE gcm() const;
  std::shared_ptr<Salted> NewSalted(ByteView head, ByteView salt) const;
  Result<std::shared_ptr<Salted>> TakeSealing(ByteView head);
  void GiveSealing(std::shared_ptr<Salted> salted);
  std::shared_ptr<Salted> FindOpening(ByteView head, ByteView salt);

  const Parts parts_;
  const std::shared_ptr<TokenKey> derive_;
  const std::shared_ptr<TokenKey> encrypt_;
  const std::shared_ptr<TokenKey> mac_;  // whose key stream is the key of Mac
  std::mutex mutex_;
  std::vector<std::shared_ptr<Salted>> sealing_;
  std::list<std::shared_ptr<Salted>> opening_;  // the latest used first
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_TOKEN_CIPHER_H_
