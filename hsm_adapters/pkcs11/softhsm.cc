#include "hsm_adapters/pkcs11/softhsm.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hsm_adapters/pkcs11/module.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/slots.h"
#include "hsm_adapters/pkcs11/token_folder.h"

namespace kms {
namespace pkcs11 {
namespace {

constexpr std::string_view kTokenLabel = "libkms";
constexpr const char* kVariable = "SOFTHSM2_CONF";

constexpr std::array kPlaces = {
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
};

Error Lost(const std::string& what, const TokenFolder& folder) {
  return Error(ErrorClass::kCorrupt, Reason::kHsmUnavailable,
               what + ": the store has keys under the token in " + folder.path() +
                   "; put that folder back as it was, from its backup");
}

Result<std::string> FindModule(const std::string& given) {
  if (!given.empty()) {
    // A name without a folder is the loader's to find.
    if (given.find('/') != std::string::npos && ::access(given.c_str(), F_OK) != 0)
      return Error(ErrorClass::kNotFound, Reason::kHsmUnavailable,
                   given + ", which is to be SoftHSM, is not there");
    return given;
  }
  const auto* const found = std::ranges::find_if(
      kPlaces, [](const char* place) { return ::access(place, F_OK) == 0; });
  if (found == kPlaces.end())
    return Error(ErrorClass::kNotFound, Reason::kHsmUnavailable,
                 "SoftHSM is not installed: install the package softhsm2, or say where "
                 "libsofthsm2.so is");
  return std::string(*found);
}

bool IsOurs(const SlotToken& token) {
  return token.Has(CKF_TOKEN_INITIALIZED) && TextOf(token.info.label) == kTokenLabel;
}

CK_UTF8CHAR* PinOf(const SecretBytes& pin) {
  // Cryptoki takes what it does not change without const.
  return const_cast<CK_UTF8CHAR*>(pin.Reveal().data());
}

// A session of its own, closed at the end, and with it its login.
class OpenSession {
 public:
  OpenSession(CK_FUNCTION_LIST& cryptoki, CK_SLOT_ID slot) : cryptoki_(cryptoki) {
    code_ = cryptoki_.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr,
                                    nullptr, &handle_);
  }
  ~OpenSession() {
    if (handle_ != 0) cryptoki_.C_CloseSession(handle_);
  }
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;

  CK_RV Login(CK_USER_TYPE user, const SecretBytes& pin) {
    if (code_ == CKR_OK) code_ = cryptoki_.C_Login(handle_, user, PinOf(pin), pin.size());
    return code_;
  }
  CK_RV SetUserPin(const SecretBytes& pin) {
    if (code_ == CKR_OK) code_ = cryptoki_.C_InitPIN(handle_, PinOf(pin), pin.size());
    return code_;
  }

  // Removes what an end of the process amid the generation of a key has left without a
  // name: SoftHSM writes an object attribute by attribute, and only at its end does a key
  // become one that was made in the token. What has a name is found by it (roots.h).
  CK_RV DestroyHalfKeys() {
    for (const CK_OBJECT_HANDLE object : FindAll()) {
      if (!IsHalfMade(object)) continue;
      if (const CK_RV code = cryptoki_.C_DestroyObject(handle_, object); code != CKR_OK)
        return code;
    }
    return CKR_OK;
  }

 private:
  std::vector<CK_OBJECT_HANDLE> FindAll() {
    std::vector<CK_OBJECT_HANDLE> found;
    if (cryptoki_.C_FindObjectsInit(handle_, nullptr, 0) != CKR_OK) return found;
    CK_OBJECT_HANDLE object = 0;
    for (CK_ULONG count = 0;
         cryptoki_.C_FindObjects(handle_, &object, 1, &count) == CKR_OK && count == 1;)
      found.push_back(object);
    cryptoki_.C_FindObjectsFinal(handle_);
    return found;
  }

