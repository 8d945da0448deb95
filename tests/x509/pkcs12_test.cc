#include "x509/pkcs12.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "crypto/botan_keys.h"
#include "support/matchers.h"
#include "x509/certificate_chain.h"
#include "x509/outside_ca.h"
#include "x509/pkcs12_files.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using testing::Bag;
using testing::CertificateBag;
using testing::EncryptedPart;
using testing::FileWithMac;
using testing::Hierarchy;
using testing::Issue;
using testing::kDay;
using testing::Key;
using testing::KeyBag;
using testing::kNow;
using testing::kPass;
using testing::NewKey;
using testing::OpenPart;
using testing::SealedKeyBag;
using testing::SealedPart;
using Chain = std::vector<Certificate>;
namespace fs = std::filesystem;

SecretBytes Secret(std::string_view text) { return SecretBytes::CopyOf(AsBytes(text)); }

Result<Pkcs12> Open(ByteView file, std::string_view pass = kPass) {
  auto opened = OpenPkcs12(file, Secret(pass));
  EXPECT_EQ(ERR_peek_error(), 0u);
  return opened;
}

// Fails before any key is derived: nothing that the pass phrase opens is touched.
MATCHER_P(RefusedFor, why, std::string("is refused for ") + why) {
  return !arg.has_value() && arg.error().reason() == Reason::kBadPkcs12 &&
         arg.error().detail() == why;
}

void ExpectHolds(const Result<Pkcs12>& opened, const Hierarchy& made) {
  ASSERT_OK(opened);
  EXPECT_EQ(opened->key.public_key, testing::PublicKeyOf(made.leaf_key));
  EXPECT_NE(internal::ReadPrivateKey(opened->key.spec, opened->key.secret.Reveal()),
            nullptr);
  EXPECT_EQ(opened->certificate.der, made.leaf.der);
  ASSERT_EQ(opened->chain.size(), 2u);
  EXPECT_OK(CheckChain(opened->certificate, opened->chain, kNow));
}

const Hierarchy& Sm2() {
  static const Hierarchy made("SM2");
  return made;
}
const Hierarchy& Rsa() {
  static const Hierarchy made("RSA:2048");
  return made;
}

class Pkcs12Test : public ::testing::TestWithParam<const char*> {
 protected:
  const Hierarchy& made_ = std::string_view(GetParam()) == "SM2" ? Sm2() : Rsa();
};

TEST_P(Pkcs12Test, IsOpenedWithItsChainInOrder) {
  // In the file they stand the other way round, with one of the same name.
  const Bytes other = Issue({.name = "middle", .extensions = testing::OfCa()},
                            NewKey("P-256"), {"root", made_.root_key});
  ExpectHolds(
      Open(FileWithMac(
          {SealedPart({CertificateBag(made_.root.der), CertificateBag(other),
                       CertificateBag(made_.middle.der), CertificateBag(made_.leaf.der)}),
           OpenPart({SealedKeyBag(made_.leaf_key)})})),
      made_);
}

TEST_P(Pkcs12Test, IsOpenedWithTheIssuerThatLasts) {
  // A root that was renewed, with the same key; in either order.
  const Bytes ended = Issue({.name = "root",
                             .extensions = testing::OfCa(),
                             .not_before = kNow - 300 * kDay,
                             .not_after = kNow - 200 * kDay},
                            made_.root_key, {"root", made_.root_key});
  const Bag key = SealedKeyBag(made_.leaf_key), leaf = CertificateBag(made_.leaf.der),
            middle = CertificateBag(made_.middle.der),
            root = CertificateBag(made_.root.der), old = CertificateBag(ended);
  ExpectHolds(Open(FileWithMac({OpenPart({key, leaf, middle, old, root})})), made_);
  ExpectHolds(Open(FileWithMac({OpenPart({key, leaf, middle, root, old})})), made_);
}

