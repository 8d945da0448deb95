#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "x509/libcrypto.h"
#include "x509/pass_phrase.h"
#include "x509/pkcs12.h"
#include "x509/pkcs12_work.h"

namespace kms::x509 {
namespace {

constexpr std::size_t kMaxFile = 64 * 1024;
constexpr int kMaxBags = 20;
constexpr int kMaxDepth = 3;

using Bags = STACK_OF(PKCS12_SAFEBAG);

Error Refused(std::string_view why) {
  return Error(Reason::kBadPkcs12, std::string(why));
}
// One text, whatever decrypts badly.
Error Closed() { return Refused("wrong pass phrase, or damaged"); }

bool NeedsLegacyProvider(const X509_ALGOR* algorithm) {
  switch (OBJ_obj2nid(algorithm->algorithm)) {
    case NID_pbe_WithSHA1And128BitRC4:
    case NID_pbe_WithSHA1And40BitRC4:
    case NID_pbe_WithSHA1And128BitRC2_CBC:
    case NID_pbe_WithSHA1And40BitRC2_CBC:
      return true;
    default:
      return false;
  }
}

// Goes through a file in two passes: Inspect reads what is open, and adds up the work
// that the rest will take; Decrypt does that work, and inspects what comes out of it.
class Reader {
 public:
  explicit Reader(const PassPhrase& pass) : pass_(pass) {}

  Result<void> Inspect(PKCS12* file) {
    KMS_CHECK_OK(budget_.TakeMac(file));
    parts_.reset(PKCS12_unpack_authsafes(file));
    if (parts_ == nullptr) return Refused("not under a MAC with a pass phrase");
    if (sk_PKCS7_num(parts_.get()) > kMaxBags) return Refused("too many parts");
    for (int i = 0; i < sk_PKCS7_num(parts_.get()); ++i)
      KMS_CHECK_OK(InspectPart(sk_PKCS7_value(parts_.get(), i)));
    return {};
  }

  Result<void> Decrypt() {
    for (const PKCS7_ENC_CONTENT* part : encrypted_) {
      KMS_CHECK_OK(CanDecrypt(part->algorithm));
      Held<Bags> bags(static_cast<Bags*>(PKCS12_item_decrypt_d2i_ex(
          part->algorithm, ASN1_ITEM_rptr(PKCS12_SAFEBAGS), pass_.text(), pass_.size(),
          part->enc_data, 1, Library(), nullptr)));
      if (bags == nullptr) return Closed();
      KMS_CHECK_OK(InspectBags(bags.get(), 1));
      opened_.push_back(std::move(bags));
    }
    return {};
  }

  Result<KeyPair> Key() const {
    if (keys_.size() != 1) return Refused(keys_.empty() ? "no key" : "more than one key");
    Held<PKCS8_PRIV_KEY_INFO> decrypted;
    const PKCS8_PRIV_KEY_INFO* key = PKCS12_SAFEBAG_get0_p8inf(keys_.front());
    if (key == nullptr) {
      const X509_SIG* sealed = PKCS12_SAFEBAG_get0_pkcs8(keys_.front());
      KMS_CHECK_OK(CanDecrypt(AlgorithmOf(sealed)));
      decrypted.reset(
          PKCS8_decrypt_ex(sealed, pass_.text(), pass_.size(), Library(), nullptr));
      if (decrypted == nullptr) return Closed();
      key = decrypted.get();
    }
    auto pair = FromPkcs8(SecretEncoded(key).Reveal());
    if (!pair && pair.error().reason() == Reason::kBadParameter)
      return Refused("a malformed key");
    return pair;
  }

  Result<std::vector<Certificate>> Certificates() const {
    std::vector<Certificate> certificates;
    for (const PKCS12_SAFEBAG* bag : certificates_) {
      const Held<X509> held(PKCS12_SAFEBAG_get1_cert(bag));
      if (held == nullptr) return Refused("a malformed certificate");
      auto read = ReadCertificateDer(Encoded<X509>(i2d_X509, held.get()));
      // Only those of the chain have to be ones that we take.
      if (read) certificates.push_back(std::move(read).value());
    }
    return certificates;
  }

 private:
  static const X509_ALGOR* AlgorithmOf(const X509_SIG* sealed) {
    const X509_ALGOR* algorithm = nullptr;
    X509_SIG_get0(sealed, &algorithm, nullptr);
    return algorithm;
  }

  static SecretBytes SecretEncoded(const PKCS8_PRIV_KEY_INFO* key) {
    const int size = i2d_PKCS8_PRIV_KEY_INFO(key, nullptr);
    return SecretBytes::Filled(static_cast<std::size_t>(std::max(size, 0)),
                               [&](std::span<std::uint8_t> to) {
                                 std::uint8_t* at = to.data();
                                 if (size > 0) i2d_PKCS8_PRIV_KEY_INFO(key, &at);
                               });
  }

  static Result<void> CanDecrypt(const X509_ALGOR* algorithm) {
    if (NeedsLegacyProvider(algorithm) && !HasLegacyProvider())
      return Refused("OpenSSL's legacy provider is needed, and not installed");
    return {};
  }

