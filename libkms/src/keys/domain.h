// Domain: what the services share. Finding keys, loading their material, and
// committing changes together with their audit event, request id and due-dates. Its
// three sources are those: domain.cc, domain_material.cc, domain_changes.cc.
//
// Threads: may be used from many threads at once.

#ifndef KMS_KEYS_DOMAIN_H_
#define KMS_KEYS_DOMAIN_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "keys/failure_budget.h"
#include "keys/lru_cache.h"
#include "keys/records.h"
#include "keys/states.h"
#include "kms/audit_sink.h"
#include "kms/kms.h"

namespace kms {

// The longest plaintext, and the longest input of a MAC, in bytes.
inline constexpr std::size_t kMaxPlaintext = 6144;
inline constexpr UnixMillis kMillisPerDay = 24LL * 60 * 60 * 1000;

// An interval of automatic rotation is 7 to 730 days. Fails: kBadRotationInterval.
Result<void> CheckRotationDays(int days);

// Whose material it is: a key's, or that of something else that has some, such as a
// certificate. The views are not kept.
struct MaterialOwner {
  MaterialOwner(const KeyRecord& of)  // whoever takes an owner takes a key
      : account(of.account), id(of.id), spec(of.spec), level(of.level) {}
  MaterialOwner(std::string_view of_account, std::string_view of_id, KeySpec of_spec,
                ProtectionLevel at)
      : account(of_account), id(of_id), spec(of_spec), level(at) {}

  std::string_view account;
  std::string_view id;
  KeySpec spec;
  ProtectionLevel level;
};

// A version made ready for use: one of the three.
struct LoadedVersion {
  std::string key;  // its owner
  std::string id;
  std::string head;          // of blobs; symmetric keys only
  std::string context;       // authenticated with every blob
  Bytes subject_public_key;  // of key pairs
  std::shared_ptr<SymmetricKey> symmetric;
  std::shared_ptr<PrivateKey> private_key;
  std::shared_ptr<PublicKey> public_key;
};

// New material of a version, before it is committed.
struct Material {
  WrappedKey key;
  std::string instance;  // of HSM level: part of its place
  bool watched = false;  // a DiscardRecord stands until the commit
};

// What a change tells about itself, for the audit log and for a repeated request.
struct ChangeNote {
  std::string key;  // or certificate, access point, or its access key, or tag
  std::string version;
  std::string outcome;  // a JSON text; empty: success without a result
};

class Domain {
 public:
  explicit Domain(const Parts& parts);

  const Parts& parts() const { return parts_; }
  UnixMillis Now() const { return parts_.clock.Now(); }

  // A new random UUID. Fails: kUnavailable.
  Result<std::string> NewId() const;

  // BackendOf returns what is called for keys of that level.
  // Fails: kHsmUnavailable if there is no HSM; kMustWait if this thread may not call it.
  Result<CryptoBackend*> BackendOf(const RequestContext& context,
                                   ProtectionLevel level) const;

  // NewMaterial has `make` make the material of a version: every way to do so comes
  // through here. Material that becomes an object in the token is first noted down, so
  // that a crash at any point leaves no object that nobody destroys.
  // Fails: as BackendOf and `make`; kUnavailable.
  using Make = std::function<Result<WrappedKey>(CryptoBackend&, const Place&)>;
  Result<Material> NewMaterial(const RequestContext& context, const MaterialOwner& owner,
                               std::string_view version, const Make& make);

  // NewVersion returns a version of `owner` with generated material, without a number,
  // and the material, which KeepMaterial has to commit.
  struct MadeVersion {
    VersionRecord record;
    Material material;
  };
  Result<MadeVersion> NewVersion(const RequestContext& context,
                                 const MaterialOwner& owner, UnixMillis now);
  // The same with material that `make` makes.
  Result<MadeVersion> NewVersion(const RequestContext& context,
                                 const MaterialOwner& owner, UnixMillis now,
                                 const Make& make);

  // KeepMaterial makes `material` that of `version`, inside the transaction that commits
  // both.
  // Fails: kConflict if it took so long that the object was given up.
  static Result<void> KeepMaterial(Transaction& transaction, const Material& material,
                                   VersionRecord& version);

