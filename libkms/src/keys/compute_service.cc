#include "kms/compute_service.h"

#include <utility>

#include "keys/blob.h"
#include "keys/domain.h"
#include "kms/asymmetric_service.h"

namespace kms {
namespace {

constexpr std::size_t kMaxDataKey = 1024;

Error BadCiphertext() { return Error(Reason::kBadCiphertext).About("ciphertextBlob"); }

// A symmetric key whose state allows `what`.
Result<std::shared_ptr<const KeyRecord>> SymmetricKeyOf(
    Domain& domain, const Snapshot& snapshot, const RequestContext& context,
    std::string_view name, std::string_view action, Action what,
    Reason absent = Reason::kKeyNotFound) {
  KMS_TRY(auto key, domain.FindKey(snapshot, context, name, action, absent));
  if (!IsSymmetric(key->spec)) return Reason::kNotSymmetric;
  KMS_CHECK_OK(CheckState(what, *key, domain.Now()));
  return key;
}

// A version of a symmetric key, found and allowed, with nothing held of the store; the
// primary one if `version` is empty.
Result<std::shared_ptr<const LoadedVersion>> VersionOf(
    Domain& domain, const RequestContext& context, std::string_view name,
    std::string_view version, std::string_view action, Action what,
    Reason absent = Reason::kKeyNotFound) {
  KMS_TRY(auto snapshot, domain.parts().store.Read());
  KMS_TRY(const auto key,
          SymmetricKeyOf(domain, *snapshot, context, name, action, what, absent));
  return domain.LoadSymmetric(context, std::move(snapshot), *key,
                              version.empty() ? key->primary : version);
}

Result<std::shared_ptr<const LoadedVersion>> PrimaryOf(
    Domain& domain, const RequestContext& context, std::string_view name,
    std::string_view action, Action what, Reason absent = Reason::kKeyNotFound) {
  return VersionOf(domain, context, name, {}, action, what, absent);
}

// What a blob of that version is authenticated with.
class Authenticated {
 public:
  Authenticated(const LoadedVersion& version, const EncryptionContext& bound)
      : both_(bound.empty() ? std::string() : version.context + bound.encoded()),
        all_(bound.empty() ? version.context : both_) {}
  Authenticated(const Authenticated&) = delete;
  Authenticated& operator=(const Authenticated&) = delete;
  ByteView bytes() const { return AsBytes(all_); }

 private:
  const std::string both_;
  const std::string_view all_;
};

Result<Encrypted> Seal(const LoadedVersion& version, ByteView plaintext,
                       const EncryptionContext& bound) {
  const Authenticated authenticated(version, bound);
  KMS_TRY(Bytes blob, version.symmetric->Seal(AsBytes(version.head),
                                              authenticated.bytes(), plaintext));
  return Encrypted{version.key, version.id, std::move(blob)};
}

Result<Decrypted> OpenBlob(Domain& domain, const RequestContext& context, ByteView blob,
                           std::string_view action, Action what,
                           const EncryptionContext& bound) {
  const auto head = ReadBlobHead(blob);
  if (!head) return BadCiphertext();
  std::shared_ptr<const LoadedVersion> version;
  {
    KMS_TRY(auto snapshot, domain.parts().store.Read());
    KMS_TRY(const auto key,
            domain.UsableKey(*snapshot, context, head->key, action, what));
    if (!IsSymmetric(key->spec)) return BadCiphertext();
    auto loaded = domain.LoadSymmetric(context, std::move(snapshot), *key, head->version);
    if (!loaded) {
      if (loaded.error().reason() == Reason::kVersionNotFound) return BadCiphertext();
      return std::move(loaded).error();
    }
    version = std::move(loaded).value();
  }
  KMS_CHECK_OK(EndDryRun(context));
  const Authenticated authenticated(*version, bound);
  auto plaintext = version->symmetric->Open(
      blob.first(kBlobHeadSize), authenticated.bytes(), blob.subspan(kBlobHeadSize));
  if (!plaintext) return std::move(plaintext).error().About("ciphertextBlob");
  return Decrypted{version->key, version->id, std::move(plaintext).value()};
}

Result<Bytes> Export(Domain& domain, const SecretBytes& data_key, ByteView public_key,
                     EncryptionAlgorithm algorithm) {
  auto recipient = domain.parts().software.LoadPublic(public_key);
  if (!recipient) return std::move(recipient).error().About("publicKeyBlob");
  return (*recipient)->Encrypt(algorithm, data_key.Reveal());
}

}  // namespace

ComputeService::ComputeService(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)) {}

