// BackendContract and RootKeyContract over tokens that cannot wrap, so that keys are
// objects in them; that cannot derive, so that nonces are random; and that can neither.

#include "crypto/backend_contract.h"
#include "pkcs11/plain_token.h"
#include "root/root_key_contract.h"

namespace kms::testing {
namespace {

constexpr std::size_t kSaltAndNonce = 16 + 12;
constexpr std::size_t kNonce = 12;
// Of a key that may do nothing but derive.
constexpr std::string_view kDerivedMac =
    "324b1191dc42a05c64a8cf54a86e35c6b7d30254f5cf1425dad3f02f600ef729";

class TestedPlainToken final : public TestedBackend, public TestedRootKey {
 public:
  explicit TestedPlainToken(const Rules& lacks) : token_(lacks) { token_.Open().value(); }
  CryptoBackend& backend() override { return token_.backend(); }
  const RootKey& root() override { return token_.hsm().root(); }

 private:
  PlainToken token_;
};

BackendImplementation Backend(
    const char* name, const Rules& lacks, std::size_t unique_bytes,
    std::string_view mac_of_abc = BackendImplementation::kMacInToken) {
  return {name, [lacks] { return std::make_unique<TestedPlainToken>(lacks); },
          unique_bytes, mac_of_abc};
}

INSTANTIATE_TEST_SUITE_P(PlainToken, BackendContract,
                         ::testing::Values(Backend("NoWrap", kNoWrap, kSaltAndNonce,
                                                   kDerivedMac),
                                           Backend("NoDerive", kNoDerive, kNonce),
                                           Backend("Neither", kNeither, kNonce)),
                         BackendName);

RootKeyImplementation Root(const char* name, const Rules& lacks) {
  return {name, [lacks] { return std::make_unique<TestedPlainToken>(lacks); }};
}

INSTANTIATE_TEST_SUITE_P(PlainToken, RootKeyContract,
                         ::testing::Values(Root("NoWrap", kNoWrap),
                                           Root("NoDerive", kNoDerive),
                                           Root("Neither", kNeither)),
                         RootKeyName);

}  // namespace
}  // namespace kms::testing
