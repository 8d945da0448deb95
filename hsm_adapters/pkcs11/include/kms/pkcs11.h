// Pkcs11Hsm: keys of HSM level, behind any Cryptoki 2.40 module (PKCS#11).
//
// The token holds one AES-256 root key for each index; it can wrap and unwrap, and
// nothing else. Keys of the specs AES_256 and RSA_2048 are made in the token, leave it
// only wrapped under the root, and are unwrapped there into session objects when they
// are used. SM2 and SM4, which few tokens know, are sealed under the root and computed
// in this process; docs/hsm.md says what that means.
//
// A token that goes away and comes back needs no restart: until it is back, what needs
// it fails with Reason::kHsmUnavailable at once, and Check says why.
//
// Threads: everything may be used from many threads at once. Calls into the module run
// on threads of the adapter, so that a module that hangs holds up nobody for longer than
// `call_timeout_millis`, but those who ask for it (DirectCalls). The process must not
// fork after Open. One process owns a token; others may use it (Pkcs11Config::use_only).

#ifndef KMS_PKCS11_H_
#define KMS_PKCS11_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kms/secret_bytes.h"

namespace kms {

// SM2 and SM4 have no numbers in Cryptoki 2.40; vendors have their own. All three or all
// four of an algorithm, or none: then it is computed in this process.
struct Pkcs11VendorMechanisms {
  unsigned long sm4_key_type = 0;
  unsigned long sm4_key_gen = 0;
  unsigned long sm4_gcm = 0;  // takes CK_GCM_PARAMS

  unsigned long sm2_key_type = 0;
  unsigned long sm2_key_pair_gen = 0;  // CKA_EC_POINT: an OCTET STRING of 04 x y
  unsigned long sm2_sign = 0;          // the finished e in, r and s out, 64 bytes
  unsigned long sm2_decrypt = 0;       // 04 C1 C3 C2 in
};

struct Pkcs11Config {
  std::string module;  // the path of the shared library
  std::string token;   // the label of the token
  std::string serial;  // its serial number; empty: that of the root key of the store, or
                       // any with that label where there is none yet
  SecretBytes pin;     // of the normal user
  int sessions = 2;    // calls into the token at once, 1 to 64
  int call_timeout_millis = 10'000;   // how long anybody waits for a call
  int probe_interval_millis = 1'000;  // how often the token is looked at
  std::string sync_folder;            // synced after a token object was made; empty: none
  Pkcs11VendorMechanisms vendor;
  bool copy_token_objects = true;  // to session objects, where the token allows it

  // To use what is there, and nothing else, also beside the process that owns the token:
  // all sessions are read-only, so that the token itself refuses to have an object of it
  // made, changed or removed. A root key that is missing is an error, not made. What
  // needs more than that fails: AddRoot, the destruction of an object, and in a token
  // that cannot wrap the making of keys. The store is written only to count nonces. It
  // may be a copy for trying keys, not for work: the owner does not learn what is sealed
  // over it, and counts on with the nonces that are left (docs/hsm.md).
  bool use_only = false;
};

// DirectCalls: while one lives, its thread goes into modules itself, instead of handing
// its calls to a thread of the adapter and waiting, which takes longer than a small
// message takes a token in the same machine. The price: a call that hangs holds the
// thread until the module comes back. So only for threads whose absence somebody notices
// and answers for.
//
// Made and destroyed on one thread.
class DirectCalls {
 public:
  DirectCalls();
  ~DirectCalls();
  DirectCalls(const DirectCalls&) = delete;
  DirectCalls& operator=(const DirectCalls&) = delete;

