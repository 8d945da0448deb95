#include "audit/keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/json_record.h"
#include "kms/encoding.h"
#include "kms/sm2_identity.h"

namespace kms {
namespace place {
std::string AuditKeys() { return JoinKey({"audit", "keys"}); }
std::string AuditMark() { return JoinKey({"audit", "mark"}); }
}  // namespace place

namespace {

struct AuditKeyRecord {
  Bytes mac;      // sealed
  Bytes signing;  // sealed
  Bytes public_key;
};

struct AuditMarkRecord {
  std::int64_t seq = 0;
  std::string hash;
};

template <typename Archive>
void Members(Archive& archive, AuditKeyRecord& r) {
  archive("mac", r.mac);
  archive("signing", r.signing);
  archive("publicKey", r.public_key);
}

template <typename Archive>
void Members(Archive& archive, AuditMarkRecord& r) {
  archive("seq", r.seq);
  archive("hash", r.hash);
}

constexpr Place kMacPlace = {{}, {}, {}, "audit-key"};
constexpr Place kSigningPlace = {{}, {}, {}, "audit-signing-key"};

Result<std::optional<AuditKeyRecord>> ReadKeys(const Reader& reader) {
  KMS_TRY(const auto found, reader.Get(place::AuditKeys()));
  if (!found) return std::optional<AuditKeyRecord>();
  KMS_TRY(AuditKeyRecord record, ReadRecord<AuditKeyRecord>(found->value));
  return std::optional(std::move(record));
}

}  // namespace

namespace audit {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kCoordinates = 64;  // the end of a SubjectPublicKeyInfo

Result<Keys> OpenKeys(AuditKeyRecord record, const RootKey& root,
                      CryptoBackend& backend) {
  Keys keys;
  KMS_TRY(keys.mac, root.Open(kMacPlace, record.mac));
  KMS_TRY(keys.signer, backend.LoadPrivate(KeySpec::kSm2, kSigningPlace, record.signing));
  keys.public_key = std::move(record.public_key);
  if (keys.public_key.size() <= kCoordinates)
    return Error(ErrorClass::kCorrupt, Reason::kInternal, "the audit key is malformed");
  return keys;
}

}  // namespace

Result<Keys> EnsureKeys(KeyStore& store, const RootKey& root, CryptoBackend& backend) {
  std::optional<AuditKeyRecord> record;
  {
    KMS_TRY(const auto snapshot, store.Read());
    KMS_TRY(record, ReadKeys(*snapshot));
  }
  if (!record) {
    AuditKeyRecord made;
    KMS_TRY(const SecretBytes mac, backend.Random(32));
    KMS_TRY(made.mac, root.Seal(kMacPlace, mac.Reveal()));
    KMS_TRY(WrappedKey pair, backend.Generate(KeySpec::kSm2, kSigningPlace));
    made.signing = std::move(pair.sealed);
    made.public_key = std::move(pair.public_key);
    KMS_CHECK_OK(store.Update([&](Transaction& transaction) -> Result<void> {
      KMS_TRY(record, ReadKeys(transaction));
      if (record) return {};
      transaction.Put(place::AuditKeys(), WriteRecord(made));
      record = made;
      return {};
    }));
  }
  return OpenKeys(*std::move(record), root, backend);
}

Result<void> CheckKeys(const Reader& reader, const RootKey& root,
                       CryptoBackend& backend) {
  KMS_TRY(auto record, ReadKeys(reader));
  if (!record) return Error(ErrorClass::kNotFound, Reason::kInternal, "there are none");
  KMS_TRY(const Keys keys, OpenKeys(*std::move(record), root, backend));
  KMS_TRY(const auto public_key, backend.LoadPublic(keys.public_key));
  const Digest32 probe = CheckpointDigest(keys.public_key, Link{});
  KMS_TRY(const Bytes signature, keys.signer->Sign(SignatureAlgorithm::kSm2, probe));
  KMS_TRY(const bool fits,
          public_key->Verify(SignatureAlgorithm::kSm2, probe, signature));
  if (!fits)
    return Error(ErrorClass::kCorrupt, Reason::kInternal, "the audit keys do not fit");
  return {};
}

Digest32 BatchMac(ByteView key, std::uint64_t from, const Link& last) {
  std::string text("libkms audit batch\0"sv);
  text += KeyNumber(from);
  text += KeyNumber(last.seq);
  text += AsText(last.hash);
  return Hmac(DigestAlgorithm::kSm3, key, AsBytes(text));
}

Digest32 CheckpointDigest(ByteView public_key, const Link& last) {
  const Digest32 z =
      Sm2Identity(public_key.last(std::min(public_key.size(), kCoordinates)));
  std::string text(AsText(z));
  text += "libkms audit checkpoint\n" + std::to_string(last.seq) + "\n" +
          ToHex(last.hash) + "\n";
  return Digest(DigestAlgorithm::kSm3, AsBytes(text));
}

std::string PublicKeyPem(ByteView public_key) {
  const std::string base64 = ToBase64(public_key);
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64)
    pem += base64.substr(at, 64) + "\n";
  return pem + "-----END PUBLIC KEY-----\n";
}

Result<Link> ReadMark(const Reader& reader) {
  KMS_TRY(const auto found, reader.Get(place::AuditMark()));
  if (!found) return Link{};
  KMS_TRY(const AuditMarkRecord record, ReadRecord<AuditMarkRecord>(found->value));
  const auto hash = DigestFromHex(record.hash);
  if (record.seq <= 0 || !hash)
    return Error(ErrorClass::kCorrupt, Reason::kInternal, "the audit mark is malformed");
  return Link{static_cast<std::uint64_t>(record.seq), *hash};
}

void PutMark(Transaction& transaction, std::uint64_t seq, const std::string& hash) {
  transaction.Put(place::AuditMark(),
                  WriteRecord(AuditMarkRecord{static_cast<std::int64_t>(seq), hash}));
}

}  // namespace audit

Result<AuditEvidence> ReadAuditEvidence(const KeyStore& store, const RootKey& root) {
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(auto record, ReadKeys(*snapshot));
  if (!record)
    return Error(ErrorClass::kNotFound, Reason::kInternal,
                 "there was never an audit log on this store");
  AuditEvidence evidence;
  KMS_TRY(evidence.mac_key, root.Open(kMacPlace, record->mac));
  evidence.public_key = std::move(record->public_key);
  KMS_TRY(const audit::Link mark, audit::ReadMark(*snapshot));
  if (mark.seq > 0) {
    evidence.seq = mark.seq;
    evidence.hash = ToHex(mark.hash);
  }
  return evidence;
}

}  // namespace kms
