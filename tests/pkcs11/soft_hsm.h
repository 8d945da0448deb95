// SoftHsm: a SoftHSM token of its own, in a scratch directory, with a store in memory.
//
// SoftHSM's state belongs to the process, so there is one at a time.

#ifndef KMS_TESTS_PKCS11_SOFT_HSM_H_
#define KMS_TESTS_PKCS11_SOFT_HSM_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "kms/clock.h"
#include "kms/key_store.h"
#include "kms/pkcs11.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms::testing {

class SoftHsm {
 public:
  // `change` may change how the token is opened.
  using Change = std::function<void(Pkcs11Config&)>;
  explicit SoftHsm(Change change = {}) : SoftHsm(Closed(), std::move(change)) {
    Open().value();
  }

  // Leaves the opening to the test, because it may fail.
  struct Closed {};
  SoftHsm(Closed, Change change) : change_(std::move(change)) {}

  Result<void> Open() {
    KMS_TRY(Pkcs11Config config, PrepareSoftHsm({.folder = folder(), .module = {}},
                                                !HasHsmRoot(*store_).value()));
    if (change_) change_(config);
    KMS_TRY(hsm_, Pkcs11Hsm::Open(std::move(config), *store_, *clock_));
    return {};
  }
  void Close() { hsm_.reset(); }

  Pkcs11Hsm& hsm() { return *hsm_; }
  CryptoBackend& backend() { return hsm_->backend(); }
  KeyStore& store() { return *store_; }
  const Clock& clock() const { return *clock_; }
  void SetChange(Change change) { change_ = std::move(change); }

  std::string folder() const { return scratch_.path() + "/hsm"; }
  std::string tokens() const { return folder() + "/tokens"; }

  // Takes the token away, as if it was pulled out, and puts it back.
  void MoveAway() { std::filesystem::rename(tokens(), tokens() + ".away"); }
  void MoveBack() {
    std::filesystem::remove_all(tokens());
    std::filesystem::rename(tokens() + ".away", tokens());
  }

 private:
  const ScratchDirectory scratch_;
  const std::unique_ptr<Clock> clock_ = NewSystemClock();
  const std::unique_ptr<KeyStore> store_ = NewMemoryKeyStore();
  Change change_;
  std::unique_ptr<Pkcs11Hsm> hsm_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_SOFT_HSM_H_
