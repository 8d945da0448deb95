// Keys of HSM level beside the raw token, in one run: SoftHSM in a scratch directory.
//
// Each benchmark opens the token with as many sessions as it has threads; the raw side
// has a session of its own on each thread, and session objects with the attributes of
// ours. Compare items_per_second, which is over all threads.

#include <benchmark/benchmark.h>
#include <dlfcn.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "hsm_adapters/pkcs11/rsa.h"
#include "kms/pkcs11.h"

namespace kms {
namespace {

using pkcs11::Template;

constexpr int kSkipped = 77;
constexpr int kMostSessions = 8;
constexpr Place kAesPlace{"account", "aes", "1", "material", "aes"};
constexpr Place kRsaPlace{"account", "rsa", "1", "material", "rsa"};

void Check(CK_RV code) {
  if (code != CKR_OK) throw std::runtime_error("the raw token fails");
}

CK_FUNCTION_LIST& Functions(const std::string& module) {
  void* const library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto list =
      reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  Check(list(&functions));
  return *functions;
}

// A session beside those of the adapter, which has initialised the module and logged in.
class RawSession {
 public:
  explicit RawSession(CK_FUNCTION_LIST& functions) : functions_(functions) {
    // The token comes before the slot that SoftHSM keeps free for another.
    std::array<CK_SLOT_ID, 2> slots{};
    CK_ULONG count = slots.size();
    Check(functions.C_GetSlotList(CK_TRUE, slots.data(), &count));
    Check(functions.C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr,
                                  nullptr, &handle_));
  }
  ~RawSession() { functions_.C_CloseSession(handle_); }
  RawSession(const RawSession&) = delete;
  RawSession& operator=(const RawSession&) = delete;

  CK_SESSION_HANDLE handle() const { return handle_; }

 private:
  CK_FUNCTION_LIST& functions_;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
};

// The token with so many sessions, and a key of each kind on either side.
class Fixture {
 public:
  Fixture(const std::string& folder, int sessions) : sessions_(sessions) {
    Pkcs11Config config = PrepareSoftHsm({.folder = folder, .module = {}}, true).value();
    config.sessions = sessions;
    functions_ = &Functions(config.module);
    hsm_ = Pkcs11Hsm::Open(std::move(config), *store_, *clock_).value();
    CryptoBackend& backend = hsm_->backend();
    const WrappedKey aes = backend.Generate(KeySpec::kAes256, kAesPlace).value();
    aes_ = backend.LoadSymmetric(KeySpec::kAes256, kAesPlace, aes.sealed).value();
    const WrappedKey rsa = backend.Generate(KeySpec::kRsa2048, kRsaPlace).value();
    rsa_ = backend.LoadPrivate(KeySpec::kRsa2048, kRsaPlace, rsa.sealed).value();
    raw_ = std::make_unique<RawSession>(*functions_);
    MakeRawAes();
    MakeRawRsa();
  }

  int sessions() const { return sessions_; }
  SymmetricKey& aes() { return *aes_; }
  PrivateKey& rsa() { return *rsa_; }
  CK_FUNCTION_LIST& functions() { return *functions_; }
  CK_OBJECT_HANDLE raw_aes() const { return raw_aes_; }
  CK_OBJECT_HANDLE raw_rsa() const { return raw_rsa_; }

 private:
  void MakeRawAes() {
    Template key;
    key.Flag(CKA_TOKEN, false)
        .Flag(CKA_PRIVATE, true)
        .Flag(CKA_SENSITIVE, true)
        .Flag(CKA_EXTRACTABLE, false)
        .Flag(CKA_ENCRYPT, true)
        .Flag(CKA_DECRYPT, true)
        .Number(CKA_VALUE_LEN, pkcs11::kAesSize);
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, nullptr, 0};
    Check(functions_->C_GenerateKey(raw_->handle(), &mechanism, key.data(), key.size(),
                                    &raw_aes_));
  }