  // GiveUp has the token's object of new material of `key` destroyed, if there is one;
  // Abandon does so in a transaction of its own; DropMaterial that of a version, from
  // which it takes its material.
  static void GiveUp(Transaction& transaction, std::string_view key,
                     const Material& material);
  Result<void> Abandon(std::string_view key, const Material& material) const;
  static void DropMaterial(Transaction& transaction, VersionRecord& version);

  // EraseVersions erases all versions of an owner, with their material.
  static Result<void> EraseVersions(Transaction& transaction, std::string_view account,
                                    std::string_view owner);

  // ResolveName returns the id that `name`, an id or an alias, stands for. An id need not
  // be one of a key. Fails: `absent`; kCorrupt.
  Result<std::string> ResolveName(const Reader& reader, const RequestContext& context,
                                  std::string_view name, Reason absent) const;

  // CheckKey: whether the principal may do `action` on a key that was read in `reader`.
  // Fails: `absent`; kUnavailable.
  Result<void> CheckKey(const Reader& reader, const RequestContext& context,
                        std::string_view action, const KeyRecord& key,
                        Reason absent = Reason::kKeyNotFound) const;

  // ReadKey returns the key that `name`, an id or an alias, stands for.
  // Fails: `absent`, also if the principal may not do `action` on it; kCorrupt.
  Result<KeyRecord> ReadKey(const Reader& reader, const RequestContext& context,
                            std::string_view name, std::string_view action,
                            Reason absent = Reason::kKeyNotFound) const;

  // FindKey is ReadKey through the cache, which the key's revision keeps true.
  Result<std::shared_ptr<const KeyRecord>> FindKey(const Snapshot& snapshot,
                                                   const RequestContext& context,
                                                   std::string_view name,
                                                   std::string_view action,
                                                   Reason absent = Reason::kKeyNotFound);

  // UsableKey is FindKey of a key whose state allows `what`.
  Result<std::shared_ptr<const KeyRecord>> UsableKey(const Snapshot& snapshot,
                                                     const RequestContext& context,
                                                     std::string_view name,
                                                     std::string_view action,
                                                     Action what);

  // The three Load functions return a version of a usable key, ready, from the cache or
  // from the store. They end the snapshot before they wait for a token: while there is
  // one, the store cannot use what is freed anew, nor grow.
  // Fail: kVersionNotFound; kCorrupt; kUnavailable; kMustWait, also if using what was
  // loaded has to wait for the token.
  Result<std::shared_ptr<const LoadedVersion>> LoadSymmetric(
      const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
      const MaterialOwner& owner, std::string_view version);
  Result<std::shared_ptr<const LoadedVersion>> LoadPrivate(
      const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
      const MaterialOwner& owner, std::string_view version);
  Result<std::shared_ptr<const LoadedVersion>> LoadPublic(
      const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
      const MaterialOwner& owner, std::string_view version);

  // ReadVersion fails with kVersionNotFound.
  Result<VersionRecord> ReadVersion(const Reader& reader, const MaterialOwner& owner,
                                    std::string_view version) const;

  // DecryptWith decrypts with a loaded private key. The failures of RSA decryption whose
  // padding tells something have a budget.
  // Fails: as PrivateKey::Decrypt; kTooManyRequests.
  Result<SecretBytes> DecryptWith(const LoadedVersion& version,
                                  EncryptionAlgorithm algorithm, ByteView ciphertext);

  // Forget drops the loaded versions of an owner from memory.
  void Forget(std::string_view key);

  // RepeatedOutcome answers a request whose id was used before, without changing
  // anything: its stored outcome, or kReplayed. Nothing if the id is new. Ask before
  // checks that a repetition would not pass, and work that it would waste.
  Result<std::optional<std::string>> RepeatedOutcome(const RequestContext& context) const;

  // Change commits what `body` writes, the audit event, and the request id with the
  // outcome, together, and returns the outcome; that of the first time if the request
  // was made before. `body` may run more than once, like every update.
  using Body = std::function<Result<void>(Transaction&, ChangeNote&)>;
  Result<std::string> Change(const RequestContext& context, const Body& body);