  // An object that cannot be read for another reason is none: it may be a root key.
  bool IsHalfMade(CK_OBJECT_HANDLE object) {
    const auto lacks = [](CK_RV code) {
      return code == CKR_ATTRIBUTE_TYPE_INVALID || code == CKR_ATTRIBUTE_VALUE_INVALID;
    };
    CK_ATTRIBUTE id{CKA_ID, nullptr, 0};
    CK_RV code = cryptoki_.C_GetAttributeValue(handle_, object, &id, 1);
    if (!lacks(code) && (code != CKR_OK || id.ulValueLen != 0)) return false;
    CK_BBOOL made_here = CK_FALSE;
    CK_ATTRIBUTE local{CKA_LOCAL, &made_here, sizeof made_here};
    code = cryptoki_.C_GetAttributeValue(handle_, object, &local, 1);
    return lacks(code) || (code == CKR_OK && made_here == CK_FALSE);
  }

  CK_FUNCTION_LIST& cryptoki_;
  CK_SESSION_HANDLE handle_ = 0;
  CK_RV code_ = CKR_OK;
};

// What one look at the token has found.
struct Found {
  std::string serial;    // of the token; empty: there is none that works
  std::string unusable;  // why what is there does not work; empty: nothing is there
};

class SoftHsm {
 public:
  SoftHsm(std::string module, const TokenFolder& folder, bool may_make,
          const std::function<void()>& after_step)
      : module_(std::move(module)),
        folder_(folder),
        may_make_(may_make),
        after_step_(after_step) {}

  Result<Pkcs11Config> Prepare() {
    KMS_CHECK_OK(PrepareFiles());
    KMS_TRY(Found found, Look());
    if (found.serial.empty() && found.unusable.empty()) {
      // SoftHSM does not know its token any more.
      KMS_TRY(const bool restored, folder_.RestoreCopies());
      if (restored) {
        KMS_TRY(found, Look());
      }
    }
    if (found.serial.empty()) {
      if (!may_make_)
        return Lost(
            found.unusable.empty() ? "there is no token any more" : found.unusable,
            folder_);
      KMS_TRY(const bool remains, folder_.HasTokens());
      if (remains) KMS_CHECK_OK(folder_.SetAside());
      KMS_CHECK_OK(Make());
      KMS_TRY(found, Look());
      if (found.serial.empty())
        return Failed("SoftHSM has made a token that does not work: " + found.unusable);
    }
    // Also of a token that was there: its making may have been interrupted after the
    // last change, and before it was durable.
    KMS_CHECK_OK(folder_.KeepCopies());
    KMS_CHECK_OK(folder_.Sync());
    Pkcs11Config config;
    config.module = module_;
    config.token = kTokenLabel;
    config.serial = found.serial;
    config.pin = std::move(pin_);
    config.sync_folder = folder_.tokens();
    return config;
  }

 private:
  // Everything but the token itself. The PINs are durable before a token has them.
  Result<void> PrepareFiles() {
    if (may_make_) KMS_CHECK_OK(folder_.Make());
    if (::access(folder_.path().c_str(), F_OK) != 0)
      return Lost("there is no such folder", folder_);
    KMS_TRY(auto pin, folder_.ReadPin(TokenFolder::kPin));
    if (!pin) {
      if (!may_make_) return Lost("the PIN is lost", folder_);
      KMS_TRY(pin, folder_.MakePin(TokenFolder::kPin));
    }
    pin_ = std::move(*pin);
    KMS_TRY(auto officer, folder_.ReadPin(TokenFolder::kOfficerPin));
    if (!officer && may_make_) {
      KMS_TRY(officer, folder_.MakePin(TokenFolder::kOfficerPin));
    }
    if (officer) officer_pin_ = std::move(*officer);
    KMS_CHECK_OK(folder_.WriteConfiguration());
    if (may_make_) KMS_CHECK_OK(folder_.MakeTokens());
    KMS_TRY(const bool tokens, folder_.HasTokens());
    if (tokens) return folder_.RemoveEmptyObjects();
    if (!may_make_) return Lost("there is no token any more", folder_);
    return {};
  }

  // Logs in to our token, finishing one that has no user PIN yet.
  Result<Found> Look() {
    KMS_TRY(const auto module, Module::Load(module_));
    CK_FUNCTION_LIST& cryptoki = module->functions();
    KMS_TRY(const auto tokens, ListTokens(cryptoki));
    Found found;
    for (const SlotToken& token : tokens) {
      if (!IsOurs(token)) continue;
      if (!token.Has(CKF_USER_PIN_INITIALIZED) && may_make_)
        (void)SetUserPin(cryptoki, token.slot);  // the login tells
      OpenSession session(cryptoki, token.slot);
      const CK_RV code = session.Login(CKU_USER, pin_);
      if (code != CKR_OK) {
        found.unusable = "the token does not take its PIN: " + NameOf(code);
        continue;
      }
      if (const CK_RV destroyed = session.DestroyHalfKeys(); destroyed != CKR_OK)
        return Failed("SoftHSM does not remove a key that is half made", destroyed);
      found.serial = TextOf(token.info.serialNumber);
      return found;
    }
    return found;
  }

