// The record of a tag, where it lies, and what it is bound to.

#ifndef KMS_TAGS_TAG_RECORD_H_
#define KMS_TAGS_TAG_RECORD_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/index_entry.h"
#include "kms/clock.h"
#include "kms/key_store.h"
#include "kms/result.h"
#include "kms/tag.h"

namespace kms {

struct TagRecord {
  std::string id;
  std::string account;
  std::string region;
  std::string key;
  std::string value;
  std::string creator;
  UnixMillis created = 0;
  std::uint64_t position = 0;  // among the tags of its account and region
};

std::string WriteTag(const TagRecord& record);
// Fails: kCorrupt.
Result<TagRecord> ReadTag(std::string_view json);

Tag Describe(TagRecord record);

bool Matches(const TagFilter& filter, std::string_view key, std::string_view value);

// TagsOf returns the tags of a resource, oldest first. Fails: kUnavailable, kCorrupt.
Result<std::vector<TagRecord>> TagsOf(const Reader& reader, std::string_view account,
                                      std::string_view region, std::string_view resource);

// DescribeTags is TagsOf for others to see.
Result<std::vector<Tag>> DescribeTags(const Reader& reader, std::string_view account,
                                      std::string_view region, std::string_view resource);

// HasTag tells whether a resource has a tag that `filter` means. Fails as TagsOf.
Result<bool> HasTag(const Reader& reader, std::string_view account,
                    std::string_view region, std::string_view resource,
                    const TagFilter& filter);

// The index entries that follow from a tag, and from a tag being on a resource.
Index IndexOf(const TagRecord& tag);
Index IndexOfBinding(std::string_view account, std::string_view tag,
                     std::string_view resource);

// Both write or erase a binding, and nothing else.
void BindTag(Transaction& transaction, const TagRecord& tag, std::string_view resource);
void UnbindTag(Transaction& transaction, const TagRecord& tag, std::string_view resource);

// UnbindAll takes all tags off a resource, which is being deleted.
Result<void> UnbindAll(Transaction& transaction, std::string_view account,
                       std::string_view resource);

// Store keys. One with fewer parts is the prefix of those with more.
namespace place {
std::string Tags(std::string_view account, std::string_view region);
std::string Tag(std::string_view account, std::string_view region, std::string_view id);
std::string TagByName(std::string_view account, std::string_view region,
                      std::string_view key, std::string_view value);
std::string TagCounter(std::string_view account, std::string_view region);
std::string TagsOfResource(std::string_view account, std::string_view resource);
std::string TagOfResource(std::string_view account, std::string_view resource,
                          std::string_view tag);
std::string ResourcesOfTag(std::string_view account, std::string_view tag);
std::string ResourceOfTag(std::string_view account, std::string_view tag,
                          std::string_view resource);
}  // namespace place

}  // namespace kms

#endif  // KMS_TAGS_TAG_RECORD_H_
