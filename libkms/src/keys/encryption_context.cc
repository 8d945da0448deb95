#include "kms/encryption_context.h"

#include <algorithm>

#include "kms/encoding.h"

namespace kms {

Result<EncryptionContext> EncryptionContext::Of(
    std::vector<std::pair<std::string_view, std::string_view>> pairs) {
  std::size_t bytes = 0;
  for (const auto& [name, text] : pairs) {
    if (name.empty()) return Error(Reason::kBadParameter, "a name is empty");
    // Which would make two contexts one (JoinKey).
    if (name.find('\0') != name.npos || text.find('\0') != text.npos)
      return Error(Reason::kBadParameter, "a zero is in a name or text");
    bytes += name.size() + text.size();
  }
  if (pairs.size() > kMaxPairs || bytes > kMaxBytes) return Reason::kTooLong;
  std::ranges::sort(pairs);
  EncryptionContext context;
  std::string_view last;
  for (const auto& [name, text] : pairs) {
    if (name == last) return Error(Reason::kBadParameter, "a name is there twice");
    last = name;
    context.encoded_ += JoinKey({name, text});
  }
  return context;
}

}  // namespace kms