  void MakeRawRsa() {
    Template open, secret;
    open.Flag(CKA_TOKEN, false)
        .Number(CKA_MODULUS_BITS, 2048)
        .Data(CKA_PUBLIC_EXPONENT, Bytes{1, 0, 1});
    secret.Flag(CKA_TOKEN, false)
        .Flag(CKA_PRIVATE, true)
        .Flag(CKA_SENSITIVE, true)
        .Flag(CKA_EXTRACTABLE, false)
        .Flag(CKA_SIGN, true);
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    Check(functions_->C_GenerateKeyPair(raw_->handle(), &mechanism, open.data(),
                                        open.size(), secret.data(), secret.size(),
                                        &public_key, &raw_rsa_));
  }

  const int sessions_;
  const std::unique_ptr<Clock> clock_ = NewSystemClock();
  const std::unique_ptr<KeyStore> store_ = NewMemoryKeyStore();
  CK_FUNCTION_LIST* functions_ = nullptr;
  std::unique_ptr<Pkcs11Hsm> hsm_;
  std::shared_ptr<SymmetricKey> aes_;
  std::shared_ptr<PrivateKey> rsa_;
  std::unique_ptr<RawSession> raw_;
  CK_OBJECT_HANDLE raw_aes_ = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE raw_rsa_ = CK_INVALID_HANDLE;
};

// SoftHSM's state belongs to the process, so there is one at a time. It is made before
// the threads of a benchmark start.
std::string scratch;
std::unique_ptr<Fixture> fixture;

void OpenFixture(const benchmark::State& state) {
  if (fixture != nullptr && fixture->sessions() == state.threads()) return;
  fixture.reset();
  fixture = std::make_unique<Fixture>(scratch + "/hsm", state.threads());
}

// What is encrypted and signed on either side.
struct Inputs {
  explicit Inputs(std::size_t size = 0) : text(size, 3) {}
  const Bytes head = Bytes(100, 1);
  const Bytes context = Bytes(40, 2);
  const Bytes text;
  const Bytes digest = Bytes(32, 4);
};