Result<Encrypted> ComputeService::Encrypt(const RequestContext& context,
                                          std::string_view key, ByteView plaintext,
                                          const EncryptionContext& bound) {
  if (plaintext.empty()) return Error(Reason::kPlaintextMissing).About("plaintext");
  if (plaintext.size() > kMaxPlaintext) return Error(Reason::kTooLong).About("plaintext");
  KMS_TRY(const auto version,
          PrimaryOf(*domain_, context, key, "kms:cmk:encrypt", Action::kEncrypt));
  KMS_CHECK_OK(EndDryRun(context));
  return Seal(*version, plaintext, bound);
}

Result<Decrypted> ComputeService::Decrypt(const RequestContext& context, ByteView blob,
                                          const EncryptionContext& bound) {
  return OpenBlob(*domain_, context, blob, "kms:cmk:decrypt", Action::kEncrypt, bound);
}

namespace {

Result<DataKey> MakeDataKey(Domain& domain, const RequestContext& context,
                            std::string_view key, std::size_t size,
                            std::string_view action, const EncryptionContext& bound) {
  if (size == 0 || size > kMaxDataKey)
    return Error(Reason::kBadParameter).About("numberOfBytes");
  KMS_TRY(const auto version, PrimaryOf(domain, context, key, action, Action::kEncrypt));
  KMS_CHECK_OK(EndDryRun(context));
  KMS_TRY(SecretBytes plaintext, domain.parts().software.Random(size));
  KMS_TRY(Encrypted encrypted, Seal(*version, plaintext.Reveal(), bound));
  return DataKey{std::move(encrypted), std::move(plaintext)};
}

}  // namespace

Result<DataKey> ComputeService::GenerateDataKey(const RequestContext& context,
                                                std::string_view key, std::size_t size,
                                                const EncryptionContext& bound) {
  return MakeDataKey(*domain_, context, key, size, "kms:cmk:generateDataKey", bound);
}

Result<Encrypted> ComputeService::GenerateDataKeyWithoutPlaintext(
    const RequestContext& context, std::string_view key, std::size_t size,
    const EncryptionContext& bound) {
  KMS_TRY(DataKey made, MakeDataKey(*domain_, context, key, size,
                                    "kms:cmk:generateDataKeyWithoutPlaintext", bound));
  return std::move(made.encrypted);
}

Result<ExportedDataKey> ComputeService::ExportDataKey(const RequestContext& context,
                                                      ByteView blob, ByteView public_key,
                                                      EncryptionAlgorithm algorithm,
                                                      const EncryptionContext& bound) {
  KMS_TRY(Decrypted opened, OpenBlob(*domain_, context, blob, "kms:cmk:exportDataKey",
                                     Action::kEncrypt, bound));
  KMS_TRY(Bytes exported, Export(*domain_, opened.plaintext, public_key, algorithm));
  return ExportedDataKey{{std::move(opened.key), std::move(opened.version), {}},
                         std::move(exported)};
}

Result<ExportedDataKey> ComputeService::GenerateAndExportDataKey(
    const RequestContext& context, std::string_view key, std::size_t size,
    ByteView public_key, EncryptionAlgorithm algorithm, const EncryptionContext& bound) {
  KMS_TRY(DataKey made, MakeDataKey(*domain_, context, key, size,
                                    "kms:cmk:generateAndExportDataKey", bound));
  KMS_TRY(Bytes exported, Export(*domain_, made.plaintext, public_key, algorithm));
  return ExportedDataKey{std::move(made.encrypted), std::move(exported)};
}

