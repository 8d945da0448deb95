// RememberingBackend: what it has loaded once it does not load again, so that a store can
// be checked hundreds of times in seconds.

#ifndef KMS_TESTS_CHECK_REMEMBERING_BACKEND_H_
#define KMS_TESTS_CHECK_REMEMBERING_BACKEND_H_

#include <map>
#include <memory>
#include <string>

#include "kms/crypto_backend.h"

namespace kms::testing {

class RememberingBackend final : public CryptoBackend {
 public:
  explicit RememberingBackend(CryptoBackend& inner) : inner_(inner) {}

  Result<void> SelfTest() override { return inner_.SelfTest(); }
  Result<SecretBytes> Random(std::size_t size) override { return inner_.Random(size); }
  Result<WrappedKey> Generate(KeySpec spec, const Place& place) override {
    return inner_.Generate(spec, place);
  }
  Result<WrappedKey> Import(KeySpec spec, const Place& place,
                            const SecretBytes& material) override {
    return inner_.Import(spec, place, material);
  }
  Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                const SecretBytes& secret, ByteView public_key) override {
    return inner_.ImportPair(spec, place, secret, public_key);
  }
  Result<SecretBytes> ExportPair(KeySpec spec, const Place& place,
                                 ByteView sealed) override {
    return inner_.ExportPair(spec, place, sealed);
  }
  Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec, const Place& place,
                                                      ByteView sealed) override {
    return inner_.LoadSymmetric(spec, place, sealed);
  }
  Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec, const Place& place,
                                                  ByteView sealed) override {
    auto& known = private_[{static_cast<int>(spec),
                            EncodePlace(place) + std::string(AsText(sealed))}];
    if (!known) {
      KMS_TRY(known, inner_.LoadPrivate(spec, place, sealed));
    }
    return known;
  }
  Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) override {
    auto& known = public_[std::string(AsText(subject_public_key))];
    if (!known) {
      KMS_TRY(known, inner_.LoadPublic(subject_public_key));
    }
    return known;
  }

 private:
  CryptoBackend& inner_;
  std::map<std::pair<int, std::string>, std::shared_ptr<PrivateKey>> private_;
  std::map<std::string, std::shared_ptr<PublicKey>> public_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_CHECK_REMEMBERING_BACKEND_H_
