#include "kms/import_service.h"

#include <utility>

#include "keys/domain.h"
#include "keys/import_places.h"
#include "keys/record_index.h"
#include "kms/digest.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr UnixMillis kTokenLife = 24LL * 60 * 60 * 1000;
constexpr int kMaxFailures = 10;
constexpr std::string_view kParametersAction = "kms:cmk:getParameters";
constexpr std::string_view kImportAction = "kms:cmk:importMaterial";

// What the fingerprint is an HMAC of. It tells material apart from other material, and
// nothing else about it: it is keyed by the material itself, and sealed where it is
// stored.
std::string FingerprintLabel(const KeyRecord& key) {
  return JoinKey({"libkms imported material", key.account, key.id});
}

Result<std::size_t> LiveTokens(const Reader& reader, const KeyRecord& key,
                               UnixMillis now) {
  KMS_TRY(const auto records,
          reader.Scan(place::Tokens(key.account, key.id), {}, kAllRecords));
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

// Gives back an attempt that failed for no reason of the caller's. Best effort: without
// it, the token has one attempt less.
void GiveBackAttempt(KeyStore& store, const std::string& token_key) {
  (void)store.Update([&](Transaction& transaction) -> Result<void> {
    KMS_TRY(TokenRecord counted,
            GetRecord<TokenRecord>(transaction, token_key, Reason::kBadImportToken));
    if (counted.failures > 0) --counted.failures;
    transaction.Put(token_key, ToJson(counted));
    return {};
  });
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
  KMS_CHECK_OK(EndDryRun(context));
  TokenRecord token;
  KMS_TRY(token.id, domain_->NewId());
  token.key = key.id;
  token.algorithm = algorithm;
  token.expires = now + kTokenLife;
  KMS_TRY(CryptoBackend * backend, domain_->BackendOf(context, key.level));
  // An object in the token would need somebody to destroy it: the pair is never one.
  if (backend->keeps_objects()) {
    backend = &domain_->parts().software;
  } else if (key.level != ProtectionLevel::kSoftware) {
    token.pair = key.level;
  }
  KMS_TRY(WrappedKey pair,
          backend->Generate(KeySpec::kRsa2048, ImportKeyPlace(key, token.id)));
  token.sealed = std::move(pair.sealed);
  ImportParameters parameters;
  parameters.key = key.id;
  parameters.public_key = std::move(pair.public_key);
  parameters.token_expires = token.expires;
  KMS_TRY(parameters.token,
          domain_->parts().root.Seal(ImportTokenPlace(key), AsBytes(token.id)));

  KMS_CHECK_OK(domain_->ChangeWithoutId(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord again,
                domain_->ReadKey(transaction, context, key.id, kParametersAction));
        KMS_CHECK_OK(check(transaction, again));
        transaction.Put(place::Token(key.account, key.id, token.id), ToJson(token));
        ChangeIndex(transaction, {}, IndexOf(key, token));
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
    const auto token_id = parts.root.Open(ImportTokenPlace(key), token_bytes);
    if (!token_id && token_id.error().error_class() == ErrorClass::kUnavailable)
      return token_id.error();
    if (!token_id) return Error(Reason::kBadImportToken).About("importToken");
    KMS_TRY(token,
            GetRecord<TokenRecord>(
                *snapshot, place::Token(key.account, key.id, AsText(token_id->Reveal())),
                Reason::kBadImportToken));
    KMS_CHECK_OK(CheckToken(token, now));
    if (expires && *expires <= now)
      return Error(Reason::kBadParameter).About("keyMaterialExpireUnix");
  }
  KMS_CHECK_OK(EndDryRun(context));
  // All that can fail for other reasons comes before the attempt is counted.
  KMS_TRY(CryptoBackend* const opener,
          domain_->BackendOf(context, token.pair.value_or(ProtectionLevel::kSoftware)));
  KMS_CHECK_OK(domain_->BackendOf(context, key.level));
  std::optional<SecretBytes> known;
  if (!key.fingerprint.empty()) {
    KMS_TRY(known, parts.root.Open(FingerprintPlace(key), key.fingerprint));
  }
  VersionRecord version;
  version.key = key.id;
  version.account = key.account;
  if (key.primary.empty()) {
    KMS_TRY(version.id, domain_->NewId());
  } else {
    version.id = key.primary;
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

  const std::string label = FingerprintLabel(key);
  const WrappingPair pair = {ImportKeyPlace(key, token.id), token.sealed,
                             token.algorithm};
  Digest32 print{};
  auto imported = domain_->NewMaterial(
      context, key, version.id,
      [&](CryptoBackend& backend, const Place& place) -> Result<WrappedKey> {
        auto made = &backend == opener
                        ? backend.ImportWrapped(key.spec, place, pair, wrapped_material,
                                                AsBytes(label))
                        : ImportThrough(*opener, backend, key.spec, place, pair,
                                        wrapped_material, AsBytes(label));
        if (!made) return std::move(made).error();
        print = made->print;
        return std::move(made->key);
      });
  if (!imported) {
    const ErrorClass failure = imported.error().error_class();
    if (failure != ErrorClass::kAuthFailed && failure != ErrorClass::kInvalidArgument) {
      GiveBackAttempt(parts.store, token_key);
      return std::move(imported).error();
    }
  }
  // After PKCS#1 v1.5 nobody may learn whether the padding, the length or the material
  // was wrong: the print is compared all the same, and every failure is one.
  const bool silent = token.algorithm == EncryptionAlgorithm::kRsaPkcs1;
  const bool matches = !known || ConstantTimeEqual(known->Reveal(), print);
  if (!imported && !silent)
    return std::move(imported).error().About("encryptedKeyMaterial");
  if (!imported || !matches) {
    if (imported) (void)domain_->Abandon(key.id, *imported);
    return Error(silent ? Reason::kBadCiphertext : Reason::kOtherKeyMaterial)
        .About("encryptedKeyMaterial");
  }
  const auto keep = [&]() -> Result<void> {
    KMS_TRY(const Bytes sealed_print, parts.root.Seal(FingerprintPlace(key), print));
    KMS_CHECK_OK(domain_->Change(
        context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
          KMS_TRY(const KeyRecord before,
                  domain_->ReadKey(transaction, context, key.id, kImportAction));
          KMS_CHECK_OK(CheckState(Action::kImport, before, now));
          KMS_TRY(TokenRecord used, GetRecord<TokenRecord>(transaction, token_key,
                                                           Reason::kBadImportToken));
          --used.failures;
          transaction.Put(token_key, ToJson(used));
          // Another import was first: which material is the key's, it has decided.
          if (before.primary != key.primary) return Reason::kConflict;
          KeyRecord changed = before;
          VersionRecord record = version;
          if (before.primary.empty()) {
            record.number = changed.versions++;
            record.created = now;
            changed.primary = record.id;
            changed.fingerprint = sealed_print;
          } else {
            KMS_TRY(record, domain_->ReadVersion(transaction, before, before.primary));
          }
          // The same material: an object that others have loaded stays as it is.
          if (record.in_token.value_or(false)) {
            Domain::GiveUp(transaction, record.key, *imported);
          } else {
            KMS_CHECK_OK(Domain::KeepMaterial(transaction, *imported, record));
          }
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
  };
  Result<void> kept = keep();
  if (!kept) GiveBackAttempt(parts.store, token_key);
  return kept;
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
  Domain::DropMaterial(transaction, version);
  Domain::PutVersion(transaction, version);
  return {};
}

}  // namespace kms
