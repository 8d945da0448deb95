#include "kms/root_key.h"

#include "kms/encoding.h"

namespace kms {

RootKey::~RootKey() = default;

std::string EncodePlace(const Place& place) {
  if (place.instance.empty())
    return JoinKey({place.account, place.object, place.version, place.purpose});
  return JoinKey(
      {place.account, place.object, place.version, place.purpose, place.instance});
}

}  // namespace kms
