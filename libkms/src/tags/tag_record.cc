#include "tags/tag_record.h"

#include <algorithm>
#include <utility>

#include "core/json_record.h"
#include "keys/records.h"
#include "kms/digest.h"
#include "kms/encoding.h"

namespace kms {

template <typename Archive>
void Members(Archive& archive, TagRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("region", r.region);
  archive("key", r.key);
  archive("value", r.value);
  archive("creator", r.creator);
  archive("created", r.created);
  archive("position", r.position);
}

std::string WriteTag(const TagRecord& record) { return WriteRecord(record); }
Result<TagRecord> ReadTag(std::string_view json) { return ReadRecord<TagRecord>(json); }

Tag Describe(TagRecord record) {
  return {std::move(record.id), std::move(record.key), std::move(record.value)};
}

bool Matches(const TagFilter& filter, std::string_view key, std::string_view value) {
  return (!filter.key || *filter.key == key) && (!filter.value || *filter.value == value);
}

Result<std::vector<TagRecord>> TagsOf(const Reader& reader, std::string_view account,
                                      std::string_view region,
                                      std::string_view resource) {
  std::vector<TagRecord> tags;
  KMS_TRY(const auto bound,
          reader.Scan(place::TagsOfResource(account, resource), {}, kAllRecords));
  for (const Record& binding : bound) {
    KMS_TRY(const PointerRecord pointer, FromJson<PointerRecord>(binding.value));
    KMS_TRY(const auto found, reader.Get(place::Tag(account, region, pointer.name)));
    if (!found) return record_internal::Corrupt("a resource has a tag that is not there");
    KMS_TRY(TagRecord tag, ReadTag(found->value));
    tags.push_back(std::move(tag));
  }
  std::ranges::sort(tags, {}, &TagRecord::position);
  return tags;
}

Result<std::vector<Tag>> DescribeTags(const Reader& reader, std::string_view account,
                                      std::string_view region,
                                      std::string_view resource) {
  KMS_TRY(auto records, TagsOf(reader, account, region, resource));
  std::vector<Tag> tags;
  tags.reserve(records.size());
  for (TagRecord& record : records) tags.push_back(Describe(std::move(record)));
  return tags;
}

Result<bool> HasTag(const Reader& reader, std::string_view account,
                    std::string_view region, std::string_view resource,
                    const TagFilter& filter) {
  KMS_TRY(const auto tags, TagsOf(reader, account, region, resource));
  return std::ranges::any_of(
      tags, [&](const TagRecord& tag) { return Matches(filter, tag.key, tag.value); });
}

Index IndexOf(const TagRecord& tag) {
  return {{place::TagByName(tag.account, tag.region, tag.key, tag.value),
           ToJson(PointerRecord{tag.id})}};
}

Index IndexOfBinding(std::string_view account, std::string_view tag,
                     std::string_view resource) {
  return {{place::TagOfResource(account, resource, tag),
           ToJson(PointerRecord{std::string(tag)})},
          {place::ResourceOfTag(account, tag, resource),
           ToJson(PointerRecord{std::string(resource)})}};
}

void BindTag(Transaction& transaction, const TagRecord& tag, std::string_view resource) {
  ChangeIndex(transaction, {}, IndexOfBinding(tag.account, tag.id, resource));
}

void UnbindTag(Transaction& transaction, const TagRecord& tag,
               std::string_view resource) {
  ChangeIndex(transaction, IndexOfBinding(tag.account, tag.id, resource), {});
}

Result<void> UnbindAll(Transaction& transaction, std::string_view account,
                       std::string_view resource) {
  KMS_TRY(const auto bound,
          transaction.Scan(place::TagsOfResource(account, resource), {}, kAllRecords));
  for (const Record& binding : bound) {
    KMS_TRY(const PointerRecord tag, FromJson<PointerRecord>(binding.value));
    ChangeIndex(transaction, IndexOfBinding(account, tag.name, resource), {});
  }
  return {};
}

namespace place {

using Text = std::string_view;

std::string Tags(Text account, Text region) { return JoinKey({"tag", account, region}); }
std::string Tag(Text account, Text region, Text id) {
  return JoinKey({"tag", account, region, id});
}
std::string TagByName(Text account, Text region, Text key, Text value) {
  // Key and value may be longer together than store keys are.
  const Digest32 name = Digest(DigestAlgorithm::kSha256, AsBytes(JoinKey({key, value})));
  return JoinKey({"tag-name", account, region, AsText(name)});
}
std::string TagCounter(Text account, Text region) {
  return JoinKey({"counter", account, region, "tags"});
}
std::string TagsOfResource(Text account, Text resource) {
  return JoinKey({"tags-of-resource", account, resource});
}
std::string TagOfResource(Text account, Text resource, Text tag) {
  return JoinKey({"tags-of-resource", account, resource, tag});
}
std::string ResourcesOfTag(Text account, Text tag) {
  return JoinKey({"resources-of-tag", account, tag});
}
std::string ResourceOfTag(Text account, Text tag, Text resource) {
  return JoinKey({"resources-of-tag", account, tag, resource});
}

}  // namespace place
}  // namespace kms
