// A private key that is read from PKCS#8 is written as PKCS#8 that is read as the same
// key.

#include "x509/private_key.h"

#include "target.h"

namespace kms::fuzz::targets {

// The DER as it is.
void private_key(ByteView bytes) {
  const auto key = x509::FromPkcs8(bytes);
  if (!key) return;
  const auto written = x509::ToPkcs8(key->spec, key->secret);
  Require(written.has_value(), "a key that was read is written");
  const auto again = x509::FromPkcs8(written->Reveal());
  Require(again.has_value() && again->spec == key->spec && again->secret == key->secret &&
              again->public_key == key->public_key,
          "and read as the same");
}

}  // namespace kms::fuzz::targets