TEST_P(Pkcs12Test, IsOpenedWhateverElseIsInIt) {
  const Key small = NewKey("RSA:1024"), edwards = NewKey("ED25519");
  ExpectHolds(Open(FileWithMac({OpenPart(
                  {CertificateBag(Issue({}, small, {"a", small})),
                   CertificateBag(Issue({}, edwards, {"b", small})),
                   SealedKeyBag(made_.leaf_key), CertificateBag(made_.leaf.der),
                   CertificateBag(made_.middle.der), CertificateBag(made_.root.der)})})),
              made_);
}

TEST_P(Pkcs12Test, IsOpenedWithTheKeyInOtherPlaces) {
  const auto certificates =
      OpenPart({CertificateBag(made_.leaf.der), CertificateBag(made_.middle.der),
                CertificateBag(made_.root.der)});
  ExpectHolds(Open(FileWithMac({certificates, SealedPart({KeyBag(made_.leaf_key)})})),
              made_);
  ExpectHolds(
      Open(FileWithMac({SealedPart({SealedKeyBag(made_.leaf_key)}), certificates})),
      made_);
  ExpectHolds(Open(FileWithMac({OpenPart({KeyBag(made_.leaf_key)}), certificates})),
              made_);
  ExpectHolds(Open(FileWithMac({OpenPart({testing::BagOfBags({testing::BagOfBags(
                                    {SealedKeyBag(made_.leaf_key)})})}),
                                certificates})),
              made_);
}

TEST_P(Pkcs12Test, IsOpenedWithAMacOfPbmac1) {
  const Bytes file = testing::FileWithPbmac1(
      {OpenPart({CertificateBag(made_.leaf.der), SealedKeyBag(made_.leaf_key)})});
  if (file.empty()) return;  // as OpenSSL before 3.4, which cannot open it either
  EXPECT_OK(Open(file));
  EXPECT_THAT(Open(file, "wrong"), Fails(Reason::kBadPkcs12));
}

TEST_P(Pkcs12Test, IsSealedAndOpened) {
  const auto key = FromPkcs8(testing::Pkcs8Of(made_.leaf_key).Reveal()).value();
  const auto file =
      SealPkcs12(key.spec, key.secret, made_.leaf, made_.chain(), Secret(kPass));
  ASSERT_OK(file);
  const auto opened = Open(*file);
  ExpectHolds(opened, made_);
  EXPECT_TRUE(opened->key.secret == key.secret);
  EXPECT_THAT(Open(*file, "wrong"), Fails(Reason::kBadPkcs12));
}