  // ChangeWithoutId is Change for operations that do not keep their request id.
  Result<void> ChangeWithoutId(const RequestContext& context, const Body& body);

  // ChangeKey changes the facts of one key, if its state allows `what`.
  using KeyBody = std::function<Result<void>(Transaction&, KeyRecord&, UnixMillis now)>;
  Result<void> ChangeKey(const RequestContext& context, std::string_view name,
                         std::string_view action, Action what, const KeyBody& body);

  // AddKey writes a new key, with its first version if there is one, and gives it its
  // place among the keys of its account and region.
  // Fails: as KeepMaterial.
  static Result<void> AddKey(Transaction& transaction, KeyRecord& key,
                             const MadeVersion* first);

  // PutKey writes the facts of a key, and brings its index entries in line. `before` is
  // what is in the store, null for a new key.
  static void PutKey(Transaction& transaction, const KeyRecord* before,
                     const KeyRecord& key);

  // PutVersion writes a new version of `key` and its place in the list.
  static void PutVersion(Transaction& transaction, const VersionRecord& version);

  // CountUp and CountDown keep the counter under `store_key`; CountUp returns the
  // position that it gave away.
  static Result<std::uint64_t> CountUp(Transaction& transaction,
                                       std::string_view store_key);
  static Result<void> CountDown(Transaction& transaction, std::string_view store_key,
                                std::uint64_t by);

  // CheckVersionLimit fails with kVersionLimit if the account may have no more versions
  // of asymmetric keys in the region.
  Result<void> CheckVersionLimit(const Reader& reader, std::string_view account,
                                 std::string_view region) const;

  // DescribeKey adds what hangs on the key to its facts.
  Result<KeyDescription> DescribeKey(const Reader& reader, const KeyRecord& key) const;

  // The same for a text that WriteOutcome made: the answer that was given.
  Result<KeyDescription> DescribeOutcome(const std::string& outcome) const;

  // MaterialPlace is where the material of a version belongs.
  static Place MaterialPlace(const MaterialOwner& owner, std::string_view version,
                             std::string_view instance) {
    return {owner.account, owner.id, version, "material", instance};
  }

 private:
  struct CachedKey {
    Revision revision;
    std::shared_ptr<const KeyRecord> record;
  };
  enum class Part : std::uint8_t { kSymmetric, kPrivate, kPublic };

  Result<std::optional<std::string>> StoredOutcome(const Reader& reader,
                                                   const RequestContext& context) const;
  Result<std::shared_ptr<const LoadedVersion>> Load(const RequestContext& context,
                                                    std::unique_ptr<Snapshot> snapshot,
                                                    const MaterialOwner& owner,
                                                    std::string_view version, Part part);

  const Parts parts_;
  LruCache<CachedKey> keys_;
  LruCache<LoadedVersion> versions_;
  FailureBudget padding_failures_;
};

// EndDryRun is where a dry run ends: everything was checked, and what follows changes or
// computes something. Changes come here by themselves.
// Fails: with ErrorClass::kDryRun, if it is one.
Result<void> EndDryRun(const RequestContext& context);

// EventOf is the audit event of a change.
AuditEvent EventOf(const RequestContext& context, UnixMillis now, const ChangeNote& note);

// RemoveMaterial drops the imported material of `key`, and leaves the rest. The caller
// writes the key.
Result<void> RemoveMaterial(Transaction& transaction, KeyRecord& key);

// DecryptWithPrivateKey is AsymmetricService::Decrypt for whoever else needs it, under
// its own action.
Result<Decrypted> DecryptWithPrivateKey(Domain& domain, const RequestContext& context,
                                        const VersionName& name,
                                        EncryptionAlgorithm algorithm,
                                        ByteView ciphertext, std::string_view action);

// GetRecord parses the record under `store_key`. Fails: `absent` if there is none;
// kCorrupt.
template <typename Record>
Result<Record> GetRecord(const Reader& reader, std::string_view store_key,
                         Reason absent) {
  KMS_TRY(const auto found, reader.Get(store_key));
  if (!found) return absent;
  return FromJson<Record>(found->value);
}

}  // namespace kms

#endif  // KMS_KEYS_DOMAIN_H_
