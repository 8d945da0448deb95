// FakeHsm: a backend for keys of HSM level, without a token. It computes with a root key
// of its own, counts its calls, can be told to fail, to make callers wait, and to keep
// material as objects that somebody has to destroy.

#ifndef KMS_TESTS_KEYS_FAKE_HSM_H_
#define KMS_TESTS_KEYS_FAKE_HSM_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "kms/crypto_backend.h"

namespace kms::testing {

class FakeHsm final : public CryptoBackend {
 public:
  bool waits = false;    // whether loaded keys do; of those loaded from now on
  bool objects = false;  // whether material stays in the token
  bool away = false;     // every call fails
  bool late = false;     // a call that fails to make something has made it all the same

  FakeHsm() : FakeHsm(&NewBotanBackend) {}
  // `make` makes what computes inside.
  explicit FakeHsm(
      const std::function<std::unique_ptr<CryptoBackend>(const RootKey&)>& make)
      : inner_(make(*root_)) {}

  // Called at the beginning of each call.
  std::function<void()> on_call;

  // Called once the material is made, before it is handed out.
  std::function<void()> on_generate;

  // The n-th call from now on fails, counted from 1; 0: none does.
  void FailCall(int n) { left_ = n; }
  bool HasFailed() const { return left_ < 0; }
  int calls() const { return calls_; }
  std::size_t object_count() const { return kept_.size(); }
  std::set<std::string> Instances() const {
    std::set<std::string> all;
    for (const auto& [instance, sealed] : kept_) all.insert(instance);
    return all;
  }
  bool Has(const std::string& instance) const { return kept_.contains(instance); }

  Result<void> SelfTest() override { return inner_->SelfTest(); }
  Result<SecretBytes> Random(std::size_t size) override {
    KMS_CHECK_OK(Called());
    return inner_->Random(size);
  }
  Result<WrappedKey> Generate(KeySpec spec, const Place& place) override {
    return Making([&] {
      auto made = Kept(place, inner_->Generate(spec, place));
      if (on_generate) on_generate();
      return made;
    });
  }
  Result<WrappedKey> Import(KeySpec spec, const Place& place,
                            const SecretBytes& material) override {
    return Making([&] { return Kept(place, inner_->Import(spec, place, material)); });
  }
  Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                const SecretBytes& secret, ByteView public_key) override {
    return Making(
        [&] { return Kept(place, inner_->ImportPair(spec, place, secret, public_key)); });
  }
  Result<ImportedKey> ImportWrapped(KeySpec spec, const Place& place,
                                    const WrappingPair& pair, ByteView wrapped,
                                    ByteView label) override {
    return Making([&]() -> Result<ImportedKey> {
      KMS_TRY(ImportedKey made, inner_->ImportWrapped(spec, place, pair, wrapped, label));
      KMS_TRY(made.key, Kept(place, std::move(made.key)));
      return made;
    });
  }
  Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec, const Place& place,
                                                      ByteView sealed) override {
    KMS_CHECK_OK(Called());
    KMS_TRY(const Bytes bytes, SealedOf(place, sealed));
    KMS_TRY(auto key, inner_->LoadSymmetric(spec, place, bytes));
    return std::shared_ptr<SymmetricKey>(
        std::make_shared<Symmetric>(*this, std::move(key)));
  }
  Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec, const Place& place,
                                                  ByteView sealed) override {
    KMS_CHECK_OK(Called());
    KMS_TRY(const Bytes bytes, SealedOf(place, sealed));
    KMS_TRY(auto key, inner_->LoadPrivate(spec, place, bytes));
    return std::shared_ptr<PrivateKey>(std::make_shared<Private>(*this, std::move(key)));
  }
  Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) override {
    return inner_->LoadPublic(subject_public_key);
  }
  bool keeps_objects() const override { return objects; }
  Result<void> Destroy(std::string_view instance) override {
    KMS_CHECK_OK(Called());
    kept_.erase(std::string(instance));
    return {};
  }
  Result<void> Check() override { return Called(); }

 private:
  class Symmetric final : public SymmetricKey {
   public:
    Symmetric(FakeHsm& hsm, std::shared_ptr<SymmetricKey> key)
        : hsm_(hsm), waits_(hsm.waits), key_(std::move(key)) {}
    Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext) override {
      if (waits_) KMS_CHECK_OK(hsm_.Called());
      return key_->Seal(head, context, plaintext);
    }
    Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body) override {
      if (waits_) KMS_CHECK_OK(hsm_.Called());
      return key_->Open(head, context, body);
    }
    Result<Digest32> Mac(ByteView data) override {
      if (waits_) KMS_CHECK_OK(hsm_.Called());
      return key_->Mac(data);
    }
    std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }
    bool waits() const override { return waits_; }

   private:
    FakeHsm& hsm_;
    const bool waits_;
    const std::shared_ptr<SymmetricKey> key_;
  };

  class Private final : public PrivateKey {
   public:
    Private(FakeHsm& hsm, std::shared_ptr<PrivateKey> key)
        : hsm_(hsm), waits_(hsm.waits), key_(std::move(key)) {}
    Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override {
      if (waits_) KMS_CHECK_OK(hsm_.Called());
      return key_->Sign(algorithm, digest);
    }
    Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                                ByteView ciphertext) override {
      if (waits_) KMS_CHECK_OK(hsm_.Called());
      return key_->Decrypt(algorithm, ciphertext);
    }
    Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                   std::size_t size) override {
      if (waits_) KMS_CHECK_OK(hsm_.Called());
      return key_->DecryptKey(algorithm, ciphertext, size);
    }
    std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }
    bool waits() const override { return waits_; }

   private:
    FakeHsm& hsm_;
    const bool waits_;
    const std::shared_ptr<PrivateKey> key_;
  };

  Result<void> Called() {
    ++calls_;
    if (on_call) on_call();
    const bool fails = left_ > 0 && --left_ == 0;
    if (fails) left_ = -1;
    if (fails || away) return Reason::kHsmUnavailable;
    return {};
  }

  template <typename Make>
  auto Making(Make make) -> decltype(make()) {
    const Result<void> called = Called();
    if (!called && !late) return called.error();
    auto made = make();
    if (!called) return called.error();
    return made;
  }

  // What stays in the token leaves only a reference outside.
  Result<WrappedKey> Kept(const Place& place, Result<WrappedKey> made) {
    if (!made) return made;
    made->root = kRoot;
    if (!objects || place.instance.empty()) return made;
    made->in_token = true;
    const std::string instance(place.instance);
    kept_[instance] =
        std::exchange(made->sealed, Bytes(instance.begin(), instance.end()));
    return made;
  }
  Result<Bytes> SealedOf(const Place& place, ByteView sealed) {
    const auto found = kept_.find(std::string(place.instance));
    if (found != kept_.end()) return found->second;
    return Bytes(sealed.begin(), sealed.end());
  }

  static constexpr std::uint32_t kRoot = 3;
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> inner_;
  int calls_ = 0;
  int left_ = 0;
  std::map<std::string, Bytes> kept_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_KEYS_FAKE_HSM_H_
