// RootKey: seals and opens everything secret that is stored: key material, SKs,
// import tokens (manual 8.2).
//
// What is sealed is bound to its place, so that sealed bytes moved to another
// account, object, version or purpose do not open there.
//
// Threads: a root key may be used from many threads at once.

#ifndef KMS_ROOT_KEY_H_
#define KMS_ROOT_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms {

// Where a sealed secret belongs.
struct Place {
  std::string_view account;
  std::string_view object;   // a key, an access key, a token
  std::string_view version;  // empty where an object has none
  std::string_view purpose;  // what the secret is: "material", "secret-key", ...
  // Which of several materials that a version has had, where that matters: a token that
  // cannot wrap keeps each as an object of this name. Empty: not told apart.
  std::string_view instance = {};
};

// EncodePlace is the place as associated data.
std::string EncodePlace(const Place& place);

class RootKey {
 public:
  RootKey(const RootKey&) = delete;
  RootKey& operator=(const RootKey&) = delete;
  virtual ~RootKey();

  // Seal encrypts `secret` for `place`; equal secrets give different results.
  // Fails: kUnavailable if the module that holds the root does not answer.
  virtual Result<Bytes> Seal(const Place& place, ByteView secret) const = 0;

  // Open returns what was sealed for exactly this place.
  // Fails: kCorrupt if it was not, or was changed; kUnavailable.
  virtual Result<SecretBytes> Open(const Place& place, ByteView sealed) const = 0;

 protected:
  RootKey() = default;
};

// The three parts of the software root key (manual 8.2), each a file of mode 0600,
// whose folders may lie apart: the root key encrypted to a public key, the private
// key for that encrypted under a symmetric key, and the symmetric key. A file name
// is the part's name and a generation: "root.1", "private.1", "wrap.1".
struct SoftwareRootKeyFolders {
  std::string root;
  std::string private_key;
  std::string wrapping_key;
};

// CreateSoftwareRootKey makes a new root key and its three files, durably; what an
// interrupted creation left behind it removes.
// Fails: kAlreadyExists if a root part is there already, or if other parts are there
// that no interrupted creation explains; kUnavailable.
Result<std::unique_ptr<RootKey>> CreateSoftwareRootKey(
    const SoftwareRootKeyFolders& folders);

// OpenSoftwareRootKey opens the newest complete generation.
// Fails: kNotFound if no root part is there; kCorrupt if one is, but no generation
// opens; kUnavailable; kDenied for a file that others may read.
Result<std::unique_ptr<RootKey>> OpenSoftwareRootKey(
    const SoftwareRootKeyFolders& folders);

// RewrapSoftwareRootKey wraps the same root key anew, under a fresh key pair and
// symmetric key: it writes the next generation, opens it again to verify, and only
// then removes the older ones. Interrupted anywhere, the root key still opens.
// Fails: as OpenSoftwareRootKey.
Result<void> RewrapSoftwareRootKey(const SoftwareRootKeyFolders& folders);

// NewEphemeralRootKey returns a root key that is nowhere stored. For tests and
// demos with a memory store.
std::unique_ptr<RootKey> NewEphemeralRootKey();

}  // namespace kms

#endif  // KMS_ROOT_KEY_H_
