#include "keys/record_index.h"

#include "identity/records.h"
#include "keys/alias_names.h"
#include "keys/states.h"

namespace kms {

Index IndexOf(const KeyRecord& key) {
  const std::string pointer = ToJson(PointerRecord{key.id});
  Index index = {{place::KeyList(key), pointer}};
  if (key.project != kDefaultProject)
    index.push_back(
        {place::KeyOfProject(key.account, key.project, key.region, key.id), pointer});
  for (const Due& due : DuesOf(key))
    index.push_back({place::DueDate(due), ToJson(PointerRecord{})});
  return index;
}

Index IndexOf(const VersionRecord& version) {
  return {{place::VersionList(version.account, version.key, version.number),
           ToJson(PointerRecord{version.id})}};
}

Index IndexOf(const KeyRecord& key, const AliasRecord& alias) {
  if (!IsListed(key, alias)) return {};
  const std::string pointer = ToJson(PointerRecord{alias.name});
  return {{place::AliasList(key.account, key.region, alias.position), pointer},
          {place::AliasesOfKey(key.account, key.id, alias.position), pointer}};
}

Index IndexOf(const KeyRecord& key, const TokenRecord& token) {
  return {{place::DueDate({token.expires, DueKind::kToken, key.account, key.region,
                           key.id, token.id}),
           ToJson(PointerRecord{})}};
}

}  // namespace kms