TEST_P(Pkcs12Test, IsSealedForOpenssl) {
  const auto key = FromPkcs8(testing::Pkcs8Of(made_.leaf_key).Reveal()).value();
  const Bytes file =
      SealPkcs12(key.spec, key.secret, made_.leaf, made_.chain(), Secret(kPass)).value();
  const std::uint8_t* from = file.data();
  PKCS12* read = d2i_PKCS12(nullptr, &from, static_cast<long>(file.size()));
  ASSERT_NE(read, nullptr);
  const X509_ALGOR* mac = nullptr;
  const ASN1_INTEGER* iterations = nullptr;
  PKCS12_get0_mac(nullptr, &mac, nullptr, &iterations, read);
  EXPECT_EQ(OBJ_obj2nid(mac->algorithm), NID_sha256);
  EXPECT_GE(ASN1_INTEGER_get(iterations), 100'000);
  EVP_PKEY* read_key = nullptr;
  X509* leaf = nullptr;
  STACK_OF(X509)* chain = nullptr;
  ASSERT_EQ(PKCS12_parse(read, std::string(kPass).c_str(), &read_key, &leaf, &chain), 1);
  EXPECT_EQ(EVP_PKEY_eq(read_key, made_.leaf_key.get()), 1);
  EXPECT_EQ(X509_check_private_key(leaf, read_key), 1);
  EXPECT_EQ(sk_X509_num(chain), 2);
  EVP_PKEY_free(read_key);
  X509_free(leaf);
  sk_X509_pop_free(chain, X509_free);
  PKCS12_free(read);
}

TEST_P(Pkcs12Test, IsOpenedByItsPassPhraseAlone) {
  const Bytes file = FileWithMac({OpenPart({CertificateBag(made_.leaf.der)}),
                                  OpenPart({SealedKeyBag(made_.leaf_key)})});
  EXPECT_OK(Open(file));
  using namespace std::string_literals;
  const std::string closed = Open(file, "wrong").error().detail();
  for (const std::string& pass : {""s, "wrong"s, std::string(kPass) + "x",
                                  std::string(kPass) + '\0', std::string(2000, 'x')})
    EXPECT_THAT(Open(file, pass), RefusedFor(closed));
  // A good MAC over a key, or certificates, under another pass phrase.
  EXPECT_THAT(Open(FileWithMac({OpenPart({CertificateBag(made_.leaf.der)}),
                                OpenPart({SealedKeyBag(made_.leaf_key, "other")})})),
              RefusedFor(closed));
  EXPECT_THAT(Open(FileWithMac({SealedPart({CertificateBag(made_.leaf.der)}, "other"),
                                OpenPart({SealedKeyBag(made_.leaf_key)})})),
              RefusedFor(closed));
}

TEST_P(Pkcs12Test, IsRefusedWithoutWhatItIsFor) {
  const Bag key = SealedKeyBag(made_.leaf_key);
  const Bag leaf = CertificateBag(made_.leaf.der);
  EXPECT_OK(Open(FileWithMac({OpenPart({leaf, key})})));
  EXPECT_THAT(Open(FileWithMac({OpenPart({leaf})})), RefusedFor("no key"));
  EXPECT_THAT(Open(FileWithMac({OpenPart({})})), RefusedFor("no key"));
  EXPECT_THAT(Open(FileWithMac({})), RefusedFor("no key"));
  EXPECT_THAT(Open(FileWithMac({OpenPart({leaf, key, key})})),
              RefusedFor("more than one key"));
  EXPECT_THAT(
      Open(FileWithMac({OpenPart({leaf, key}), SealedPart({KeyBag(made_.middle_key)})})),
      RefusedFor("more than one key"));
  EXPECT_THAT(Open(FileWithMac({OpenPart({key})})), Fails(Reason::kCertificateMismatch));
  EXPECT_THAT(Open(FileWithMac({OpenPart({key, CertificateBag(made_.middle.der)})})),
              Fails(Reason::kCertificateMismatch));
  EXPECT_THAT(Open(FileWithMac({OpenPart({key, leaf, leaf})})),
              Fails(Reason::kCertificateMismatch));
}

TEST_P(Pkcs12Test, IsNotOpenedWronglyWithAnyByteChanged) {
  const Bytes file = FileWithMac({SealedPart({CertificateBag(made_.leaf.der)}),
                                  OpenPart({SealedKeyBag(made_.leaf_key)})});
  ASSERT_OK(Open(file));
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const int change : {0x01, 0x80}) {
      Bytes changed = file;
      changed[i] ^= static_cast<std::uint8_t>(change);
      const auto opened = Open(changed);
      if (!opened) {
        EXPECT_THAT(opened, Fails(Reason::kBadPkcs12)) << i;
        continue;
      }
      // What the MAC does not cover, as the version, may change, and no more than that.
      EXPECT_EQ(opened->certificate.der, made_.leaf.der) << i;
      EXPECT_EQ(opened->key.public_key, testing::PublicKeyOf(made_.leaf_key)) << i;
    }
  }
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_THAT(Open(ByteView(file).first(size)), Fails(Reason::kBadPkcs12));
}

INSTANTIATE_TEST_SUITE_P(, Pkcs12Test, ::testing::Values("SM2", "RSA"),
                         [](const auto& tested) { return std::string(tested.param); });

class Pkcs12BombTest : public ::testing::Test {
 protected:
  const Bag key_ = SealedKeyBag(Sm2().leaf_key);
  const Bag leaf_ = CertificateBag(Sm2().leaf.der);
  static constexpr const char* kTooMany = "too many iterations";
};

