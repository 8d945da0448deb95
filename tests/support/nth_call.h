// NthCall: which of the calls that it is told of fails, and how. NthStore, NthRootKey and
// NthBackend are a store, a root key and a backend that tell it of every call to them and
// to what they hand out: snapshots, transactions, loaded keys.

#ifndef KMS_TESTS_SUPPORT_NTH_CALL_H_
#define KMS_TESTS_SUPPORT_NTH_CALL_H_

#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/root_key.h"

namespace kms::testing {

// Threads: calls may come from any.
class NthCall {
 public:
  // In the detail of each failure; nobody outside is to see it.
  static constexpr std::string_view kDetail = "the call that was to fail";

  // From now on it fails by throwing std::bad_alloc.
  void Throw() { throws_ = true; }

  // The n-th call from now on fails, counted from 1; 0: none does.
  void FailCall(int n) { left_ = n; }
  // Whether the failure has happened.
  bool HasFailed() const { return left_ < 0; }

  // Every call comes by here first. Fails: as `reason`, if it is the one.
  Result<void> Pass(Reason reason) {
    if (left_ <= 0 || --left_ > 0) return {};
    left_ = -1;
    if (throws_) throw std::bad_alloc();
    return Error(reason, std::string(kDetail));
  }

 private:
  bool throws_ = false;
  std::atomic<int> left_ = 0;
};

class NthStore final : public KeyStore {
 public:
  NthStore(KeyStore& inner, NthCall& calls) : inner_(inner), calls_(calls) {}

  Result<std::unique_ptr<Snapshot>> Read() const override {
    KMS_CHECK_OK(Pass());
    KMS_TRY(auto snapshot, inner_.Read());
    return std::unique_ptr<Snapshot>(std::make_unique<Seen>(*this, std::move(snapshot)));
  }

  // Once before anything is done, and once as the commit.
  Result<Revision> Update(
      const std::function<Result<void>(Transaction&)>& change) override {
    KMS_CHECK_OK(Pass());
    return inner_.Update([&](Transaction& transaction) -> Result<void> {
      Open open(*this, transaction);
      KMS_CHECK_OK(change(open));
      return Pass();
    });
  }

  Result<void> Check() const override { return inner_.Check(); }

  Result<Revision> WaitForChange(Revision seen,
                                 std::chrono::milliseconds patience) const override {
    KMS_CHECK_OK(Pass());
    return inner_.WaitForChange(seen, patience);
  }

 private:
  template <typename Base>
  class Reading : public Base {
   public:
    Reading(const NthStore& store, const Reader& inner) : store_(store), inner_(inner) {}
    Result<std::optional<RecordView>> Get(std::string_view key) const override {
      KMS_CHECK_OK(store_.Pass());
      return inner_.Get(key);
    }
    Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                     std::size_t limit) const override {
      KMS_CHECK_OK(store_.Pass());
      return inner_.Scan(prefix, from, limit);
    }

   private:
    const NthStore& store_;
    const Reader& inner_;
  };

  class Seen final : public Reading<Snapshot> {
   public:
    Seen(const NthStore& store, std::unique_ptr<Snapshot> inner)
        : Reading(store, *inner), inner_(std::move(inner)) {}
    Revision revision() const override { return inner_->revision(); }

   private:
    const std::unique_ptr<Snapshot> inner_;
  };

  class Open final : public Reading<Transaction> {
   public:
    Open(const NthStore& store, Transaction& inner)
        : Reading(store, inner), inner_(inner) {}
    void Put(std::string_view key, std::string_view value) override {
      inner_.Put(key, value);
    }
    void Append(std::string_view prefix, std::string_view value) override {
      inner_.Append(prefix, value);
    }
    void Erase(std::string_view key) override { inner_.Erase(key); }

   private:
    Transaction& inner_;
  };

  Result<void> Pass() const { return calls_.Pass(Reason::kStoreUnavailable); }

  KeyStore& inner_;
  NthCall& calls_;
};

class NthRootKey final : public RootKey {
 public:
  NthRootKey(const RootKey& inner, NthCall& calls) : inner_(inner), calls_(calls) {}

