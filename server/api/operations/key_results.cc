#include "api/operations/key_results.h"

#include <string>

#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::int64_t kSecondsPerDay = 24 * 60 * 60;

bool Rotates(const KeyDescription& key) {
  return key.rotation != AutomaticRotation::kDisabled;
}

std::string IntervalText(int days) { return std::to_string(days * kSecondsPerDay) + "s"; }

template <typename Enum>
std::string NumberText(Enum value) {
  return std::to_string(NumberOf(value));
}

// What describeKey and listKeys have alike.
void PutCommon(const Call& call, const KeyDescription& key, object& out) {
  Put(out, "automaticRotation", NumberOf(key.rotation));
  Put(out, "cmkUuid", key.id);
  Put(out, "description", key.description);
  Put(out, "isDefault", key.is_default ? 1 : 0);
  Put(out, "keySpec", SpellingOf(key.spec));
  Put(out, "keyUsage", NumberOf(key.usage));
  Put(out, "lastRotationDate", call.dialect.Date(key.last_rotation));
  Put(out, "origin", NumberOf(key.origin));
  Put(out, "protectionLevel", NumberOf(key.level));
  Put(out, "status", NumberOf(key.state));
  Put(out, "deletionProtection", key.deletion_protected ? 1 : 0);
  Put(out, "aliasName", key.aliases.empty() ? std::string_view() : key.aliases.front());
  Put(out, "epId", key.project);
  PutTags(out, "labels", key.tags);
}

}  // namespace

object WriteCreatedKey(const Call& call, const KeyDescription& key) {
  const auto date = [&](UnixMillis time) { return call.dialect.LongDate(time); };
  object result(call.storage);
  Put(result, "automaticRotation", NumberText(key.rotation));
  Put(result, "cmkUuid", key.id);
  Put(result, "creationDate", date(key.created));
  Put(result, "creator", key.creator);
  if (key.deletion) Put(result, "deleteDate", date(*key.deletion));
  Put(result, "description", key.description);
  Put(result, "keySpec", SpellingOf(key.spec));
  Put(result, "keyState", NumberText(key.state));
  Put(result, "keyUsage", NumberText(key.usage));
  Put(result, "lastRotationDate", date(key.last_rotation));
  Put(result, "materialExpireTime",
      key.material_expires ? date(*key.material_expires) : std::string("null"));
  if (Rotates(key) && key.next_rotation)
    Put(result, "nextRotationDate", date(*key.next_rotation));
  Put(result, "origin", NumberText(key.origin));
  if (!key.primary_version.empty()) Put(result, "primaryKeyVersion", key.primary_version);
  Put(result, "protectionLevel", NumberText(key.level));
  Put(result, "regionId", key.region);
  if (Rotates(key) && key.rotation_days)
    Put(result, "rotationInterval", IntervalText(*key.rotation_days));
  return result;
}

object WriteDescribedKey(const Call& call, const KeyDescription& key) {
  const auto date = [&](UnixMillis time) { return call.dialect.Date(time); };
  object result(call.storage);
  PutCommon(call, key, result);
  Put(result, "creationDate", date(key.created));
  Put(result, "creator", key.creator);
  Put(result, "keyState", NumberOf(key.state));
  if (key.deletion) Put(result, "deleteDate", date(*key.deletion));
  if (key.material_expires)
    Put(result, "materialExpireTime", date(*key.material_expires));
  if (!key.primary_version.empty()) Put(result, "primaryKeyVersion", key.primary_version);
  if (Rotates(key) && key.next_rotation)
    Put(result, "nextRotationDate", date(*key.next_rotation));
  if (Rotates(key) && key.rotation_days)
    Put(result, "rotationInterval", IntervalText(*key.rotation_days));
  return result;
}

void WriteListedKey(const Call& call, const KeyDescription& key, object& item) {
  PutCommon(call, key, item);
  Put(item, "createdTime", call.dialect.Date(key.created));
  Put(item, "regionId", key.region);
  Put(item, "updatedTime", call.dialect.Date(key.updated));
  Put(item, "userId", key.creator);
}

}  // namespace kms::server
