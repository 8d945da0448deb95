// The other names of a certificate's subject (RFC 5280, 4.2.1.6): from the texts that a
// caller gives, and to the texts in which a certificate is described.
//
// Names are held as the DER of their GeneralNames.
// Threads: none of it has state.

#ifndef KMS_X509_ALTERNATIVE_NAMES_H_
#define KMS_X509_ALTERNATIVE_NAMES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::x509 {

// ReadAlternativeNames reads up to ten names, and tells by their form what they are: an
// IPv4 or IPv6 address; a URI, which has `://` behind its scheme or is a URN; a mail
// address, which has an @; or the name of a host, whose first label may be `*`.
// Nothing comes of nothing. International names are given in their ASCII form.
// Fails: kInvalidArgument with Reason::kBadParameter about `subjectAlternativeNames` for
// more names, a malformed one, or one that is there twice.
Result<Bytes> ReadAlternativeNames(std::span<const std::string> names);

// AlternativeNameTexts returns the hosts, addresses, mail addresses and URIs of `names`,
// as ReadAlternativeNames takes them, and its directory names as NameText writes them;
// what else there may be is left out.
std::vector<std::string> AlternativeNameTexts(ByteView names);

// Ia5Text is what an IA5String says; nothing, if it has other than printable characters,
// which OpenSSL lets pass.
std::string Ia5Text(ByteView bytes);

// IsMailAddress: the form in which certificates have them (RFC 5280, 4.2.1.6), a dot-atom
// before the @ and the name of a host behind it.
bool IsMailAddress(std::string_view text);

}  // namespace kms::x509

#endif  // KMS_X509_ALTERNATIVE_NAMES_H_
