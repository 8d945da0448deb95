// What a module shows: its slots with the tokens in them, and what a token can do.
//
// Threads: as the module's functions, which these only call.

#ifndef KMS_PKCS11_SLOTS_H_
#define KMS_PKCS11_SLOTS_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/pkcs11.h"
#include "kms/result.h"

namespace kms::pkcs11 {

struct SlotToken {
  CK_SLOT_ID slot = 0;
  CK_TOKEN_INFO info{};

  bool Has(CK_FLAGS flag) const { return (info.flags & flag) != 0; }
};

// By mechanism, what it may be used for (CKF_ENCRYPT, CKF_WRAP, …).
using Mechanisms = std::map<CK_MECHANISM_TYPE, CK_FLAGS>;

// TextOf is a text of fixed size without what it is padded with: blanks, as Cryptoki has
// it, or NULs.
template <std::size_t size>
std::string TextOf(const CK_UTF8CHAR (&text)[size]) {
  const std::string_view padded(reinterpret_cast<const char*>(text), size);
  return std::string(
      padded.substr(0, padded.find_last_not_of(std::string_view(" \0", 2)) + 1));
}

// ListTokens leaves out tokens that do not tell of themselves. Fails: kUnavailable.
Result<std::vector<SlotToken>> ListTokens(CK_FUNCTION_LIST& functions);

// FindToken finds the one token that has `config`'s label, and `serial` unless that is
// empty, and is ready for its user to log in.
// Fails: kUnavailable; the detail says what there is instead, and what to do.
Result<SlotToken> FindToken(CK_FUNCTION_LIST& functions, const Pkcs11Config& config,
                            const std::string& serial);

// Fails: kUnavailable.
Result<Mechanisms> ReadMechanisms(CK_FUNCTION_LIST& functions, CK_SLOT_ID slot);

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_SLOTS_H_
