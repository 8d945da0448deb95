// How the software root key is made, with its costly and its dangerous moments open
// to tests. Everybody else: kms/root_key.h.

#ifndef KMS_ROOT_SOFTWARE_ROOT_KEY_H_
#define KMS_ROOT_SOFTWARE_ROOT_KEY_H_

#include <botan/rsa.h>

#include <functional>
#include <memory>

#include "kms/result.h"
#include "kms/root_key.h"

namespace kms::internal {

struct RootKeyMaking {
  // Returns a new RSA key pair of 3072 bits. May throw what Botan throws.
  std::function<Botan::RSA_PrivateKey()> new_pair;
  // Called after each change to a file or folder.
  std::function<void()> after_step;
};

Result<std::unique_ptr<RootKey>> CreateSoftwareRootKey(
    const SoftwareRootKeyFolders& folders, const RootKeyMaking& making);
Result<void> RewrapSoftwareRootKey(const SoftwareRootKeyFolders& folders,
                                   const RootKeyMaking& making);

}  // namespace kms::internal

#endif  // KMS_ROOT_SOFTWARE_ROOT_KEY_H_