  Result<void> Make() {
    KMS_TRY(const auto module, Module::Load(module_));
    CK_FUNCTION_LIST& cryptoki = module->functions();
    KMS_TRY(const auto tokens, ListTokens(cryptoki));
    const auto free = std::ranges::find_if(
        tokens, [](const SlotToken& token) { return !token.Has(CKF_TOKEN_INITIALIZED); });
    if (free == tokens.end()) return Failed("SoftHSM has no slot for a new token");
    std::array<CK_UTF8CHAR, 32> label{};
    label.fill(' ');
    std::ranges::copy(kTokenLabel, label.begin());
    CK_RV code = cryptoki.C_InitToken(free->slot, PinOf(officer_pin_),
                                      officer_pin_.size(), label.data());
    if (code != CKR_OK) return Failed("SoftHSM does not make a token", code);
    after_step_();
    code = SetUserPin(cryptoki, free->slot);
    if (code != CKR_OK) return Failed("SoftHSM does not set the PIN", code);
    return {};
  }

  CK_RV SetUserPin(CK_FUNCTION_LIST& cryptoki, CK_SLOT_ID slot) {
    OpenSession session(cryptoki, slot);
    CK_RV code = session.Login(CKU_SO, officer_pin_);
    if (code == CKR_OK) code = session.SetUserPin(pin_);
    if (code == CKR_OK) after_step_();
    return code;
  }

  const std::string module_;
  const TokenFolder& folder_;
  const bool may_make_;
  const std::function<void()>& after_step_;
  SecretBytes pin_;
  SecretBytes officer_pin_;
};

// Changes the environment only if it has to: other threads may read it.
Result<void> SetVariable(const TokenFolder& folder) {
  const char* const now = std::getenv(kVariable);
  if (now != nullptr && folder.configuration() == now) return {};
  if (::setenv(kVariable, folder.configuration().c_str(), 1) != 0)
    return Failed("the environment has no room");
  return {};
}

}  // namespace

Result<Pkcs11Config> PrepareSoftHsm(const SoftHsmFolder& folder, bool may_make,
                                    std::function<void()> after_step) {
  KMS_TRY(std::string module, FindModule(folder.module));
  const TokenFolder files(folder.folder, after_step);
  KMS_CHECK_OK(SetVariable(files));
  return SoftHsm(std::move(module), files, may_make, after_step).Prepare();
}

}  // namespace pkcs11

Result<void> SetSoftHsmVariable(const SoftHsmFolder& folder) {
  return pkcs11::SetVariable(pkcs11::TokenFolder(folder.folder, [] {}));
}

Result<Pkcs11Config> PrepareSoftHsm(const SoftHsmFolder& folder, bool may_make) {
  return pkcs11::PrepareSoftHsm(folder, may_make, [] {});
}

Result<Pkcs11Config> CopySoftHsm(const SoftHsmFolder& from, const std::string& to) {
  using pkcs11::TokenFolder;
  Pkcs11Config config;
  KMS_TRY(config.module, pkcs11::FindModule(from.module));
  const TokenFolder source(from.folder, [] {});
  KMS_TRY(const bool tokens, source.HasTokens());
  KMS_TRY(auto pin, source.ReadPin(TokenFolder::kPin));
  if (!tokens || !pin)
    return Error(ErrorClass::kNotFound, Reason::kHsmUnavailable,
                 source.path() + " has no " + (tokens ? "PIN" : "token"));
  const TokenFolder copy(to, [] {});
  KMS_CHECK_OK(source.CopyTo(copy));
  KMS_CHECK_OK(copy.WriteConfiguration());
  KMS_CHECK_OK(pkcs11::SetVariable(copy));
  config.token = pkcs11::kTokenLabel;
  config.pin = std::move(*pin);
  return config;
}

}  // namespace kms
