#include "hsm_adapters/pkcs11/slots.h"

#include <algorithm>

#include "hsm_adapters/pkcs11/return_code.h"

namespace kms::pkcs11 {
namespace {

// A list of Cryptoki: `get` is asked for its length, and then for the list, which may
// have become shorter.
template <typename Item, typename Get>
Result<std::vector<Item>> ListOf(const char* fault, Get get) {
  CK_ULONG count = 0;
  if (const CK_RV code = get(nullptr, &count); code != CKR_OK) return Failed(fault, code);
  std::vector<Item> items(count);
  if (const CK_RV code = get(items.data(), &count); code != CKR_OK)
    return Failed(fault, code);
  items.resize(std::min<std::size_t>(count, items.size()));
  return items;
}

}  // namespace

Result<std::vector<SlotToken>> ListTokens(CK_FUNCTION_LIST& functions) {
  KMS_TRY(const auto slots, ListOf<CK_SLOT_ID>("the slots cannot be listed",
                                               [&](CK_SLOT_ID* list, CK_ULONG* count) {
                                                 return functions.C_GetSlotList(
                                                     CK_TRUE, list, count);
                                               }));
  std::vector<SlotToken> tokens;
  for (const CK_SLOT_ID slot : slots) {
    SlotToken token{slot, {}};
    if (functions.C_GetTokenInfo(slot, &token.info) == CKR_OK) tokens.push_back(token);
  }
  return tokens;
}

Result<SlotToken> FindToken(CK_FUNCTION_LIST& functions, const Pkcs11Config& config,
                            const std::string& serial) {
  KMS_TRY(const auto tokens, ListTokens(functions));
  std::vector<SlotToken> found;
  std::string others;
  for (const SlotToken& token : tokens) {
    if (!token.Has(CKF_TOKEN_INITIALIZED)) continue;
    const std::string label = TextOf(token.info.label);
    const std::string its_serial = TextOf(token.info.serialNumber);
    if (label == config.token && (serial.empty() || its_serial == serial)) {
      found.push_back(token);
    } else {
      others += " \"" + label + "\" (" + its_serial + ")";
    }
  }
  const std::string wanted = "\"" + config.token + "\"" +
                             (serial.empty() ? "" : " with the serial number " + serial);
  if (found.empty())
    return Failed(
        "there is no initialised token " + wanted + " in " + config.module +
        (others.empty() ? "; it shows none at all" : "; it shows" + others) +
        ": make it with the vendor's tool (docs/hsm.md), or name the one meant");
  if (found.size() > 1)
    return Failed("there are several tokens " + wanted + ": name the serial number");
  if (!found.front().Has(CKF_USER_PIN_INITIALIZED))
    return Failed("the token " + wanted +
                  " has no user PIN yet: set one as its security officer "
                  "(pkcs11-tool --init-pin, or the vendor's tool)");
  return found.front();
}

Result<Mechanisms> ReadMechanisms(CK_FUNCTION_LIST& functions, CK_SLOT_ID slot) {
  KMS_TRY(const auto types, ListOf<CK_MECHANISM_TYPE>(
                                "the mechanisms cannot be listed",
                                [&](CK_MECHANISM_TYPE* list, CK_ULONG* count) {
                                  return functions.C_GetMechanismList(slot, list, count);
                                }));
  Mechanisms found;
  for (const CK_MECHANISM_TYPE type : types) {
    CK_MECHANISM_INFO info{};
    if (functions.C_GetMechanismInfo(slot, type, &info) == CKR_OK)
      found[type] = info.flags;
  }
  return found;
}

}  // namespace kms::pkcs11
