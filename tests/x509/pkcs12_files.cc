#include "x509/pkcs12_files.h"

#include <openssl/objects.h>
#include <openssl/pkcs12.h>

#include <cstdlib>
#include <string>

#include "x509/der.h"

namespace kms::x509::testing {
namespace {

using der::Element;
using der::kInteger;
using der::kOctetString;
using der::kSequence;

void Must(bool ok) {
  if (!ok) std::abort();
}

Bytes Oid(const char* numbers) {
  ASN1_OBJECT* object = OBJ_txt2obj(numbers, 1);
  Must(object != nullptr);
  unsigned char* made = nullptr;
  const int size = i2d_ASN1_OBJECT(object, &made);
  const Bytes oid(made, made + size);
  OPENSSL_free(made);
  ASN1_OBJECT_free(object);
  return oid;
}

constexpr const char* kData = "1.2.840.113549.1.7.1";
constexpr const char* kEncryptedData = "1.2.840.113549.1.7.6";
const Bytes kNull = {0x05, 0x00};
const Bytes kSalt(8, 0x5a);

Bytes Number(std::uint64_t value) {
  Bytes digits;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto digit = static_cast<std::uint8_t>(value >> shift);
    if (digits.empty() && digit == 0 && shift != 0) continue;
    if (digits.empty() && digit >= 0x80) digits.push_back(0);
    digits.push_back(digit);
  }
  return Element(kInteger, {digits});
}

Bytes Explicit(ByteView content) {
  return Element(der::ConstructedContext(0), {content});
}

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes joined;
  for (const Bytes& part : parts) der::Append(part, &joined);
  return joined;
}

Bag BagOf(const char* type, const Bytes& value) {
  return Element(kSequence, {Oid(type), Explicit(value)});
}

Bytes HmacSha256() { return Element(kSequence, {Oid("1.2.840.113549.2.9"), kNull}); }

template <typename T>
Bytes Take(T* object, int (*encode)(const T*, unsigned char**), void (*release)(T*)) {
  Must(object != nullptr);
  unsigned char* made = nullptr;
  const int size = encode(object, &made);
  Must(size > 0);
  const Bytes der(made, made + size);
  OPENSSL_free(made);
  release(object);
  return der;
}

PKCS12* Unsigned(const std::vector<Part>& parts) {
  const Bytes open = FileWithFalseMac(parts, {});
  const std::uint8_t* from = open.data();
  PKCS12* file = d2i_PKCS12(nullptr, &from, static_cast<long>(open.size()));
  Must(file != nullptr);
  return file;
}

}  // namespace

Bag CertificateBag(const Bytes& certificate) {
  return BagOf("1.2.840.113549.1.12.10.1.3",
               Element(kSequence, {Oid("1.2.840.113549.1.9.22.1"),
                                   Explicit(Element(kOctetString, {certificate}))}));
}

Bag KeyBag(const Key& key) {
  const SecretBytes pkcs8 = Pkcs8Of(key);
  return BagOf("1.2.840.113549.1.12.10.1.1",
               Bytes(pkcs8.Reveal().begin(), pkcs8.Reveal().end()));
}

Bag SealedKeyBag(const Key& key, std::string_view pass) {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key.get());
  X509_SIG* sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), pass.data(),
                                   static_cast<int>(pass.size()), nullptr, 0, 1, info);
  PKCS8_PRIV_KEY_INFO_free(info);
  return BagOf("1.2.840.113549.1.12.10.1.2", Take(sealed, i2d_X509_SIG, X509_SIG_free));
}

Bag BagOfBags(const std::vector<Bag>& bags) {
  return BagOf("1.2.840.113549.1.12.10.1.6", Element(kSequence, {Join(bags)}));
}

Bag FalseKeyBag(const Bytes& algorithm) {
  return BagOf("1.2.840.113549.1.12.10.1.2",
               Element(kSequence, {algorithm, Element(kOctetString, {Bytes(64)})}));
}

Part OpenPart(const std::vector<Bag>& bags) {
  const Bytes contents = Element(kSequence, {Join(bags)});
  return Element(kSequence, {Oid(kData), Explicit(Element(kOctetString, {contents}))});
}

