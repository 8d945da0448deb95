// PKCS#12 files (RFC 7292): a private key with its certificate, under a pass phrase.
//
// A file says itself how much work it takes to open it. OpenPkcs12 looks at that first,
// and refuses what is too much, so that a call takes a second or two at most; it still
// belongs on a thread that may take so long.
// Threads: none of it has state.

#ifndef KMS_X509_PKCS12_H_
#define KMS_X509_PKCS12_H_

#include <span>
#include <vector>

#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"
#include "x509/certificate.h"
#include "x509/private_key.h"

namespace kms::x509 {

struct Pkcs12 {
  KeyPair key;
  Certificate certificate;  // of the key
  // Those of the file that lead upwards from it, the issuer first. Others are left out.
  // Whether they hold is for CheckChain to say.
  std::vector<Certificate> chain;
};

// OpenPkcs12 opens a file with one private key, in clear, or encrypted by PBES2 (PBKDF2
// or scrypt) or by the schemes of PKCS#12 itself, RC2 and 3DES; its MAC is by HMAC, or
// with OpenSSL 3.4 by PBMAC1 (RFC 9579). Without the legacy provider of OpenSSL, files
// with RC2 fail.
// Limits: 64 KiB; 20 bags, three levels of them; 1,000,000 iterations at a time and
// 2,000,000 together, of which scrypt takes N * r * p.
// Fails: kInvalidArgument, with Reason::kBadPkcs12 for everything that is wrong with the
// file or the pass phrase, and kCertificateMismatch if no certificate that
// ReadCertificate takes, or more than one, is that of the key; kUnsupported with
// Reason::kBadKeySpec.
Result<Pkcs12> OpenPkcs12(ByteView file, const SecretBytes& pass_phrase);

// SealPkcs12 makes a file of `secret`, as the backend keeps it, and the certificates, by
// PBES2 with AES-256-CBC and an HMAC, both of SHA-256.
// Fails: as EncryptedPkcs8.
Result<Bytes> SealPkcs12(KeySpec spec, const SecretBytes& secret,
                         const Certificate& certificate,
                         std::span<const Certificate> chain,
                         const SecretBytes& pass_phrase);

}  // namespace kms::x509

#endif  // KMS_X509_PKCS12_H_