  Result<Bytes> Seal(const Place& place, ByteView secret) const override {
    KMS_CHECK_OK(calls_.Pass(Reason::kHsmUnavailable));
    return inner_.Seal(place, secret);
  }
  Result<SecretBytes> Open(const Place& place, ByteView sealed) const override {
    KMS_CHECK_OK(calls_.Pass(Reason::kKeyDecryptionFailed));
    return inner_.Open(place, sealed);
  }

 private:
  const RootKey& inner_;
  NthCall& calls_;
};

class NthBackend final : public CryptoBackend {
 public:
  NthBackend(CryptoBackend& inner, NthCall& calls) : inner_(inner), calls_(calls) {}

  Result<void> SelfTest() override { return inner_.SelfTest(); }
  Result<SecretBytes> Random(std::size_t size) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
    return inner_.Random(size);
  }
  Result<WrappedKey> Generate(KeySpec spec, const Place& place) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kKeyCreationFailed));
    return inner_.Generate(spec, place);
  }
  Result<WrappedKey> Import(KeySpec spec, const Place& place,
                            const SecretBytes& material) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
    return inner_.Import(spec, place, material);
  }
  Result<ImportedKey> ImportWrapped(KeySpec spec, const Place& place,
                                    const WrappingPair& pair, ByteView wrapped,
                                    ByteView label) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
    return inner_.ImportWrapped(spec, place, pair, wrapped, label);
  }
  Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                const SecretBytes& secret, ByteView public_key) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
    return inner_.ImportPair(spec, place, secret, public_key);
  }
  Result<SecretBytes> ExportPair(KeySpec spec, const Place& place,
                                 ByteView sealed) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kKeyDecryptionFailed));
    return inner_.ExportPair(spec, place, sealed);
  }
  Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec, const Place& place,
                                                      ByteView sealed) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kKeyDecryptionFailed));
    KMS_TRY(auto key, inner_.LoadSymmetric(spec, place, sealed));
    return std::shared_ptr<SymmetricKey>(
        std::make_shared<Symmetric>(std::move(key), calls_));
  }
  Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec, const Place& place,
                                                  ByteView sealed) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kKeyDecryptionFailed));
    KMS_TRY(auto key, inner_.LoadPrivate(spec, place, sealed));
    return std::shared_ptr<PrivateKey>(std::make_shared<Private>(std::move(key), calls_));
  }
  Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) override {
    KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
    KMS_TRY(auto key, inner_.LoadPublic(subject_public_key));
    return std::shared_ptr<PublicKey>(std::make_shared<Public>(std::move(key), calls_));
  }

 private:
  class Symmetric final : public SymmetricKey {
   public:
    Symmetric(std::shared_ptr<SymmetricKey> key, NthCall& calls)
        : key_(std::move(key)), calls_(calls) {}
    Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Seal(head, context, plaintext);
    }
    Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Open(head, context, body);
    }
    Result<Digest32> Mac(ByteView data) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Mac(data);
    }
    std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }

   private:
    const std::shared_ptr<SymmetricKey> key_;
    NthCall& calls_;
  };

  class Private final : public PrivateKey {
   public:
    Private(std::shared_ptr<PrivateKey> key, NthCall& calls)
        : key_(std::move(key)), calls_(calls) {}
    Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Sign(algorithm, digest);
    }
    Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                                ByteView ciphertext) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Decrypt(algorithm, ciphertext);
    }
    Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                   std::size_t size) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->DecryptKey(algorithm, ciphertext, size);
    }
    std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }

   private:
    const std::shared_ptr<PrivateKey> key_;
    NthCall& calls_;
  };

  class Public final : public PublicKey {
   public:
    Public(std::shared_ptr<PublicKey> key, NthCall& calls)
        : key_(std::move(key)), calls_(calls) {}
    Result<bool> Verify(SignatureAlgorithm algorithm, ByteView digest,
                        ByteView signature) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Verify(algorithm, digest, signature);
    }
    Result<Bytes> Encrypt(EncryptionAlgorithm algorithm, ByteView plaintext) override {
      KMS_CHECK_OK(calls_.Pass(Reason::kRandomFailed));
      return key_->Encrypt(algorithm, plaintext);
    }
    KeySpec spec() const override { return key_->spec(); }
    std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }

   private:
    const std::shared_ptr<PublicKey> key_;
    NthCall& calls_;
  };

  CryptoBackend& inner_;
  NthCall& calls_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_SUPPORT_NTH_CALL_H_