Part SealedPart(const std::vector<Bag>& bags, std::string_view pass) {
  STACK_OF(PKCS12_SAFEBAG)* stack = sk_PKCS12_SAFEBAG_new_null();
  for (const Bag& bag : bags) {
    const std::uint8_t* from = bag.data();
    PKCS12_SAFEBAG* read =
        d2i_PKCS12_SAFEBAG(nullptr, &from, static_cast<long>(bag.size()));
    Must(read != nullptr);
    sk_PKCS12_SAFEBAG_push(stack, read);
  }
  PKCS7* part = PKCS12_pack_p7encdata(
      NID_aes_256_cbc, pass.data(), static_cast<int>(pass.size()), nullptr, 0, 1, stack);
  sk_PKCS12_SAFEBAG_pop_free(stack, PKCS12_SAFEBAG_free);
  return Take(part, i2d_PKCS7, PKCS7_free);
}

Part EncryptedPart(const Bytes& algorithm) {
  const Bytes content =
      Element(kSequence, {Oid(kData), algorithm, Element(der::Context(0), {Bytes(64)})});
  return Element(kSequence, {Oid(kEncryptedData),
                             Explicit(Element(kSequence, {Number(0), content}))});
}

Bytes Pbes2(const Bytes& derivation) {
  const Bytes cipher = Element(
      kSequence, {Oid("2.16.840.1.101.3.4.1.42"), Element(kOctetString, {Bytes(16)})});
  return Element(kSequence, {Oid("1.2.840.113549.1.5.13"),
                             Element(kSequence, {derivation, cipher})});
}

Bytes Pbe(std::uint64_t iterations) {
  return Element(
      kSequence,
      {Oid("1.2.840.113549.1.12.1.3"),
       Element(kSequence, {Element(kOctetString, {kSalt}), Number(iterations)})});
}

Bytes Pbkdf2(std::uint64_t iterations, std::uint64_t key_bytes) {
  return Element(kSequence,
                 {Oid("1.2.840.113549.1.5.12"),
                  Element(kSequence, {Element(kOctetString, {kSalt}), Number(iterations),
                                      Number(key_bytes), HmacSha256()})});
}

Bytes Scrypt(std::uint64_t n, std::uint64_t r, std::uint64_t p) {
  return Element(kSequence, {Oid("1.3.6.1.4.1.11591.4.11"),
                             Element(kSequence, {Element(kOctetString, {kSalt}),
                                                 Number(n), Number(r), Number(p)})});
}

Bytes FileWithFalseMac(const std::vector<Part>& parts, const Bytes& mac) {
  const Bytes safe = Element(kSequence, {Join(parts)});
  const Bytes content =
      Element(kSequence, {Oid(kData), Explicit(Element(kOctetString, {safe}))});
  return Element(kSequence, {Number(3), content, mac});
}

Bytes FileWithMac(const std::vector<Part>& parts) {
  PKCS12* file = Unsigned(parts);
  Must(PKCS12_set_mac(file, kPass.data(), static_cast<int>(kPass.size()), nullptr, 0, 1,
                      EVP_sha256()) == 1);
  return Take(file, i2d_PKCS12, PKCS12_free);
}

#if OPENSSL_VERSION_NUMBER >= 0x30400000L
Bytes FileWithPbmac1(const std::vector<Part>& parts) {
  PKCS12* file = Unsigned(parts);
  Bytes salt = kSalt;
  Must(PKCS12_set_pbmac1_pbkdf2(file, kPass.data(), static_cast<int>(kPass.size()),
                                salt.data(), static_cast<int>(salt.size()), 1,
                                EVP_sha256(), nullptr) == 1);
  return Take(file, i2d_PKCS12, PKCS12_free);
}
#else
Bytes FileWithPbmac1(const std::vector<Part>&) { return {}; }
#endif

Bytes Sha256Mac(std::uint64_t iterations) {
  const Bytes algorithm = Element(kSequence, {Oid("2.16.840.1.101.3.4.2.1"), kNull});
  const Bytes digest =
      Element(kSequence, {algorithm, Element(kOctetString, {Bytes(32)})});
  return Element(kSequence, {digest, Element(kOctetString, {kSalt}), Number(iterations)});
}

Bytes Pbmac1Mac(std::uint64_t iterations, std::uint64_t key_bytes) {
  const Bytes algorithm = Element(
      kSequence, {Oid("1.2.840.113549.1.5.14"),
                  Element(kSequence, {Pbkdf2(iterations, key_bytes), HmacSha256()})});
  const Bytes digest =
      Element(kSequence, {algorithm, Element(kOctetString, {Bytes(32)})});
  return Element(kSequence, {digest, Element(kOctetString, {kSalt}), Number(1)});
}

}  // namespace kms::x509::testing
