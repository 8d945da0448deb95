// SignedMembers: the top-level members of a JSON body, as the signature of access points
// takes them.
//
// It reads every well-formed object as a JSON parser does, and need not refuse all that
// a parser refuses: what was signed goes through the server's own strict parser next.
//
// Threads: as a vector.

#ifndef KMS_SIGNER_SIGNED_MEMBERS_H_
#define KMS_SIGNER_SIGNED_MEMBERS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/secret_bytes.h"

namespace kms {

struct SignedMember {
  std::string_view name;
  // Of a text its characters; of a number, true and false what is written; of null
  // nothing; of an array or an object its JSON text without blanks between tokens.
  std::string_view value;
};

class SignedMembers {
 public:
  // Read reads `body`, which outlives the members; an empty one has none. None if it is
  // no object, or has more than 256 members at its top.
  static std::optional<SignedMembers> Read(ByteView body);

  // In the order of the body.
  const std::vector<SignedMember>& members() const { return members_; }

 private:
  SecretBytes unescaped_;  // values that do not stand in the body as they are
  std::vector<SignedMember> members_;
};

}  // namespace kms

#endif  // KMS_SIGNER_SIGNED_MEMBERS_H_
