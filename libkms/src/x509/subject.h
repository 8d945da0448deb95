// Distinguished names: from the text in which a caller writes the subject of a
// certificate request, and to the text in which a certificate is described.
//
// A name is held as the DER of its Name (RFC 5280, 4.1.2.4).
// Threads: none of it has state.

#ifndef KMS_X509_SUBJECT_H_
#define KMS_X509_SUBJECT_H_

#include <string>
#include <string_view>

#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::x509 {

// ReadSubject reads `text`, such as `CN=www.example.com,C=CN,O=Example,OU=Web`.
//
// Attributes are CN, C, ST (or S), L, O, OU and E (or EMAILADDRESS), in capitals or not,
// in any order; blanks around them do not count. Values are UTF-8 with the escapes of RFC
// 2253: a backslash before a special character, or before two hexadecimal digits.
// Attributes without a value are skipped. CN and C are required, C is two letters; OU may
// stand up to five times, all others once. No value is longer than X.520 allows, in
// characters: CN, O and OU 64, L and ST 128, E 255.
//
// The name has the order C, ST, L, O, OU, CN, E, with one attribute in each RDN. C is
// a PrintableString in capitals, E an IA5String, all others are UTF8Strings.
// Fails: kInvalidArgument with Reason::kBadParameter about `subject`.
Result<Bytes> ReadSubject(std::string_view text);

// NameText returns the attributes of `name` from the last to the first, as
// `CN=www.example.com, OU=Web, O=Example, C=CN`: keywords and quotes are those of Java's
// X500Principal. Empty if `name` is none.
std::string NameText(ByteView name);

}  // namespace kms::x509

#endif  // KMS_X509_SUBJECT_H_
