// SoftToken: a fresh token of SoftHSM in a folder of its own, which goes with the object.
//
// SoftHSM's state belongs to the process: a process has one SoftToken at a time, and
// finalizes the module before the next one. Make it before threads start, because it sets
// SOFTHSM2_CONF.

#ifndef KMS_TESTS_PKCS11_SOFT_TOKEN_H_
#define KMS_TESTS_PKCS11_SOFT_TOKEN_H_

#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <string>

namespace kms::testing {

class SoftToken {
 public:
  static constexpr char kLabel[] = "libkms-test";

  // The constructor initialises the token through a module of its own accord, and
  // finalizes that again. What fails is reported to the running test.
  explicit SoftToken(std::string user_pin = "user-pin-1234",
                     std::string so_pin = "so-pin-5678");
  ~SoftToken();
  SoftToken(const SoftToken&) = delete;
  SoftToken& operator=(const SoftToken&) = delete;

  // SoftHSM itself, and the fault module in front of it (KMS_FAULT_MODULE).
  static std::string Module();
  static std::string FaultModule();

  const std::string& user_pin() const { return user_pin_; }
  const std::string& so_pin() const { return so_pin_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path conf() const { return folder_ / "softhsm2.conf"; }
  std::filesystem::path tokens() const { return folder_ / "tokens"; }

  // MoveAway takes the token's files away under SoftHSM; MoveBack puts them back.
  void MoveAway();
  void MoveBack();

 private:
  void Prepare();
  CK_RV InitialiseToken(CK_FUNCTION_LIST& functions);

  const std::string user_pin_, so_pin_;
  std::filesystem::path folder_;
};

// FunctionsOf loads the module at `path`, never to be unloaded, or fails the test and
// returns null.
CK_FUNCTION_LIST* FunctionsOf(const std::string& path);

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_SOFT_TOKEN_H_