// Runs `work`, which tells whether it succeeded.
template <typename Work>
void Run(benchmark::State& state, Work work) {
  for (auto step : state) {
    if (!work()) {
      state.SkipWithError("the token fails");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// On threads of the adapter, as for whoever may not hang with the module.
void SealQueued(benchmark::State& state) {
  const Inputs in(static_cast<std::size_t>(state.range(0)));
  Run(state,
      [&] { return fixture->aes().Seal(in.head, in.context, in.text).has_value(); });
}

void Seal(benchmark::State& state) {
  const DirectCalls direct;
  SealQueued(state);
}

void Open(benchmark::State& state) {
  const Inputs in(static_cast<std::size_t>(state.range(0)));
  const Bytes sealed = fixture->aes().Seal(in.head, in.context, in.text).value();
  const ByteView body = ByteView(sealed).subspan(in.head.size());
  const DirectCalls direct;
  Run(state, [&] { return fixture->aes().Open(in.head, in.context, body).has_value(); });
}

void Sign(benchmark::State& state, SignatureAlgorithm algorithm) {
  const Inputs in;
  const DirectCalls direct;
  Run(state, [&] { return fixture->rsa().Sign(algorithm, in.digest).has_value(); });
}

// AES-256-GCM with as much associated data as Seal has.
class RawGcm {
 public:
  explicit RawGcm(std::size_t size) : text_(size), sealed_(size + pkcs11::kGcmTagSize) {}

  bool Encrypt() {
    CK_ULONG size = sealed_.size();
    return functions_.C_EncryptInit(session_.handle(), &mechanism_, fixture->raw_aes()) ==
               CKR_OK &&
           functions_.C_Encrypt(session_.handle(), text_.data(), text_.size(),
                                sealed_.data(), &size) == CKR_OK;
  }
  bool Decrypt() {
    // SoftHSM asks for room for the tag as well.
    CK_ULONG size = opened_.size();
    return functions_.C_DecryptInit(session_.handle(), &mechanism_, fixture->raw_aes()) ==
               CKR_OK &&
           functions_.C_Decrypt(session_.handle(), sealed_.data(), sealed_.size(),
                                opened_.data(), &size) == CKR_OK;
  }

 private:
  CK_FUNCTION_LIST& functions_ = fixture->functions();
  const RawSession session_{functions_};
  pkcs11::GcmNonce nonce_{1};
  Bytes associated_ = Bytes(156, 2);
  CK_GCM_PARAMS parameters_ = pkcs11::GcmParameters(nonce_, associated_);
  CK_MECHANISM mechanism_ = {CKM_AES_GCM, &parameters_, sizeof parameters_};
  Bytes text_;
  Bytes sealed_;
  Bytes opened_ = sealed_;
};

void RawEncrypt(benchmark::State& state) {
  RawGcm gcm(static_cast<std::size_t>(state.range(0)));
  Run(state, [&] { return gcm.Encrypt(); });
}

void RawDecrypt(benchmark::State& state) {
  RawGcm gcm(static_cast<std::size_t>(state.range(0)));
  if (!gcm.Encrypt()) state.SkipWithError("the token does not encrypt");
  Run(state, [&] { return gcm.Decrypt(); });
}

void RawSign(benchmark::State& state, SignatureAlgorithm algorithm) {
  CK_FUNCTION_LIST& functions = fixture->functions();
  const RawSession session(functions);
  CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
  CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
  Bytes input = Inputs().digest;
  if (algorithm == SignatureAlgorithm::kRsaPkcs1Sha256) {
    mechanism = {CKM_RSA_PKCS, nullptr, 0};
    input = pkcs11::Sha256DigestInfo(input);
  }
  Bytes signature(256);
  Run(state, [&] {
    CK_ULONG size = signature.size();
    return functions.C_SignInit(session.handle(), &mechanism, fixture->raw_rsa()) ==
               CKR_OK &&
           functions.C_Sign(session.handle(), input.data(), input.size(),
                            signature.data(), &size) == CKR_OK;
  });
}

void Two(benchmark::internal::Benchmark* made) {
  made->Setup(OpenFixture)->UseRealTime()->ThreadRange(1, 2);
}
void Curve(benchmark::internal::Benchmark* made) {
  made->Setup(OpenFixture)->UseRealTime()->DenseThreadRange(1, kMostSessions);
}

BENCHMARK(Seal)->Arg(32)->Apply(Curve);
BENCHMARK(SealQueued)->Arg(32)->Apply(Two);
BENCHMARK(RawEncrypt)->Arg(32)->Apply(Curve);
BENCHMARK(Seal)->Arg(4096)->Apply(Two);
BENCHMARK(RawEncrypt)->Arg(4096)->Apply(Two);
BENCHMARK(Open)->Arg(32)->Arg(4096)->Apply(Two);
BENCHMARK(RawDecrypt)->Arg(32)->Arg(4096)->Apply(Two);
BENCHMARK_CAPTURE(Sign, pkcs1, SignatureAlgorithm::kRsaPkcs1Sha256)->Apply(Curve);
BENCHMARK_CAPTURE(RawSign, pkcs1, SignatureAlgorithm::kRsaPkcs1Sha256)->Apply(Curve);
BENCHMARK_CAPTURE(Sign, pss, SignatureAlgorithm::kRsaPssSha256)->Apply(Two);
BENCHMARK_CAPTURE(RawSign, pss, SignatureAlgorithm::kRsaPssSha256)->Apply(Two);

int RunAll() {
  std::string name =
      (std::filesystem::temp_directory_path() / "hsm-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    std::perror(name.c_str());
    return 1;
  }
  scratch = name;
  const auto prepared = PrepareSoftHsm({.folder = scratch + "/hsm", .module = {}}, true);
  if (prepared) benchmark::RunSpecifiedBenchmarks();
  fixture.reset();
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);
  if (prepared) return 0;
  const bool missing = prepared.error().error_class() == ErrorClass::kNotFound;
  std::fprintf(stderr, "%s: %s\n", missing ? "skipped" : "failed",
               prepared.error().detail().c_str());
  return missing ? kSkipped : 1;
}

}  // namespace
}  // namespace kms

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  return kms::RunAll();
}
