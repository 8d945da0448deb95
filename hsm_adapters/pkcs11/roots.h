// Roots: the root keys in the token, and what is sealed under them.
//
// Each has an index, which everything under it names, and a record in the store:
//
//   "hsm-root" index -> {CKA_ID, the token, its sealing key wrapped under it}
//
// A root can wrap and unwrap. The sealing key, a second AES key made in the token, seals
// what is not a key of the token, and everything once more with its place. In a token
// that cannot wrap there is no root; the sealing key is the object that the record names.
//
// Threads: may be used from many threads at once.

#ifndef KMS_PKCS11_ROOTS_H_
#define KMS_PKCS11_ROOTS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hsm_adapters/pkcs11/token.h"
#include "hsm_adapters/pkcs11/token_cipher.h"
#include "keys/token_records.h"
#include "kms/clock.h"
#include "kms/key_store.h"
#include "kms/root_key.h"

namespace kms {

namespace pkcs11 {

// Whether the token can wrap keys, and with which mechanism.
bool CanWrap(const Token& token);
CK_MECHANISM WrapMechanism(const Token& token);

class Roots final : public RootKey {
 public:
  // Reads the records of `store`, which outlives this, as do the others.
  static Result<std::unique_ptr<Roots>> Read(KeyStore& store, const Clock& clock);
  ~Roots() override;

  // Examine finds every root in the token, and refuses one that may do more than it
  // should. Run with the token to oneself. Fails: kUnavailable.
  Result<void> Examine(Access& access);

  // Start is called once, with the opened token: it makes the first root if there is
  // none, or the next if the token has learnt to wrap or to derive, and removes what an
  // interrupted making has left. With a token that is open for use only it does none of
  // this. Fails: kUnavailable, also if the token has unlearnt it, or has no root and is
  // to get none.
  Result<void> Start(Token& token, CryptoBackend& random, Control control);

  // Add makes a root of the next index, and first removes what an earlier attempt has
  // left. Fails: kUnavailable.
  Result<void> Add();

  std::uint32_t newest() const;
  std::string id_of_newest() const;
  std::string serial_of_newest() const;  // of the token that has it

  // Handle returns the root of `index`. Fails: kCorrupt if there is none.
  Result<CK_OBJECT_HANDLE> Handle(Access& access, std::uint32_t index) const;

  // ObjectUse tells what a key's object in the token was made for, of which `sealed`
  // holds the name; it has opened.
  CipherUse ObjectUse(ByteView sealed) const;

  // As RootKey: under the newest.
  Result<Bytes> Seal(const Place& place, ByteView secret) const override;
  Result<SecretBytes> Open(const Place& place, ByteView sealed) const override;

 private:
  struct Root;

  Roots(KeyStore& store, const Clock& clock);
  Result<CK_OBJECT_HANDLE> Find(Access& access, const HsmRootRecord& record) const;
  std::shared_ptr<Root> Find(std::uint32_t index) const;
  Result<CK_OBJECT_HANDLE> HandleOf(Access& access, Root& root) const;
  std::shared_ptr<Root> NewRoot(HsmRootRecord record);
  Result<void> Put(const HsmRootRecord& record);
  Result<void> RemoveUnmade();

  KeyStore& store_;
  const Clock& clock_;
  Token* token_ = nullptr;
  CryptoBackend* random_ = nullptr;
  Control control_;
  std::mutex add_mutex_;               // one root is made at a time
  std::vector<HsmRootRecord> unmade_;  // under it: begun, and not there
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Root>> roots_;  // by index, from 1
};

// How records and heads write the index of a root.
std::array<std::uint8_t, 4> BigEndian(std::uint32_t index);
std::uint32_t FromBigEndian(ByteView bytes);

// RemoveObjects destroys the token objects of that CKA_ID. Fails: kUnavailable.
Result<void> RemoveObjects(Access& access, std::string_view id);

// SyncFolder makes what a token has written to its folder durable. Fails: kUnavailable.
Result<void> SyncFolder(const std::string& folder);

}  // namespace pkcs11
}  // namespace kms

#endif  // KMS_PKCS11_ROOTS_H_
