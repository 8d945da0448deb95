// Tags: names that an account gives to its resources, each a key with a value.

#ifndef KMS_TAG_H_
#define KMS_TAG_H_

#include <optional>
#include <string>

namespace kms {

struct Tag {
  std::string id;  // UUID
  std::string key;
  std::string value;
};

// Which tags are meant, or which resources: those that have such a tag. Absent members
// do not filter.
struct TagFilter {
  std::optional<std::string> key{};
  std::optional<std::string> value{};
};

}  // namespace kms

#endif  // KMS_TAG_H_
