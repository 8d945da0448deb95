// Identity: accounts, their root users, and who stands behind an access key, of an access
// point too (kms/access_point_service.h). The other users of an account are the account's
// own business (kms/iam_service.h).
//
// SKs are sealed under the root key; they leave this class only when they are made,
// and to check a signature.
//
// Every change leaves an audit event in its own transaction.
//
// Threads: may be used from many threads at once.

#ifndef KMS_IDENTITY_H_
#define KMS_IDENTITY_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kms/secret_bytes.h"

namespace kms {

struct AccessKey {
  Principal principal;
  bool enabled = true;
  SecretBytes secret;
  std::string region{};  // of its access point; empty: a user's, for all regions
};

struct NewAccessKey {
  Principal principal;
  SecretBytes secret;  // 32 characters; shown once
};

struct AccountDescription {
  std::string id;
  std::string root_user;
  std::string name;        // may be empty
  UnixMillis created = 0;  // 0: by a release that did not note it
};

class Identity {
 public:
  // All four outlive the identity; `random` makes ids and secrets.
  Identity(KeyStore& store, const RootKey& root, CryptoBackend& random,
           const Clock& clock);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  // Find returns the access key, as of now; it is cached by its revision.
  // Fails: kNotFound with Reason::kAccessKeyNotFound; kCorrupt; kUnavailable.
  Result<std::shared_ptr<const AccessKey>> Find(std::string_view access_key) const;

  // HasAccounts tells a store that was never set up.
  Result<bool> HasAccounts() const;

  // Takes a new access key into safe keeping before it begins to count, so that no
  // crash leaves a key whose secret nobody has.
  using HandOver = std::function<Result<void>(const NewAccessKey&)>;

  // ListAccounts returns all of them, oldest first.
  Result<std::vector<AccountDescription>> ListAccounts() const;

  // CreateAccount makes an account with its root user and a first access key.
  // Fails: what `hand_over` returns; kUnavailable.
  Result<void> CreateAccount(const HandOver& hand_over, std::string_view name = {});

  // RotateRootAccessKey gives the root user of an account (empty: of the only one) a new
  // access key in place of all that it has.
  // Fails: kNotFound; what `hand_over` returns; kUnavailable.
  Result<void> RotateRootAccessKey(const HandOver& hand_over,
                                   std::string_view account = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms

#endif  // KMS_IDENTITY_H_