  // What a part does not have is null, and OpenSSL's own functions do not all ask.
  Result<void> InspectPart(PKCS7* part) {
    if (part->d.ptr == nullptr) return Refused("an empty part");
    if (PKCS7_type_is_data(part)) {
      Held<Bags> bags(PKCS12_unpack_p7data(part));
      if (bags == nullptr) return Refused("a malformed part");
      KMS_CHECK_OK(InspectBags(bags.get(), 1));
      opened_.push_back(std::move(bags));
      return {};
    }
    if (!PKCS7_type_is_encrypted(part)) return Refused("a part of an unknown kind");
    const PKCS7_ENC_CONTENT* content = part->d.encrypted->enc_data;
    if (content == nullptr || content->enc_data == nullptr)
      return Refused("an empty part");
    encrypted_.push_back(content);
    return budget_.Take(content->algorithm);
  }

  Result<void> InspectBags(const Bags* bags, int depth) {
    if (depth > kMaxDepth) return Refused("too many levels of bags");
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i) {
      const PKCS12_SAFEBAG* bag = sk_PKCS12_SAFEBAG_value(bags, i);
      if (++count_ > kMaxBags) return Refused("too many bags");
      switch (PKCS12_SAFEBAG_get_nid(bag)) {
        case NID_pkcs8ShroudedKeyBag:
          KMS_CHECK_OK(budget_.Take(AlgorithmOf(PKCS12_SAFEBAG_get0_pkcs8(bag))));
          [[fallthrough]];
        case NID_keyBag:
          keys_.push_back(bag);
          break;
        case NID_certBag:
          if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
            certificates_.push_back(bag);
          break;
        case NID_safeContentsBag:
          KMS_CHECK_OK(InspectBags(PKCS12_SAFEBAG_get0_safes(bag), depth + 1));
          break;
        default:  // lists of revoked certificates, other secrets
          break;
      }
    }
    return {};
  }

  const PassPhrase& pass_;
  WorkBudget budget_;
  int count_ = 0;
  // What the pointers below point into.
  Held<STACK_OF(PKCS7)> parts_;
  std::vector<Held<Bags>> opened_;
  std::vector<const PKCS7_ENC_CONTENT*> encrypted_;
  std::vector<const PKCS12_SAFEBAG*> keys_;
  std::vector<const PKCS12_SAFEBAG*> certificates_;
};

bool Issued(const Certificate& issuer, const Certificate& subject) {
  const auto above = ToX509(issuer.der), below = ToX509(subject.der);
  return above != nullptr && below != nullptr &&
         X509_NAME_cmp(X509_get_subject_name(above.get()),
                       X509_get_issuer_name(below.get())) == 0 &&
         X509_verify(below.get(), X509_get0_pubkey(above.get())) == 1;
}

// Sorts `others` upwards from `leaf`, each of them once.
std::vector<Certificate> ChainOf(const Certificate& leaf,
                                 std::vector<Certificate> others) {
  std::vector<Certificate> chain;
  const Certificate* last = &leaf;
  while (chain.size() < kMaxChain && !Issued(*last, *last)) {
    auto next = others.end();
    for (auto other = others.begin(); other != others.end(); ++other)
      // Of an issuer that was renewed, the certificate that lasts.
      if (Issued(*other, *last) &&
          (next == others.end() || other->not_after > next->not_after))
        next = other;
    if (next == others.end()) break;
    chain.push_back(std::move(*next));
    others.erase(next);
    last = &chain.back();
  }
  return chain;
}

// Takes the certificate of the key out of `certificates`.
Result<Certificate> TakeLeaf(const KeyPair& key, std::vector<Certificate>* certificates) {
  const auto is_leaf = [&](const Certificate& certificate) {
    return certificate.public_key == key.public_key;
  };
  if (std::ranges::count_if(*certificates, is_leaf) != 1)
    return Error(Reason::kCertificateMismatch, "not one certificate of the key");
  const auto at = std::ranges::find_if(*certificates, is_leaf);
  Certificate leaf = std::move(*at);
  certificates->erase(at);
  return leaf;
}

Held<PKCS12> ReadFile(ByteView file) {
  return Decoded(d2i_PKCS12, file,
                 Held<PKCS12>(PKCS12_init_ex(NID_pkcs7_data, Library(), nullptr)));
}

}  // namespace

Result<Pkcs12> OpenPkcs12(ByteView file, const SecretBytes& pass_phrase) {
  const QuietErrors quiet;
  const auto pass = PassPhrase::Of(pass_phrase);
  if (!pass) return Closed();
  if (file.size() > kMaxFile) return Refused("too long");
  const auto read = ReadFile(file);
  if (read == nullptr) return Refused("malformed");
  Reader reader(*pass);
  KMS_CHECK_OK(reader.Inspect(read.get()));
  if (PKCS12_verify_mac(read.get(), pass->text(), pass->size()) != 1) return Closed();
  KMS_CHECK_OK(reader.Decrypt());
  KMS_TRY(KeyPair key, reader.Key());
  KMS_TRY(std::vector<Certificate> certificates, reader.Certificates());
  KMS_TRY(Certificate leaf, TakeLeaf(key, &certificates));
  auto chain = ChainOf(leaf, std::move(certificates));
  return Pkcs12{std::move(key), std::move(leaf), std::move(chain)};
}

}  // namespace kms::x509
