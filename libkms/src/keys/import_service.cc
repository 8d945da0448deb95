#include "kms/import_service.h"

#include <utility>

#include "keys/domain.h"
#include "kms/digest.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr UnixMillis kTokenLife = 24LL * 60 * 60 * 1000;
constexpr int kMaxFailures = 10;
constexpr std::string_view kParametersAction = "kms:cmk:getParameters";
constexpr std::string_view kImportAction = "kms:cmk:importMaterial";

Place TokenPlace(const KeyRecord& key) {
  return {key.account, key.id, {}, "import-token"};
}

Place TokenKeyPlace(const KeyRecord& key, std::string_view token) {
  return {key.account, key.id, token, "import-key"};
}

Place FingerprintPlace(const KeyRecord& key) {
  return {key.account, key.id, {}, "material-fingerprint"};
}

// Tells material apart from other material, and nothing else about it. It is keyed by
// the material itself, and sealed where it is stored.
Digest32 FingerprintOf(const KeyRecord& key, const SecretBytes& material) {
  return Hmac(DigestAlgorithm::kSha256, material.Reveal(),
              AsBytes(JoinKey({"libkms imported material", key.account, key.id})));
}

std::size_t MaterialSize(KeySpec spec) { return spec == KeySpec::kSm4 ? 16 : 32; }

Result<std::size_t> LiveTokens(const Reader& reader, const KeyRecord& key,
                               UnixMillis now) {
  KMS_TRY(const auto records, reader.Scan(place::Tokens(key.account, key.id), {},
                                          static_cast<std::size_t>(-1)));
  std::size_t live = 0;
  for (const Record& record : records) {
    KMS_TRY(const TokenRecord token, FromJson<TokenRecord>(record.value));
    if (token.expires > now) ++live;
  }
  return live;
}

Result<void> CheckToken(const TokenRecord& token, UnixMillis now) {
  if (token.expires <= now || token.failures >= kMaxFailures)
    return Error(Reason::kBadImportToken).About("importToken");
  return {};
}

}  // namespace

ImportService::ImportService(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)) {}

Result<ImportParameters> ImportService::GetParameters(const RequestContext& context,
                                                      std::string_view name,
                                                      EncryptionAlgorithm algorithm) {
  if (!Fits(algorithm, KeySpec::kRsa2048))
    return Error(Reason::kAlgorithmNotSupported).About("wrappingAlgorithm");
  const UnixMillis now = domain_->Now();
  const auto check = [&](const Reader& reader, const KeyRecord& key) -> Result<void> {
    KMS_CHECK_OK(CheckState(Action::kImport, key, now));
    KMS_TRY(const std::size_t live, LiveTokens(reader, key, now));
    if (live >= static_cast<std::size_t>(domain_->parts().limits.import_tokens))
      return Error(Reason::kQuotaUsedUp, "too many live import tokens");
    return {};
  };
  KeyRecord key;
  {
    KMS_TRY(const auto snapshot, domain_->parts().store.Read());
    KMS_TRY(key, domain_->ReadKey(*snapshot, context, name, kParametersAction));
    KMS_CHECK_OK(check(*snapshot, key));
  }
  TokenRecord token;
  KMS_TRY(token.id, domain_->NewId());
  token.key = key.id;
  token.algorithm = algorithm;
  token.expires = now + kTokenLife;
  KMS_TRY(WrappedKey pair, domain_->parts().software.Generate(
                               KeySpec::kRsa2048, TokenKeyPlace(key, token.id)));
  token.sealed = std::move(pair.sealed);
  ImportParameters parameters;
  parameters.key = key.id;
  parameters.public_key = std::move(pair.public_key);
  parameters.token_expires = token.expires;
  KMS_TRY(parameters.token,
          domain_->parts().root.Seal(TokenPlace(key), AsBytes(token.id)));

  KMS_CHECK_OK(domain_->ChangeWithoutId(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord again,
                domain_->ReadKey(transaction, context, key.id, kParametersAction));
        KMS_CHECK_OK(check(transaction, again));
        transaction.Put(place::Token(key.account, key.id, token.id), ToJson(token));
        transaction.Put(place::DueDate({token.expires, DueKind::kToken, key.account,
                                        key.region, key.id, token.id}),
                        ToJson(PointerRecord{}));
        note.key = key.id;
        return {};
      }));
  return parameters;
}