TEST_F(Pkcs12BombTest, OfTheMac) {
  for (const std::uint64_t count :
       {std::uint64_t{1'000'001}, std::uint64_t{1} << 31, ~std::uint64_t{0}}) {
    EXPECT_THAT(Open(testing::FileWithFalseMac({OpenPart({leaf_, key_})},
                                               testing::Sha256Mac(count))),
                RefusedFor(kTooMany));
    EXPECT_THAT(Open(testing::FileWithFalseMac({OpenPart({leaf_, key_})},
                                               testing::Pbmac1Mac(count, 32))),
                RefusedFor(kTooMany));
  }
  EXPECT_THAT(Open(testing::FileWithFalseMac({OpenPart({leaf_, key_})},
                                             testing::Pbmac1Mac(1, 65))),
              RefusedFor("a derived key that is too long"));
}

TEST_F(Pkcs12BombTest, OfEveryEncryption) {
  for (const std::uint64_t count :
       {std::uint64_t{1'000'001}, std::uint64_t{1} << 31, ~std::uint64_t{0}}) {
    for (const Bytes& algorithm :
         {testing::Pbes2(testing::Pbkdf2(count)), testing::Pbe(count)}) {
      EXPECT_THAT(Open(FileWithMac({OpenPart({leaf_, testing::FalseKeyBag(algorithm)})})),
                  RefusedFor(kTooMany));
      EXPECT_THAT(Open(FileWithMac({OpenPart({leaf_, key_}), EncryptedPart(algorithm)})),
                  RefusedFor(kTooMany));
      EXPECT_THAT(Open(FileWithMac({OpenPart(
                      {leaf_, testing::BagOfBags({testing::FalseKeyBag(algorithm)})})})),
                  RefusedFor(kTooMany));
      // Inside of what is encrypted.
      EXPECT_THAT(
          Open(FileWithMac({SealedPart({leaf_, testing::FalseKeyBag(algorithm)})})),
          RefusedFor(kTooMany));
    }
  }
}

TEST_F(Pkcs12BombTest, OfManyEncryptions) {
  const Bytes million = testing::Pbes2(testing::Pbkdf2(1'000'000));
  const std::string within = Open(FileWithMac({EncryptedPart(million)})).error().detail();
  EXPECT_NE(within, kTooMany);
  EXPECT_THAT(Open(FileWithMac({EncryptedPart(million), EncryptedPart(million)})),
              RefusedFor(kTooMany));  // with the one of the MAC
}

TEST_F(Pkcs12BombTest, OfScrypt) {
  EXPECT_THAT(
      Open(FileWithMac({EncryptedPart(testing::Pbes2(testing::Scrypt(1024, 8, 1)))})),
      RefusedFor("wrong pass phrase, or damaged"));
  for (const auto& [n, r, p] : {std::array<std::uint64_t, 3>{1 << 20, 8, 1},
                                {1024, 1 << 20, 1},
                                {1024, 8, 1 << 20},
                                {std::uint64_t{1} << 62, 4, 1},
                                {~std::uint64_t{0}, 1, 1}})
    EXPECT_THAT(
        Open(FileWithMac({EncryptedPart(testing::Pbes2(testing::Scrypt(n, r, p)))})),
        RefusedFor("scrypt asks for too much"));
}

TEST_F(Pkcs12BombTest, OfBags) {
  EXPECT_OK(Open(FileWithMac({OpenPart({leaf_, key_})})));
  std::vector<Bag> bags = {key_, leaf_};
  const Bag root = CertificateBag(Sm2().root.der);
  while (bags.size() < 20) bags.push_back(root);
  EXPECT_OK(Open(FileWithMac({OpenPart(bags)})));
  bags.push_back(root);
  EXPECT_THAT(Open(FileWithMac({OpenPart(bags)})), RefusedFor("too many bags"));
  EXPECT_THAT(Open(FileWithMac({SealedPart(bags)})), RefusedFor("too many bags"));
  EXPECT_THAT(Open(FileWithMac(std::vector<testing::Part>(21, OpenPart({})))),
              RefusedFor("too many parts"));
}

