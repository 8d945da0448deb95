#include "keys/records.h"

#include <utility>
#include <vector>

#include "core/json_record.h"
#include "kms/encoding.h"

namespace kms {

// The members of each record, once: the same function writes and reads them.
template <typename Archive>
void Members(Archive& archive, KeyRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("region", r.region);
  archive("project", r.project);
  archive("creator", r.creator);
  archive("spec", r.spec);
  archive("usage", r.usage);
  archive("level", r.level);
  archive("origin", r.origin);
  archive("description", r.description);
  archive("created", r.created);
  archive("updated", r.updated);
  archive("position", r.position);
  archive("enabled", r.enabled);
  archive("material", r.material);
  archive("deletion", r.deletion);
  archive("materialExpires", r.material_expires);
  archive("rotationDays", r.rotation_days);
  archive("nextRotation", r.next_rotation);
  archive("lastRotation", r.last_rotation);
  archive("protected", r.deletion_protected);
  archive("default", r.is_default);
  archive("primary", r.primary);
  archive("versions", r.versions);
  archive("fingerprint", r.fingerprint);
}

template <typename Archive>
void Members(Archive& archive, VersionRecord& r) {
  archive("id", r.id);
  archive("key", r.key);
  archive("account", r.account);
  archive("number", r.number);
  archive("created", r.created);
  archive("sealed", r.sealed);
  archive("publicKey", r.public_key);
  archive("instance", r.instance);
  archive("root", r.root);
  archive("inToken", r.in_token);
}

template <typename Archive>
void Members(Archive& archive, AliasRecord& r) {
  archive("name", r.name);
  archive("key", r.key);
  archive("created", r.created);
  archive("position", r.position);
}

template <typename Archive>
void Members(Archive& archive, TokenRecord& r) {
  archive("id", r.id);
  archive("key", r.key);
  archive("algorithm", r.algorithm);
  archive("expires", r.expires);
  archive("failures", r.failures);
  archive("sealed", r.sealed);
  archive("pair", r.pair);
}

template <typename Archive>
void Members(Archive& archive, DiscardRecord& r) {
  archive("instance", r.instance);
  archive("key", r.key);
  archive("notBefore", r.not_before);
}

template <typename Archive>
void Members(Archive& archive, RequestRecord& r) {
  archive("fingerprint", r.fingerprint);
  archive("outcome", r.outcome);
}

template <typename Archive>
void Members(Archive& archive, CounterRecord& r) {
  archive("next", r.next);
  archive("live", r.live);
}

template <typename Archive>
void Members(Archive& archive, PointerRecord& r) {
  archive("name", r.name);
}

template <typename Archive>
void Members(Archive& archive, HeaderRecord& r) {
  archive("format", r.format);
  archive("oldestReader", r.oldest_reader);
  archive("epoch", r.epoch);
  archive("rootCheck", r.root_check);
}

// How many values each enumeration has, so that no other number becomes one.
constexpr std::int64_t Values(KeySpec) { return 4; }
constexpr std::int64_t Values(KeyUsage) { return 3; }
constexpr std::int64_t Values(ProtectionLevel) { return 2; }
constexpr std::int64_t Values(KeyOrigin) { return 2; }
constexpr std::int64_t Values(EncryptionAlgorithm) { return 4; }

template <typename Record>
std::string ToJson(const Record& record) {
  return WriteRecord(record);
}

template <typename Record>
Result<Record> FromJson(std::string_view json) {
  return ReadRecord<Record>(json);
}

#define KMS_RECORD(type)                    \
  template std::string ToJson(const type&); \
  template Result<type> FromJson(std::string_view);
KMS_RECORD(KeyRecord)
KMS_RECORD(VersionRecord)
KMS_RECORD(AliasRecord)
KMS_RECORD(TokenRecord)
KMS_RECORD(DiscardRecord)
KMS_RECORD(RequestRecord)
KMS_RECORD(CounterRecord)
KMS_RECORD(PointerRecord)
KMS_RECORD(HeaderRecord)
#undef KMS_RECORD

namespace {

std::string_view TextOf(DueKind kind) {
  constexpr std::string_view kTexts[] = {"rotate", "delete", "expire", "token",
                                         "request"};
  return kTexts[static_cast<std::size_t>(kind)];
}

}  // namespace

std::vector<std::string> SplitKey(std::string_view store_key) {
  std::vector<std::string> parts;
  std::string part;
  for (std::size_t i = 0; i < store_key.size(); ++i) {
    if (store_key[i] != '\0') {
      part += store_key[i];
    } else if (i + 1 < store_key.size() && store_key[i + 1] == '\xff') {
      part += store_key[i++];
    } else {
      parts.push_back(std::move(part));
      part.clear();
    }
  }
  return parts;
}

namespace place {

using Text = std::string_view;

std::string Header() { return JoinKey({"header"}); }

std::string Keys() { return JoinKey({"key"}); }

std::string Key(Text account, Text region, Text id) {
  return JoinKey({"key", account, region, id});
}

std::string KeyList(Text account, Text region) {
  return JoinKey({"key-list", account, region});
}

std::string KeyList(const KeyRecord& key) {
  return JoinKey({"key-list", key.account, key.region, KeyNumber(key.position)});
}

std::string Version(Text account, Text key, Text id) {
  return JoinKey({"version", account, key, id});
}

std::string AllVersions() { return JoinKey({"version"}); }

std::string Versions(Text account, Text key) {
  return JoinKey({"version", account, key});
}

std::string VersionList(Text account, Text key) {
  return JoinKey({"version-list", account, key});
}

std::string VersionList(Text account, Text key, std::uint64_t number) {
  return JoinKey({"version-list", account, key, KeyNumber(number)});
}

std::string Alias(Text account, Text region, Text name) {
  return JoinKey({"alias", account, region, name});
}

std::string Aliases() { return JoinKey({"alias"}); }

std::string AliasList(Text account, Text region) {
  return JoinKey({"alias-list", account, region});
}

std::string AliasList(Text account, Text region, std::uint64_t position) {
  return JoinKey({"alias-list", account, region, KeyNumber(position)});
}

std::string AliasesOfKey(Text account, Text key) {
  return JoinKey({"aliases-of-key", account, key});
}

std::string AliasesOfKey(Text account, Text key, std::uint64_t position) {
  return JoinKey({"aliases-of-key", account, key, KeyNumber(position)});
}

std::string Token(Text account, Text key, Text id) {
  return JoinKey({"token", account, key, id});
}

std::string Tokens(Text account, Text key) { return JoinKey({"token", account, key}); }

std::string Request(Text access_key, Text request_id) {
  return JoinKey({"request", access_key, request_id});
}

std::string KeyCounter(Text account, Text region) {
  return JoinKey({"counter", account, region, "keys"});
}

std::string DefaultKeyCounter(Text account, Text region) {
  return JoinKey({"counter", account, region, "default-keys"});
}

std::string AliasCounter(Text account, Text region) {
  return JoinKey({"counter", account, region, "aliases"});
}

std::string AsymmetricVersionCounter(Text account, Text region) {
  return JoinKey({"counter", account, region, "asymmetric-versions"});
}

std::string Discards() { return JoinKey({"discard"}); }

std::string Discard(Text instance) { return JoinKey({"discard", instance}); }

std::string TokenNonces(Text account, Text key) {
  return JoinKey({"token-nonces", account, key});
}

std::string TokenNonces(const Place& place) {
  // Not by instance: the same material can be imported again.
  return JoinKey({"token-nonces", place.account, place.object, place.version});
}

std::string Dues() { return JoinKey({"due"}); }

std::string DueDate(const Due& due) {
  return JoinKey({"due", KeyNumber(static_cast<std::uint64_t>(due.time)),
                  TextOf(due.kind), due.owner, due.region, due.key, due.object});
}

Result<Due> ParseDue(Text store_key) {
  const std::vector<std::string> parts = SplitKey(store_key);
  if (parts.size() != 7 || parts[1].size() != 8 || !store_key.ends_with('\0'))
    return record_internal::Corrupt("a due-date is malformed");
  Due due;
  for (const char c : parts[1]) due.time = due.time << 8 | static_cast<std::uint8_t>(c);
  due.owner = parts[3];
  due.region = parts[4];
  due.key = parts[5];
  due.object = parts[6];
  for (const DueKind kind : {DueKind::kRotate, DueKind::kDelete, DueKind::kExpire,
                             DueKind::kToken, DueKind::kRequest}) {
    if (parts[2] != TextOf(kind)) continue;
    due.kind = kind;
    return due;
  }
  return record_internal::Corrupt("a due-date is of no known kind");
}

}  // namespace place
}  // namespace kms
