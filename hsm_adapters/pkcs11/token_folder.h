// TokenFolder: the files of a SoftHSM token of our own: its configuration, its PINs, and
// SoftHSM's own files below tokens/.
//
// What is written here is complete and durable before it has its name. SoftHSM syncs
// nothing, which Sync does for it.
//
// Threads: one at a time. Several processes must be kept apart by the caller.

#ifndef KMS_PKCS11_TOKEN_FOLDER_H_
#define KMS_PKCS11_TOKEN_FOLDER_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::pkcs11 {

class TokenFolder {
 public:
  inline static constexpr std::string_view kPin = "pin";
  inline static constexpr std::string_view kOfficerPin = "so-pin";

  // `after_step` is called after each change to a file or folder, for tests.
  TokenFolder(const std::string& folder, std::function<void()> after_step);

  const std::string& path() const { return path_; }  // absolute
  std::string tokens() const { return path_ + "/tokens"; }
  std::string copies() const { return path_ + "/token-copies"; }
  std::string configuration() const { return path_ + "/softhsm2.conf"; }

  // All fail with kUnavailable, and a text that says what to mend.

  // Make makes the folder, where it is missing. MakeTokens makes tokens/.
  Result<void> Make() const;
  Result<void> MakeTokens() const;
  // HasTokens: whether there is anything below tokens/.
  Result<bool> HasTokens() const;

  // WriteConfiguration writes SoftHSM's configuration, if what is there differs: the
  // folder may have been moved.
  Result<void> WriteConfiguration() const;

  // ReadPin returns nothing if there is no such PIN, or no complete one. MakePin makes a
  // random one of 128 bits, in the place of what is there.
  Result<std::optional<SecretBytes>> ReadPin(std::string_view name) const;
  Result<SecretBytes> MakePin(std::string_view name) const;

  // RemoveEmptyObjects removes what an end of the process amid the creation of an object
  // leaves: SoftHSM lists objects without content.
  Result<void> RemoveEmptyObjects() const;

  // Sync makes durable all that is below tokens/.
  Result<void> Sync() const;

  // KeepCopies keeps a copy of what SoftHSM writes in place at every login, and loses if
  // the process ends just then: the file without which it does not know its token.
  // RestoreCopies puts it back, and tells whether that changed anything.
  Result<void> KeepCopies() const;
  Result<bool> RestoreCopies() const;

  // CopyTo copies what is below tokens/ to `copy`, whose folder is there, leaving out
  // what RemoveEmptyObjects removes and taking the kept copies where there are some.
  Result<void> CopyTo(const TokenFolder& copy) const;

  // SetAside renames tokens/ to tokens.unusable-<n>, and makes a new one.
  Result<void> SetAside() const;

 private:
  std::string PathOf(std::string_view name) const;
  Result<void> Write(const std::string& path, ByteView content) const;
  Result<void> MakeFolder(const std::string& path) const;

  const std::string path_;
  const std::function<void()> after_step_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_TOKEN_FOLDER_H_