TEST_F(Pkcs12BombTest, OfLevels) {
  Bag bag = key_;
  for (int i = 0; i < 3; ++i) bag = testing::BagOfBags({bag});
  EXPECT_THAT(Open(FileWithMac({OpenPart({leaf_, bag})})),
              RefusedFor("too many levels of bags"));
  for (int i = 0; i < 1000; ++i) bag = testing::BagOfBags({bag});
  EXPECT_THAT(Open(FileWithMac({OpenPart({leaf_, bag})})), Fails(Reason::kBadPkcs12));
}

TEST_F(Pkcs12BombTest, OfSize) {
  Bytes file = FileWithMac({OpenPart({leaf_, key_})});
  file.resize(64 * 1024 + 1);
  EXPECT_THAT(Open(file), RefusedFor("too long"));
  file.resize(1024 * 1024);
  EXPECT_THAT(Open(file), RefusedFor("too long"));
}

TEST(OddPkcs12Test, IsRefused) {
  const Bag key = SealedKeyBag(Sm2().leaf_key), leaf = CertificateBag(Sm2().leaf.der);
  Bytes longer = FileWithMac({OpenPart({leaf, key})});
  longer.push_back(0);
  EXPECT_THAT(Open(longer), RefusedFor("malformed"));
  EXPECT_THAT(Open({}), RefusedFor("malformed"));
  EXPECT_THAT(Open(testing::FileWithFalseMac({OpenPart({leaf, key})}, {})),
              RefusedFor("no MAC"));
  EXPECT_THAT(Open(FileWithMac({OpenPart(
                  {leaf, testing::FalseKeyBag(testing::Pbes2(Bytes{0x30, 0x00}))})})),
              Fails(Reason::kBadPkcs12));
  EXPECT_THAT(Open(FileWithMac({OpenPart({leaf, CertificateBag({0x30, 0x00}), key})})),
              RefusedFor("a malformed certificate"));
}

TEST(OddPkcs12Test, IsRefusedWithKeysOfOtherKinds) {
  for (const char* kind : {"P-256", "RSA:3072"}) {
    const Key other = NewKey(kind);
    const Bytes leaf = Issue({}, other, {"root", other});
    EXPECT_THAT(
        Open(FileWithMac({OpenPart({CertificateBag(leaf), SealedKeyBag(other)})})),
        Fails(Reason::kBadKeySpec));
  }
}

// As files of the published samples are: RC2-40, 3DES and SHA-1, from openssl(1).
TEST(LegacyPkcs12Test, IsOpened) {
  if (std::system("openssl version >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "openssl(1) is not installed";
  std::string dir = fs::temp_directory_path() / "pkcs12_XXXXXX";
  ASSERT_NE(::mkdtemp(dir.data()), nullptr);
  const Hierarchy& made = Rsa();
  std::ofstream(dir + "/key") << AsText(testing::Pkcs8Of(made.leaf_key).Reveal());
  std::ofstream(dir + "/leaf") << CertificatePem(made.leaf);
  std::ofstream(dir + "/chain")
      << CertificatePem(made.middle) << CertificatePem(made.root);
  const std::string command =
      "unset OPENSSL_MODULES && cd " + dir +
      " && openssl pkey -inform DER -in key -out pem"
      " && openssl pkcs12 -export -legacy -inkey pem -in leaf -certfile chain"
      " -name friend -passout 'pass:" +
      std::string(kPass) + "' -out p12 >log 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream in(dir + "/p12", std::ios::binary);
  const Bytes file{std::istreambuf_iterator<char>(in), {}};
  if (::getenv("OPENSSL_MODULES") == nullptr) {
    ExpectHolds(Open(file), made);
    EXPECT_THAT(Open(file, "wrong"), Fails(Reason::kBadPkcs12));
  } else {
    EXPECT_THAT(Open(file),
                RefusedFor("OpenSSL's legacy provider is needed, and not installed"));
  }
  fs::remove_all(dir);
}

}  // namespace
}  // namespace kms::x509
