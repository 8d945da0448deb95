// SplitKey: the parts that JoinKey (kms/encoding.h) made a store key of.

#ifndef KMS_CORE_SPLIT_KEY_H_
#define KMS_CORE_SPLIT_KEY_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kms {

// SplitKey returns what stands before each end of a part; what is after the last is left
// out. It is right for what JoinKey promises to keep apart.
inline std::vector<std::string> SplitKey(std::string_view key) {
  std::vector<std::string> parts;
  std::string part;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] != '\0') {
      part += key[i];
    } else if (i + 1 < key.size() && key[i + 1] == '\xff') {
      part += key[i++];
    } else {
      parts.push_back(std::move(part));
      part.clear();
    }
  }
  return parts;
}

}  // namespace kms

#endif  // KMS_CORE_SPLIT_KEY_H_
