// Constant time, for valgrind: secrets are marked as undefined, so that memcheck reports
// every branch and every address that depends on them. What is known outside anyway, such
// as a verdict, is marked as defined again, or declared in constant_time.supp.
//
// Without an argument all cases must pass; with "control" one runs that must be reported.

// To make what Unpad undoes.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <valgrind/memcheck.h>

#include <cstdio>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/message_cipher.h"
#include "crypto/rsa_padding.h"
#include "kms/crypto_backend.h"
#include "kms/digest.h"
#include "kms/encoding.h"
#include "kms/signer.h"

namespace kms {
namespace {

void MakeSecret(ByteView bytes) {
  (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}
void MakePublic(ByteView bytes) {
  (void)VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}
template <typename T>
T Publish(T value) {
  (void)VALGRIND_MAKE_MEM_DEFINED(&value, sizeof value);
  return value;
}

SecretBytes Secret(std::string_view text) {
  SecretBytes made = SecretBytes::CopyOf(AsBytes(text));
  MakeSecret(made.Reveal());
  return made;
}

constexpr std::string_view kPin = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kLate = "0123456789abcdef0123456789abcdeX";
constexpr std::string_view kEarly = "X123456789abcdef0123456789abcdef";

bool Compares() {
  const SecretBytes secret = Secret(kPin);
  return Publish(ConstantTimeEqual(secret.Reveal(), AsBytes(kPin))) &&
         !Publish(ConstantTimeEqual(secret.Reveal(), AsBytes(kLate))) &&
         !Publish(ConstantTimeEqual(secret.Reveal(), AsBytes(kEarly)));
}

// A PIN or a pass phrase on its way: copied, moved, compared, wiped.
bool CarriesPins() {
  SecretBytes pin = Secret(kPin);
  const SecretBytes copy = SecretBytes::CopyOf(pin.Reveal());
  const SecretBytes moved = std::move(pin);
  Bytes wiped(moved.Reveal().begin(), moved.Reveal().end());
  Wipe(wiped);
  MakePublic(wiped);
  return Publish(moved == copy) && !Publish(moved == Secret(kLate)) && wiped[0] == 0;
}

bool ChecksMacs() {
  for (const auto algorithm : {DigestAlgorithm::kSha256, DigestAlgorithm::kSm3}) {
    const Digest32 wanted = Hmac(algorithm, AsBytes(kPin), AsBytes("text"));
    const Digest32 mac = Hmac(algorithm, Secret(kPin).Reveal(), AsBytes("text"));
    if (!Publish(ConstantTimeEqual(mac, wanted))) return false;
  }
  return true;
}

bool ChecksSignaturesOf(const Signer& signer) {
  constexpr UnixMillis kNow = 1'767'225'600'000;
  RequestView request;
  request.method = "POST";
  request.path = "/v1/keyCompute/encrypt";
  request.body = AsBytes(R"({"cmkUuid":"a"})");
  const auto headers =
      signer.Sign(request, "ak", SecretBytes::CopyOf(AsBytes(kPin)), kNow, "id-1", {});
  std::vector<HeaderView> views;
  for (const SignedHeader& header : headers) views.push_back({header.name, header.value});
  request.headers = views;
  const auto claim = signer.Parse(request);
  // The second time some of the work may be remembered from the first.
  return claim && signer.Verify(*claim, request, Secret(kPin)) &&
         signer.Verify(*claim, request, Secret(kPin)) &&
         !signer.Verify(*claim, request, Secret(kLate));
}
bool ChecksSignatures() { return ChecksSignaturesOf(*NewEopSigner()); }
bool ChecksSignaturesOfAccessPoints() {
  return ChecksSignaturesOf(*NewAccessPointSigner());
}

// The suite is part of the function's name, which constant_time.supp tells apart.
template <internal::CipherSuite suite>
bool OpensBlobs(std::string_view key) {
  internal::MessageCipher sealer(suite, SecretBytes::CopyOf(AsBytes(key)));
  const ByteView head = AsBytes("head"), context = AsBytes("context");
  Bytes body = sealer.Seal({}, context, AsBytes("a text of more than one block")).value();
  internal::MessageCipher opener(suite, Secret(key));
  const auto opened = opener.Open({}, context, body);
  if (!opened || opener.Open(head, context, body)) return false;
  body.back() ^= 1;
  if (opener.Open({}, context, body)) return false;
  MakePublic(opened->Reveal());
  return AsText(opened->Reveal()) == "a text of more than one block";
}
bool OpensAesBlobs() { return OpensBlobs<internal::CipherSuite::kAes256Gcm>(kPin); }
bool OpensSm4Blobs() {
  return OpensBlobs<internal::CipherSuite::kSm4Gcm>(kPin.substr(0, 16));
}

// Raw RSA's result, right and with each of a few bytes changed. That the padding is
// right, and how long the text is, the caller is told.
template <typename Pad>
bool Unpads(EncryptionAlgorithm algorithm, Pad pad) {
  Bytes encoded(internal::kRsaSize);
  if (pad(encoded) != 1) return false;
  for (const std::size_t at : {0, 1, 2, 40, 223, 255}) {
    for (const std::uint8_t change : {0, 1}) {
      Bytes tried = encoded;
      tried[at] ^= change;
      MakeSecret(tried);
      auto text = internal::Unpad(algorithm, tried);
      (void)VALGRIND_MAKE_MEM_DEFINED(&text, sizeof text);
      if (text) MakePublic(text->Reveal());
      if (change == 0 && (!text || AsText(text->Reveal()) != kPin)) return false;
    }
  }
  return true;
}
const std::uint8_t* PinBytes() { return AsBytes(kPin).data(); }
bool UnpadsPkcs1() {
  return Unpads(EncryptionAlgorithm::kRsaPkcs1, [](Bytes& out) {
    return RSA_padding_add_PKCS1_type_2(out.data(), static_cast<int>(out.size()),
                                        PinBytes(), static_cast<int>(kPin.size()));
  });
}
bool UnpadsOaep() {
  const auto pad = [](const EVP_MD* digest) {
    return [digest](Bytes& out) {
      return RSA_padding_add_PKCS1_OAEP_mgf1(out.data(), static_cast<int>(out.size()),
                                             PinBytes(), static_cast<int>(kPin.size()),
                                             nullptr, 0, digest, digest);
    };
  };
  return Unpads(EncryptionAlgorithm::kRsaOaepSha256, pad(EVP_sha256())) &&
         Unpads(EncryptionAlgorithm::kRsaOaepSha1, pad(EVP_sha1()));
}

bool EncryptsWithSm2() {
  const auto root = NewEphemeralRootKey();
  const auto backend = NewBotanBackend(*root);
  const Place place{"a", "b", "c", "d"};
  const WrappedKey pair = backend->Generate(KeySpec::kSm2, place).value();
  const auto made = backend->LoadPublic(pair.public_key)
                        .value()
                        ->Encrypt(EncryptionAlgorithm::kSm2, Secret(kPin).Reveal());
  if (!made) return false;
  MakePublic(*made);
  const auto opened = backend->LoadPrivate(KeySpec::kSm2, place, pair.sealed)
                          .value()
                          ->Decrypt(EncryptionAlgorithm::kSm2, *made);
  return opened && AsText(opened->Reveal()) == kPin;
}

// Stops at the first difference.
bool Control() {
  const SecretBytes secret = Secret(kPin);
  for (std::size_t i = 0; i < secret.size(); ++i)
    if (secret.Reveal()[i] != AsBytes(kLate)[i]) return true;
  return false;
}

struct Case {
  const char* name;
  bool (*run)();
};
constexpr Case kCases[] = {
    {"comparison", Compares},
    {"PIN and pass phrase", CarriesPins},
    {"HMAC", ChecksMacs},
    {"request signature", ChecksSignatures},
    {"access point signature", ChecksSignaturesOfAccessPoints},
    {"blob of AES", OpensAesBlobs},
    {"blob of SM4", OpensSm4Blobs},
    {"PKCS#1 v1.5", UnpadsPkcs1},
    {"OAEP", UnpadsOaep},
    {"SM2 encryption", EncryptsWithSm2},
};
constexpr Case kControl[] = {{"control", Control}};

int Run(std::span<const Case> cases) {
  int bad = 0;
  for (const Case& one : cases) {
    const auto before = VALGRIND_COUNT_ERRORS;
    const bool right = one.run();
    const auto reported = VALGRIND_COUNT_ERRORS - before;
    std::printf("%s: %s, %u reported\n", one.name, right ? "right" : "WRONG",
                static_cast<unsigned>(reported));
    if (!right || reported != 0) bad = 1;
  }
  return bad;
}

}  // namespace
}  // namespace kms

int main(int argc, char** argv) {
  if (RUNNING_ON_VALGRIND == 0) return 77;
  const bool control = argc > 1 && std::string_view(argv[1]) == "control";
  return control ? kms::Run(kms::kControl) : kms::Run(kms::kCases);
}
