#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "hsm_adapters/pkcs11/backend.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "kms/encoding.h"
#include "kms/pkcs11.h"

namespace kms {
namespace {

using pkcs11::Access;
using pkcs11::Failed;
using pkcs11::Roots;
using pkcs11::Token;

// What there is no way around.
Result<void> CheckMechanisms(const Token& token) {
  struct Needed {
    bool there;
    const char* name;
  };
  std::string missing;
  for (const Needed& needed :
       {Needed{token.Has(CKM_AES_KEY_GEN, CKF_GENERATE), "AES keys (CKM_AES_KEY_GEN)"},
        Needed{pkcs11::CanEncrypt(token), "AES GCM (CKM_AES_GCM)"},
        Needed{token.Has(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR),
               "RSA key pairs (CKM_RSA_PKCS_KEY_PAIR_GEN)"},
        Needed{token.Has(CKM_RSA_PKCS, CKF_SIGN), "PKCS#1 signatures (CKM_RSA_PKCS)"},
        Needed{token.Has(CKM_RSA_PKCS_PSS, CKF_SIGN), "PSS (CKM_RSA_PKCS_PSS)"},
        Needed{pkcs11::CanRsaDecrypt(token),
               "RSA decryption (CKM_RSA_X_509, or CKM_RSA_PKCS_OAEP)"}})
    if (!needed.there)
      missing += (missing.empty() ? " " : ", ") + std::string(needed.name);
  if (missing.empty()) return {};
  return Failed("the token lacks what keys of HSM level need:" + missing);
}

Result<void> CheckConfig(const Pkcs11Config& config) {
  if (config.module.empty()) return Failed("no PKCS#11 module is named");
  if (config.token.empty()) return Failed("no token is named");
  if (config.pin.empty()) return Failed("there is no PIN for the token");
  return {};
}

}  // namespace

class Pkcs11Hsm::Impl {
 public:
  std::unique_ptr<Roots> roots;  // its keys post to the token when they go
  std::unique_ptr<CryptoBackend> software;
  std::unique_ptr<pkcs11::Pkcs11Backend> backend;
  std::unique_ptr<Token> token;
};

Pkcs11Hsm::Pkcs11Hsm(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Pkcs11Hsm::~Pkcs11Hsm() {
  if (Close()) {
    // In this order: keys tell the token that they go.
    impl_->backend.reset();
    impl_->software.reset();
    impl_->roots.reset();
  } else {
    // The call that hangs may still use all of it.
    (void)new std::shared_ptr<Impl>(std::move(impl_));
  }
}

Result<std::unique_ptr<Pkcs11Hsm>> Pkcs11Hsm::Open(Pkcs11Config config, KeyStore& store,
                                                   const Clock& clock) {
  KMS_CHECK_OK(CheckConfig(config));
  auto impl = std::make_shared<Impl>();
  KMS_TRY(impl->roots, Roots::Read(store, clock));
  Roots* const roots = impl->roots.get();
  // Another token of the same label is not to get our PIN.
  if (config.serial.empty()) config.serial = roots->serial_of_newest();
  const auto control_key = std::make_shared<pkcs11::ControlKey>();
  const auto examine = [roots](Access& access) { return roots->Examine(access); };
  const auto probe = [roots, control_key](Access& access) -> Result<void> {
    const std::uint32_t newest = roots->newest();
    if (newest == 0) return {};  // still being made
    // Using session objects would not notice that the token has gone.
    KMS_TRY(const CK_OBJECT_HANDLE root, roots->Handle(access, newest));
    KMS_TRY([[maybe_unused]] const Bytes id, access.session().Attribute(root, CKA_ID));
    if (control_key->Computes(access)) return {};
    if (!access.doubted()) access.Doubt();
    return Failed("it does not encrypt and decrypt", access.fault());
  };
  KMS_TRY(impl->token, Token::Open(config, examine, probe, impl));
  std::unique_ptr<Pkcs11Hsm> hsm(new Pkcs11Hsm(std::move(impl)));
  Impl& made = *hsm->impl_;
  KMS_CHECK_OK(CheckMechanisms(*made.token));
  made.software = NewBotanBackend(*roots);
  const pkcs11::Control control = [control_key](Access& access) {
    return control_key->Computes(access);
  };
  KMS_CHECK_OK(roots->Start(*made.token, *made.software, control));
  made.backend = std::make_unique<pkcs11::Pkcs11Backend>(*made.token, *roots,
                                                         *made.software, store, control);
  return hsm;
}

CryptoBackend& Pkcs11Hsm::backend() { return *impl_->backend; }
const RootKey& Pkcs11Hsm::root() const { return *impl_->roots; }
Result<void> Pkcs11Hsm::AddRoot() { return impl_->roots->Add(); }
bool Pkcs11Hsm::Close() { return impl_->token->Close(); }

Pkcs11Status Pkcs11Hsm::Status() const {
  Pkcs11Status status;
  impl_->token->Describe(&status);
  status.root = impl_->roots->newest();
  status.root_id = impl_->roots->id_of_newest();
  status.wraps = pkcs11::CanWrap(*impl_->token);
  status.derives = pkcs11::CanDerive(*impl_->token);
  return status;
}

namespace {

// How often a second `work` is done by so many threads at once.
Result<double> Rate(int threads, int millis, const std::function<Result<void>()>& work) {
  std::atomic<std::uint64_t> done = 0;
  std::atomic<bool> failed = false;
  const auto began = std::chrono::steady_clock::now();
  const auto until = began + std::chrono::milliseconds(millis);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i)
    workers.emplace_back([&] {
      do {  // once at least, where a new thread has to wait for its turn
        if (!work()) failed = true;
        ++done;
      } while (!failed && std::chrono::steady_clock::now() < until);
    });
  for (std::thread& worker : workers) worker.join();
  if (failed) return Failed("the token failed while its speed was measured");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return static_cast<double>(done) / took.count();
}

}  // namespace

Result<std::vector<Pkcs11Speed>> Pkcs11Hsm::Measure(int most, int millis) {
  const Place place = {{}, "libkms", {}, "measure", "measure"};
  CryptoBackend& backend = *impl_->backend;
  const auto destroy_rsa = [&] { (void)backend.Destroy("measure"); };
  KMS_TRY(const WrappedKey pair, backend.Generate(KeySpec::kRsa2048, place));
  const auto loaded = backend.LoadPrivate(KeySpec::kRsa2048, place, pair.sealed);
  if (!loaded) {
    destroy_rsa();
    return loaded.error();
  }
  std::vector<Pkcs11Speed> curve;
  Result<void> ended;
  const std::array<std::uint8_t, 32> input{};
  for (int sessions = 1; ended && sessions <= most;
       sessions = sessions < most ? std::min(sessions * 2, most) : most + 1) {
    const auto aes = Rate(sessions, millis, [&]() -> Result<void> {
      KMS_TRY([[maybe_unused]] const Bytes sealed, impl_->roots->Seal(place, input));
      return {};
    });
    const auto rsa = Rate(sessions, millis, [&]() -> Result<void> {
      KMS_TRY([[maybe_unused]] const Bytes signature,
              (*loaded)->Sign(SignatureAlgorithm::kRsaPssSha256, input));
      return {};
    });
    if (!aes || !rsa) {
      ended = aes ? rsa.error() : aes.error();
    } else {
      curve.push_back({sessions, *aes, *rsa});
    }
  }
  if (pair.in_token) destroy_rsa();
  KMS_CHECK_OK(ended);
  return curve;
}

}  // namespace kms