  // Whether one lives on this thread.
  static bool Made();
};

// What is known of the token, for people.
struct Pkcs11Status {
  bool up = false;
  std::string reason;  // why it is not up
  std::string token, serial, manufacturer, model, firmware;
  std::string root_id;         // CKA_ID of the newest root key, which is text
  std::uint32_t root = 0;      // its index
  bool wraps = false;          // false: keys live as objects in the token
  bool derives = false;        // false: random nonces, counted
  std::uint64_t calls = 0;     // into the token
  std::uint64_t failures = 0;  // that were the token's fault
  std::uint64_t reconnects = 0;
  std::size_t hanging = 0;  // calls that have not come back in time
};

// How many small AES messages and RSA signatures a second so many sessions make.
struct Pkcs11Speed {
  int sessions = 0;
  double aes_per_second = 0;
  double rsa_per_second = 0;
};

class Pkcs11Hsm {
 public:
  // Open logs in, checks that the token can do what is needed, and opens the root keys
  // that `store` names; with none, it makes the first, durably, unless the token is
  // opened for use only. The PIN is used again when the token has gone and come back.
  // `store` and `clock` outlive the object. Fails: kUnavailable with
  // Reason::kHsmUnavailable, whose detail says what is missing and how to mend it:
  // module, token, PIN, mechanisms, or the root key of the store; kCorrupt if all that is
  // there, but what the store holds of the root key does not fit it.
  static Result<std::unique_ptr<Pkcs11Hsm>> Open(Pkcs11Config config, KeyStore& store,
                                                 const Clock& clock);

  // The destructor is Close, and waits as long as calls are under way.
  ~Pkcs11Hsm();
  Pkcs11Hsm(const Pkcs11Hsm&) = delete;
  Pkcs11Hsm& operator=(const Pkcs11Hsm&) = delete;

  // Both live as long as this object. Everything that they loaded goes before it.
  CryptoBackend& backend();
  const RootKey& root() const;

  // AddRoot makes a root key of the next index. New keys are under it; the old ones
  // stay under theirs. Fails: kUnavailable.
  Result<void> AddRoot();

  Pkcs11Status Status() const;

  // Measure tries 1, 2, 4, … and `most` callers at once, each for `millis` and both kinds
  // of work; more than there are sessions wait for one another.
  // Fails: kUnavailable.
  Result<std::vector<Pkcs11Speed>> Measure(int most, int millis);

  // Close takes no more calls, waits for those under way, and finalizes the module, which
  // ends the login. False if a call hangs: then the module is left as it is, and the
  // process must end by _exit, because modules crash in exit handlers otherwise.
  bool Close();

 private:
  class Impl;
  explicit Pkcs11Hsm(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

// SoftHSM, the token in software (SoftHSMv2). What a data directory needs to have one of
// its own.
struct SoftHsmFolder {
  std::string folder;  // where everything of it lives, mode 0700
  std::string module;  // empty: where distributions put it
};

// PrepareSoftHsm makes, where they are missing, a configuration of its own, random PINs
// of 128 bits in files of mode 0600, and an initialised token; finishes what an
// interrupted call has begun; and returns how to open the token. `may_make` is false when
// a store depends on a token that was there: then a missing one is refused, not replaced.
// It sets SOFTHSM2_CONF in the environment, so call it, or SetSoftHsmVariable, before
// threads start.
// Fails: kNotFound if the module is not installed; kCorrupt if a token was there and is
// lost; kUnavailable.
Result<Pkcs11Config> PrepareSoftHsm(const SoftHsmFolder& folder, bool may_make);

// SetSoftHsmVariable sets SOFTHSM2_CONF to what it will be, so that PrepareSoftHsm does
// not change the environment of a process that has threads by then.
// Fails: kUnavailable.
Result<void> SetSoftHsmVariable(const SoftHsmFolder& folder);

// CopySoftHsm copies the token in `from` to the folder `to`, which is there and empty,
// and returns how to open the copy. Nothing of `from` changes, and who uses it goes on;
// its PIN is not written anywhere. Sets SOFTHSM2_CONF, as PrepareSoftHsm does.
// Fails: kNotFound if the module is not installed, or there is no token; kUnavailable,
// also where the token was being changed: try again.
Result<Pkcs11Config> CopySoftHsm(const SoftHsmFolder& from, const std::string& to);

// HasHsmRoot tells whether `store` names a root key in a token. Fails: kUnavailable.
Result<bool> HasHsmRoot(const KeyStore& store);

}  // namespace kms

#endif  // KMS_PKCS11_H_