Result<Encrypted> ComputeService::ReEncrypt(const RequestContext& context,
                                            ByteView ciphertext,
                                            std::string_view destination,
                                            const PublicKeySource* source,
                                            const EncryptionContext& bound,
                                            const EncryptionContext& destination_bound) {
  if (source != nullptr && !bound.empty())
    return Error(Reason::kBadParameter, "a public-key ciphertext is bound to nothing")
        .About("encryptionContext");
  constexpr std::string_view kAction = "kms:cmk:reEncrypt";
  KMS_TRY(const auto target, PrimaryOf(*domain_, context, destination, kAction,
                                       Action::kUse, Reason::kDestinationKeyNotFound));
  Result<Decrypted> opened =
      source == nullptr
          ? OpenBlob(*domain_, context, ciphertext, kAction, Action::kUse, bound)
          : DecryptWithPrivateKey(*domain_, context, {source->key, source->version},
                                  source->algorithm, ciphertext, kAction);
  if (!opened) return std::move(opened).error();
  KMS_TRY(Encrypted sealed, Seal(*target, opened->plaintext.Reveal(), destination_bound));
  return Encrypted{std::move(opened->key), std::move(opened->version),
                   std::move(sealed.blob)};
}

namespace {

constexpr std::string_view kHmacAction = "kms:cmk:hmac";

Result<void> CheckMacInput(ByteView data) {
  if (data.size() > kMaxPlaintext) return Error(Reason::kTooLong).About("input");
  return {};
}

}  // namespace

Result<MadeMac> ComputeService::ComputeMac(const RequestContext& context,
                                           std::string_view name,
                                           std::string_view version, ByteView data) {
  KMS_CHECK_OK(CheckMacInput(data));
  KMS_TRY(const auto loaded,
          VersionOf(*domain_, context, name, version, kHmacAction, Action::kUse));
  KMS_CHECK_OK(EndDryRun(context));
  KMS_TRY(const Digest32 mac, loaded->symmetric->Mac(data));
  return MadeMac{loaded->key, loaded->id, mac};
}

Result<MacVerdict> ComputeService::VerifyMac(const RequestContext& context,
                                             std::string_view name,
                                             std::string_view version, ByteView data,
                                             const Digest32& mac) {
  KMS_CHECK_OK(CheckMacInput(data));
  KMS_TRY(auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto key,
          SymmetricKeyOf(*domain_, *snapshot, context, name, kHmacAction, Action::kUse));
  const auto made_by = [&](std::string_view id) -> Result<bool> {
    KMS_TRY(const auto loaded,
            domain_->LoadSymmetric(context, std::move(snapshot), *key, id));
    KMS_CHECK_OK(EndDryRun(context));
    KMS_TRY(const Digest32 wanted, loaded->symmetric->Mac(data));
    return ConstantTimeEqual(wanted, mac);
  };
  if (!version.empty()) {
    KMS_TRY(const bool valid, made_by(version));
    return MacVerdict{key->id, std::string(version), valid};
  }
  const std::uint64_t oldest =
      key->versions > kTriedVersions ? key->versions - kTriedVersions : 0;
  for (std::uint64_t number = key->versions; number-- > oldest;) {
    if (!snapshot) {
      KMS_TRY(snapshot, domain_->parts().store.Read());
    }
    KMS_TRY(PointerRecord tried,
            GetRecord<PointerRecord>(*snapshot,
                                     place::VersionList(key->account, key->id, number),
                                     Reason::kVersionNotFound));
    KMS_TRY(const bool valid, made_by(tried.name));
    if (valid) return MacVerdict{key->id, std::move(tried.name), true};
  }
  return MacVerdict{key->id, key->primary, false};
}

}  // namespace kms
