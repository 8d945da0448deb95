// ReadyPairs: a backend that makes one RSA key pair, and hands it out whenever one is to
// be made: for tests that need many, and care for none. All else is the inner backend's.

#ifndef KMS_TESTS_SUPPORT_READY_PAIRS_H_
#define KMS_TESTS_SUPPORT_READY_PAIRS_H_

#include <memory>
#include <utility>

#include "kms/crypto_backend.h"

namespace kms::testing {

class ReadyPairs final : public CryptoBackend {
 public:
  explicit ReadyPairs(std::unique_ptr<CryptoBackend> inner)
      : inner_(std::move(inner)),
        made_(inner_->Generate(KeySpec::kRsa2048, {}).value()),
        secret_(inner_->ExportPair(KeySpec::kRsa2048, {}, made_.sealed).value()) {}

  Result<WrappedKey> Generate(KeySpec spec, const Place& place) override {
    if (spec != KeySpec::kRsa2048) return inner_->Generate(spec, place);
    return inner_->ImportPair(spec, place, secret_, made_.public_key);
  }

  Result<void> SelfTest() override { return inner_->SelfTest(); }
  Result<SecretBytes> Random(std::size_t size) override { return inner_->Random(size); }
  Result<WrappedKey> Import(KeySpec spec, const Place& place,
                            const SecretBytes& material) override {
    return inner_->Import(spec, place, material);
  }
  Result<ImportedKey> ImportWrapped(KeySpec spec, const Place& place,
                                    const WrappingPair& pair, ByteView wrapped,
                                    ByteView label) override {
    return inner_->ImportWrapped(spec, place, pair, wrapped, label);
  }
  Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                const SecretBytes& secret, ByteView public_key) override {
    return inner_->ImportPair(spec, place, secret, public_key);
  }
  Result<SecretBytes> ExportPair(KeySpec spec, const Place& place,
                                 ByteView sealed) override {
    return inner_->ExportPair(spec, place, sealed);
  }
  Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec, const Place& place,
                                                      ByteView sealed) override {
    return inner_->LoadSymmetric(spec, place, sealed);
  }
  Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec, const Place& place,
                                                  ByteView sealed) override {
    return inner_->LoadPrivate(spec, place, sealed);
  }
  Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) override {
    return inner_->LoadPublic(subject_public_key);
  }

 private:
  const std::unique_ptr<CryptoBackend> inner_;
  const WrappedKey made_;
  const SecretBytes secret_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_SUPPORT_READY_PAIRS_H_
