// PKCS#12 files, good and bad, put together from the bottom (RFC 7292). What is really
// encrypted is so with one iteration, because tests make many.

#ifndef KMS_TESTS_X509_PKCS12_FILES_H_
#define KMS_TESTS_X509_PKCS12_FILES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "x509/outside_ca.h"

namespace kms::x509::testing {

inline constexpr std::string_view kPass = "correct horse";

// DER each: SafeBag, ContentInfo, AlgorithmIdentifier.
using Bag = Bytes;
using Part = Bytes;

Bag CertificateBag(const Bytes& certificate);
Bag KeyBag(const Key& key);
Bag SealedKeyBag(const Key& key, std::string_view pass = kPass);
Bag BagOfBags(const std::vector<Bag>& bags);
// Says that a key is encrypted by `algorithm`; nothing is.
Bag FalseKeyBag(const Bytes& algorithm);

Part OpenPart(const std::vector<Bag>& bags);
Part SealedPart(const std::vector<Bag>& bags, std::string_view pass = kPass);
// Says that bags are encrypted by `algorithm`; nothing is.
Part EncryptedPart(const Bytes& algorithm);

// Schemes: PBES2 with a derivation, and 3DES of PKCS#12 itself.
Bytes Pbes2(const Bytes& derivation);
Bytes Pbe(std::uint64_t iterations);
Bytes Pbkdf2(std::uint64_t iterations, std::uint64_t key_bytes = 32);
Bytes Scrypt(std::uint64_t n, std::uint64_t r, std::uint64_t p);

Bytes FileWithMac(const std::vector<Part>& parts);
// With PBMAC1; empty where OpenSSL, before 3.4, has none.
Bytes FileWithPbmac1(const std::vector<Part>& parts);
// With a MAC that was not computed, or none.
Bytes FileWithFalseMac(const std::vector<Part>& parts, const Bytes& mac);
Bytes Sha256Mac(std::uint64_t iterations);
Bytes Pbmac1Mac(std::uint64_t iterations, std::uint64_t key_bytes);

}  // namespace kms::x509::testing

#endif  // KMS_TESTS_X509_PKCS12_FILES_H_
