// The options that say which token the keys of HSM level live in: the same for kmsd and
// for kmsctl.

#ifndef KMS_SERVER_KMSD_HSM_OPTIONS_H_
#define KMS_SERVER_KMSD_HSM_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "kms/secret_bytes.h"
#include "kmsd/hsm_config.h"

namespace kms::server {

inline constexpr const char* kPinVariable = "KMSD_HSM_PIN";

// What is given as text, and belongs into an HsmConfig when all options are there.
struct HsmTexts {
  std::string pin_file;
  std::vector<unsigned long> sm4;
  std::vector<unsigned long> sm2;
  SecretBytes pin;  // from the environment
};

// AddHsmOptions adds --hsm, of which `kinds` tells what can be said, --softhsm-module,
// and those that name a token, and returns them all. Both outlive the parsing.
std::vector<CLI::Option*> AddHsmOptions(CLI::App& app, const std::string& kinds,
                                        HsmConfig& hsm, HsmTexts& texts);

// CompleteHsm moves what the texts say into `hsm`, and reads the PIN. What is missing or
// in the way is told now, not by the module: the answer is a text for people, empty if
// all is well.
std::string CompleteHsm(HsmConfig& hsm, HsmTexts& texts);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HSM_OPTIONS_H_
