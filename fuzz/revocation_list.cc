// A revocation list that was changed is refused, or says of a certificate what it said.

#include "x509/revocation_list.h"

#include "world.h"
#include "x509/outside_ca.h"

namespace kms::fuzz::targets {
namespace {

namespace outside = kms::x509::testing;

struct Lists {
  const outside::Hierarchy of{"SM2"};
  const outside::Issuer issuer{"middle", of.middle_key};
  const Bytes with = outside::Revoke({of.leaf.serial, "0b02"}, issuer);
  const Bytes without = outside::Revoke({"0b02"}, issuer);
};

}  // namespace

// Which of the lists, whether its issuer is known, and edits; or, after an 'r', a list.
void revocation_list(ByteView bytes) {
  static const Lists lists;
  Input input(bytes);
  const std::uint8_t which = input.Byte();
  const x509::Certificate* const issuer = &lists.of.middle;
  const bool revokes = (which & 1) != 0;
  Bytes list = revokes ? lists.with : lists.without;
  const Bytes original = list;
  if (which == 'r') {
    const ByteView raw = input.Rest();
    (void)x509::IsRevoked(raw, lists.of.leaf, nullptr);
    list.assign(raw.begin(), raw.end());
    Require(!x509::IsRevoked(list, lists.of.leaf, issuer).has_value(),
            "nobody else signs for the issuer");
    return;
  }
  while (!input.empty()) Edit(input, list);
  const auto said = x509::IsRevoked(list, lists.of.leaf, issuer);
  Require(said.has_value() || list != original, "a list is read");
  Require(!said.has_value() || *said == revokes, "a changed list says nothing else");
}

}  // namespace kms::fuzz::targets
