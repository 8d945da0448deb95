#include "keys/projects.h"

#include <algorithm>

#include "identity/records.h"

namespace kms {

bool IsProjectId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_';
  });
}

Result<void> CheckProject(const Reader& reader, std::string_view account,
                          std::string_view project) {
  if (project == kDefaultProject) return {};
  KMS_TRY(const auto found, reader.Get(place::Project(account, project)));
  if (!found) return Error(Reason::kBadParameter).About("epId");
  return {};
}

}  // namespace kms
