#include "kmsd/hsm_options.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "kmsd/choice.h"
#include "kmsd/pin.h"

namespace kms::server {
namespace {

std::string CompleteVendor(Pkcs11VendorMechanisms& vendor, const HsmTexts& texts) {
  const auto given = [](const std::vector<unsigned long>& numbers, std::size_t count) {
    return numbers.size() == count && std::ranges::find(numbers, 0UL) == numbers.end();
  };
  if (!texts.sm4.empty()) {
    if (!given(texts.sm4, 3)) return "--hsm-sm4 is not KEYTYPE:KEYGEN:GCM";
    vendor.sm4_key_type = texts.sm4[0];
    vendor.sm4_key_gen = texts.sm4[1];
    vendor.sm4_gcm = texts.sm4[2];
  }
  if (!texts.sm2.empty()) {
    if (!given(texts.sm2, 4)) return "--hsm-sm2 is not KEYTYPE:PAIRGEN:SIGN:DECRYPT";
    vendor.sm2_key_type = texts.sm2[0];
    vendor.sm2_key_pair_gen = texts.sm2[1];
    vendor.sm2_sign = texts.sm2[2];
    vendor.sm2_decrypt = texts.sm2[3];
  }
  return {};
}

}  // namespace

std::vector<CLI::Option*> AddHsmOptions(CLI::App& app, const std::string& kinds,
                                        HsmConfig& hsm, HsmTexts& texts) {
  std::vector<CLI::Option*> added;
  const auto add = [&](const std::string& name, auto& value, const std::string& text) {
    added.push_back(app.add_option(name, value, text));
    return added.back();
  };
  const std::map<std::string, HsmKind> names = {
      {"auto", HsmKind::kAuto}, {"none", HsmKind::kNone}, {"pkcs11", HsmKind::kPkcs11}};
  OneOf(add("--hsm", hsm.kind, kinds), names);
  add("--softhsm-module", hsm.softhsm_module,
      "SoftHSM's library, for auto; default: where distributions put it");
  add("--hsm-module", hsm.module, "The PKCS#11 library of the token, for pkcs11");
  add("--hsm-token", hsm.token, "The token's label");
  add("--hsm-serial", hsm.serial,
      "The token's serial number; default: any with that label");
  add("--hsm-pin-file", texts.pin_file,
      "File of mode 0600 with the PIN of the token's user; or set KMSD_HSM_PIN");
  add("--hsm-sm4", texts.sm4,
      "A vendor's numbers for SM4, KEYTYPE:KEYGEN:GCM; default: SM4 is computed in this "
      "process")
      ->delimiter(':')
      ->allow_extra_args(false);
  add("--hsm-sm2", texts.sm2,
      "A vendor's numbers for SM2, KEYTYPE:PAIRGEN:SIGN:DECRYPT; default: SM2 is "
      "computed in this process")
      ->delimiter(':')
      ->allow_extra_args(false);
  add("--hsm-timeout-millis", hsm.timeout_millis,
      "How long anybody waits for a call into the token")
      ->capture_default_str()
      ->check(CLI::Range(100, 600'000));
  return added;
}

std::string CompleteHsm(HsmConfig& hsm, HsmTexts& texts) {
  const bool named = !hsm.module.empty() || !hsm.token.empty() || !hsm.serial.empty() ||
                     !texts.pin_file.empty() || !texts.pin.empty() ||
                     !texts.sm4.empty() || !texts.sm2.empty();
  if (hsm.kind == HsmKind::kNone) return {};
  if (hsm.kind == HsmKind::kAuto)
    return named ? "a token is named, but --hsm is not pkcs11" : "";
  if (std::string wrong = CompleteVendor(hsm.vendor, texts); !wrong.empty()) return wrong;
  if (hsm.module.empty() || hsm.token.empty())
    return "--hsm pkcs11 needs --hsm-module and --hsm-token";
  if (::access(hsm.module.c_str(), R_OK) != 0)
    return "--hsm-module " + hsm.module + ": " + std::strerror(errno);
  if (texts.pin_file.empty() == texts.pin.empty())
    return std::string("--hsm pkcs11 needs the PIN, in --hsm-pin-file or in ") +
           kPinVariable + ", and not in both";
  if (texts.pin_file.empty()) {
    hsm.pin = std::move(texts.pin);
    return {};
  }
  auto pin = ReadPinFile(texts.pin_file);
  if (!pin) return pin.error().detail();
  hsm.pin = std::move(*pin);
  return {};
}

}  // namespace kms::server
