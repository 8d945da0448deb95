#include "kms/sm2_identity.h"

#include <string_view>

namespace kms {
namespace {

using namespace std::string_view_literals;

// The length of the identity in bits and the identity; a, b and the base point.
constexpr std::string_view kIdentity =
    "\x00\x80"
    "1234567812345678"sv;
constexpr std::string_view kCurve =
    "\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfc"
    "\x28\xe9\xfa\x9e\x9d\x9f\x5e\x34\x4d\x5a\x9e\x4b\xcf\x65\x09\xa7"
    "\xf3\x97\x89\xf5\x15\xab\x8f\x92\xdd\xbc\xbd\x41\x4d\x94\x0e\x93"
    "\x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94"
    "\x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7"
    "\xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53"
    "\xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0"sv;

}  // namespace

Digest32 Sm2Identity(ByteView coordinates) {
  Bytes text;
  for (const ByteView part : {AsBytes(kIdentity), AsBytes(kCurve), coordinates})
    text.insert(text.end(), part.begin(), part.end());
  return Digest(DigestAlgorithm::kSm3, text);
}

Digest32 Sm2Digest(ByteView coordinates, ByteView message) {
  const Digest32 identity = Sm2Identity(coordinates);
  Bytes text(identity.begin(), identity.end());
  text.insert(text.end(), message.begin(), message.end());
  return Digest(DigestAlgorithm::kSm3, text);
}

}  // namespace kms
