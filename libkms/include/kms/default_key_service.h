// DefaultKeyService: the keys under which a cloud product encrypts what its users gave
// no key for (manual 4.7.1).
//
// An account has one in each region for each product that has asked: an AES_256 key of
// software level, in the project "default", with the alias `alias_<product>`, for which
// `alias/<product>` is another spelling. It is for encrypt, decrypt and data keys alone
// (kms/compute_service.h). Nobody can change it, and it does not rotate: what is tried
// fails with kKeyNotAvailable, or with kDefaultKeyAlias if it is about aliases.
//
// Threads: may be called from many threads at once.
// Durability: a key that was returned survives a crash right after.

#ifndef KMS_DEFAULT_KEY_SERVICE_H_
#define KMS_DEFAULT_KEY_SERVICE_H_

#include <memory>
#include <string>
#include <string_view>

#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

class DefaultKeyService {
 public:
  // The product of a call that names none.
  static constexpr std::string_view kNoProduct = "default";

  explicit DefaultKeyService(std::shared_ptr<Domain> domain);

  // Of returns the id of the default key of `product`, of 1 to 32 lower-case letters,
  // digits, "_" and "-", for a principal who may do `action` on it. The first call makes
  // the key; however many come at once, there is one.
  // Fails: kBadParameter (product); kKeyNotFound if the principal may not, and nothing
  // was made; kQuotaUsedUp (Limits::default_keys); kDefaultKeyCreationFailed, also if a
  // user's key has one of its aliases.
  Result<std::string> Of(const RequestContext& context, std::string_view product,
                         std::string_view action);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_DEFAULT_KEY_SERVICE_H_
