// HsmConfig: which token the keys of HSM level live in, as an operator says it to kmsd
// and to kmsctl.

#ifndef KMS_SERVER_KMSD_HSM_CONFIG_H_
#define KMS_SERVER_KMSD_HSM_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "kms/pkcs11.h"
#include "kms/secret_bytes.h"

namespace kms::server {

enum class HsmKind : std::uint8_t {
  kAuto,    // a SoftHSM under the data directory, if its module is installed
  kNone,    // no keys of HSM level
  kPkcs11,  // the token that is named
};

struct HsmConfig {
  HsmKind kind = HsmKind::kAuto;
  std::string module;  // of the named token: the path of its library
  std::string token;   // its label
  std::string serial;  // empty: any with that label
  SecretBytes pin;
  Pkcs11VendorMechanisms vendor;
  std::string softhsm_module;  // empty: where distributions put it
  int sessions = 2;
  int timeout_millis = 10'000;
  std::size_t threads = 8;  // that wait for the token
};

// NamedToken: how to open the token that is named.
inline Pkcs11Config NamedToken(const HsmConfig& config) {
  Pkcs11Config token;
  token.module = config.module;
  token.token = config.token;
  token.serial = config.serial;
  token.pin = config.pin.Clone();
  token.vendor = config.vendor;
  return token;
}

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HSM_CONFIG_H_