Result<void> ImportService::ImportMaterial(const RequestContext& context,
                                           std::string_view name, ByteView token_bytes,
                                           ByteView wrapped_material,
                                           std::optional<UnixMillis> expires) {
  KMS_TRY(const auto repeated, domain_->RepeatedOutcome(context));
  if (repeated) return {};
  const UnixMillis now = domain_->Now();
  const Parts& parts = domain_->parts();

  KeyRecord key;
  TokenRecord token;
  {
    KMS_TRY(const auto snapshot, parts.store.Read());
    KMS_TRY(key, domain_->ReadKey(*snapshot, context, name, kImportAction));
    KMS_CHECK_OK(CheckState(Action::kImport, key, now));
    const auto token_id = parts.root.Open(TokenPlace(key), token_bytes);
    if (!token_id) return Error(Reason::kBadImportToken).About("importToken");
    KMS_TRY(token,
            GetRecord<TokenRecord>(
                *snapshot, place::Token(key.account, key.id, AsText(token_id->Reveal())),
                Reason::kBadImportToken));
    KMS_CHECK_OK(CheckToken(token, now));
    if (expires && *expires <= now)
      return Error(Reason::kBadParameter).About("keyMaterialExpireUnix");
  }
  const std::string token_key = place::Token(key.account, key.id, token.id);
  // Counted as a failure before it is tried, and given back by a success: so that
  // attempts at the same time are not more than the token has left.
  KMS_CHECK_OK(parts.store.Update([&](Transaction& transaction) -> Result<void> {
    KMS_TRY(TokenRecord counted,
            GetRecord<TokenRecord>(transaction, token_key, Reason::kBadImportToken));
    KMS_CHECK_OK(CheckToken(counted, now));
    ++counted.failures;
    transaction.Put(token_key, ToJson(counted));
    return {};
  }));

  KMS_TRY(const auto private_key,
          parts.software.LoadPrivate(KeySpec::kRsa2048, TokenKeyPlace(key, token.id),
                                     token.sealed));
  auto material =
      private_key->DecryptKey(token.algorithm, wrapped_material, MaterialSize(key.spec));
  if (!material && material.error().error_class() != ErrorClass::kAuthFailed &&
      material.error().error_class() != ErrorClass::kInvalidArgument)
    return std::move(material).error();
  // After PKCS#1 v1.5 nobody may learn whether the padding, the length or the material
  // was wrong: the rest is done with stand-in bytes, and ends the same way.
  const bool silent = token.algorithm == EncryptionAlgorithm::kRsaPkcs1;
  const bool unwrapped = material.has_value();
  if (!unwrapped && !silent)
    return std::move(material).error().About("encryptedKeyMaterial");
  const SecretBytes bytes =
      unwrapped ? std::move(material).value()
                : SecretBytes::Filled(MaterialSize(key.spec), [](auto) {});

  const Digest32 fingerprint = FingerprintOf(key, bytes);
  bool matches = true;
  if (!key.fingerprint.empty()) {
    KMS_TRY(const SecretBytes known,
            parts.root.Open(FingerprintPlace(key), key.fingerprint));
    matches = ConstantTimeEqual(known.Reveal(), fingerprint);
  }
  if (!unwrapped || !matches) {
    return Error(silent ? Reason::kBadCiphertext : Reason::kOtherKeyMaterial)
        .About("encryptedKeyMaterial");
  }

  VersionRecord version;
  KMS_TRY(CryptoBackend* const backend, domain_->BackendOf(key.level));
  if (key.primary.empty()) {
    KMS_TRY(version.id, domain_->NewId());
  } else {
    version.id = key.primary;
  }
  KMS_TRY(WrappedKey made,
          backend->Import(key.spec, Domain::MaterialPlace(key, version.id), bytes));
  KMS_TRY(Bytes sealed_fingerprint, parts.root.Seal(FingerprintPlace(key), fingerprint));

  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord before,
                domain_->ReadKey(transaction, context, key.id, kImportAction));
        KMS_CHECK_OK(CheckState(Action::kImport, before, now));
        KMS_TRY(TokenRecord used,
                GetRecord<TokenRecord>(transaction, token_key, Reason::kBadImportToken));
        --used.failures;
        transaction.Put(token_key, ToJson(used));
        // Another import was first: which material is the key's, it has decided.
        if (before.primary != key.primary) return Reason::kConflict;
        KeyRecord changed = before;
        VersionRecord record = version;
        if (before.primary.empty()) {
          record.key = key.id;
          record.account = key.account;
          record.number = changed.versions++;
          record.created = now;
          changed.primary = record.id;
          changed.fingerprint = sealed_fingerprint;
        } else {
          KMS_TRY(record, domain_->ReadVersion(transaction, before, before.primary));
        }
        record.sealed = made.sealed;
        Domain::PutVersion(transaction, record);
        changed.material = true;
        changed.material_expires = expires;
        changed.updated = now;
        Domain::PutKey(transaction, &before, changed);
        note.key = key.id;
        note.version = record.id;
        return {};
      }));
  return {};
}

Result<void> ImportService::DeleteMaterial(const RequestContext& context,
                                           std::string_view name) {
  std::string id;
  KMS_CHECK_OK(domain_->ChangeKey(
      context, name, "kms:cmk:deleteMaterial", Action::kDeleteMaterial,
      [&](Transaction& transaction, KeyRecord& key, UnixMillis) -> Result<void> {
        id = key.id;
        return RemoveMaterial(transaction, key);
      }));
  if (!id.empty()) domain_->Forget(id);
  return {};
}

Result<void> RemoveMaterial(Transaction& transaction, KeyRecord& key) {
  key.material = false;
  key.material_expires.reset();
  if (key.primary.empty()) return {};  // there never was any
  KMS_TRY(VersionRecord version,
          GetRecord<VersionRecord>(transaction,
                                   place::Version(key.account, key.id, key.primary),
                                   Reason::kVersionNotFound));
  version.sealed.clear();
  Domain::PutVersion(transaction, version);
  return {};
}

}  // namespace kms
