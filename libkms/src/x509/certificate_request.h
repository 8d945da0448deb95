// Certificate requests (PKCS#10, RFC 2986): what is to be signed, and how it is put
// together with its signature. The private key signs elsewhere (kms/crypto_backend.h).
//
// Threads: none of it has state.

#ifndef KMS_X509_CERTIFICATE_REQUEST_H_
#define KMS_X509_CERTIFICATE_REQUEST_H_

#include <string>

#include "kms/bytes.h"
#include "kms/crypto_backend.h"
#include "kms/digest.h"
#include "kms/result.h"

namespace kms::x509 {

// DER each: Name, GeneralNames or nothing, SubjectPublicKeyInfo.
struct RequestFields {
  ByteView subject;
  ByteView alternative_names;
  ByteView public_key;
};

// A CertificationRequestInfo, and what PrivateKey::Sign takes for it.
struct UnsignedRequest {
  Bytes info;
  SignatureAlgorithm algorithm = SignatureAlgorithm::kRsaPkcs1Sha256;
  Digest32 digest{};
};

// NewRequest makes a request for a certificate of `fields.public_key`. Alternative names
// become an extensionRequest; without any, the set of attributes is empty. RSA signs with
// PKCS#1 v1.5 and SHA-256; SM2 with SM3, under the default identity (GM/T 0015).
// Fails: as CryptoBackend::LoadPublic.
Result<UnsignedRequest> NewRequest(const RequestFields& fields);

// SignedRequest returns the request in PEM.
// Fails: kInternal if `signature` is not one of the key over the request.
Result<std::string> SignedRequest(const UnsignedRequest& request, ByteView signature);

}  // namespace kms::x509

#endif  // KMS_X509_CERTIFICATE_REQUEST_H_
