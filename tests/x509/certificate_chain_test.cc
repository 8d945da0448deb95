#include "x509/certificate_chain.h"

#include <openssl/err.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/matchers.h"
#include "x509/outside_ca.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using testing::Hierarchy;
using testing::Issue;
using testing::kDay;
using testing::Key;
using testing::kNow;
using testing::NewKey;
using testing::OfCa;
using testing::Read;
using Chain = std::vector<Certificate>;
using namespace std::string_view_literals;

// Is a failure of that certificate.
MATCHER_P(FailsAt, number, "fails at that certificate") {
  return !arg.has_value() && arg.error().reason() == Reason::kCertificateMismatch &&
         arg.error().detail().starts_with("certificate " + std::to_string(number) + ":");
}

class CertificateChainTest : public ::testing::TestWithParam<const char*> {
 protected:
  static const Hierarchy& Made() {
    // Keys of RSA are slow to make.
    static const Hierarchy sm2("SM2"), rsa("RSA:2048");
    return GetParam() == "SM2"sv ? sm2 : rsa;
  }
  static Certificate Middle(const testing::Contents& contents) {
    return Read(Issue(contents, Made().middle_key, {"root", Made().root_key}));
  }

  const Hierarchy& made_ = Made();
};

TEST_P(CertificateChainTest, HoldsWithAndWithoutItsEnd) {
  EXPECT_OK(CheckChain(made_.leaf, made_.chain(), kNow));
  EXPECT_OK(CheckChain(made_.leaf, Chain{made_.middle}, kNow));
  EXPECT_OK(CheckChain(made_.leaf, {}, kNow));
  EXPECT_OK(CheckChain(made_.middle, Chain{made_.root}, kNow));
  EXPECT_OK(CheckChain(made_.root, {}, kNow));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_P(CertificateChainTest, HasAnOrder) {
  EXPECT_THAT(CheckChain(made_.leaf, Chain{made_.root, made_.middle}, kNow),
              Fails(Reason::kCertificateMismatch));
  EXPECT_THAT(CheckChain(made_.leaf, Chain{made_.root}, kNow),
              Fails(Reason::kCertificateMismatch));
  EXPECT_THAT(CheckChain(made_.root, Chain{made_.middle, made_.leaf}, kNow),
              Fails(Reason::kCertificateMismatch));
}

TEST_P(CertificateChainTest, HasNoCertificateTwice) {
  const Certificate& m = made_.middle;
  const Certificate& r = made_.root;
  for (const Chain& chain : {Chain{m, m, r}, {m, r, r}, {m, r, m}, {m, r, m, r}, {m, m}})
    EXPECT_THAT(CheckChain(made_.leaf, chain, kNow), Fails(Reason::kCertificateMismatch));
  EXPECT_THAT(CheckChain(r, Chain{r}, kNow), Fails(Reason::kCertificateMismatch));
}

TEST_P(CertificateChainTest, IsNoLoop) {
  const Certificate a = Read(Issue({.name = "a", .extensions = OfCa()}, made_.root_key,
                                   {"b", made_.middle_key}));
  const Certificate b = Read(Issue({.name = "b", .extensions = OfCa()}, made_.middle_key,
                                   {"a", made_.root_key}));
  const Certificate leaf = Read(Issue({}, made_.leaf_key, {"a", made_.root_key}));
  EXPECT_OK(CheckChain(leaf, Chain{a, b}, kNow));
  EXPECT_THAT(CheckChain(leaf, Chain{a, b, a}, kNow),
              Fails(Reason::kCertificateMismatch));
  EXPECT_THAT(CheckChain(leaf, Chain{a, b, a, b}, kNow),
              Fails(Reason::kCertificateMismatch));
}

TEST_P(CertificateChainTest, NeedsTheKeyOfTheIssuer) {
  const Certificate other = Read(Issue({.name = "middle", .extensions = OfCa()},
                                       NewKey(GetParam()), {"root", made_.root_key}));
  EXPECT_THAT(CheckChain(made_.leaf, Chain{other, made_.root}, kNow), FailsAt(0));
}

TEST_P(CertificateChainTest, NeedsTheNameOfTheIssuer) {
  const Certificate other = Middle({.name = "mittel", .extensions = OfCa()});
  EXPECT_THAT(CheckChain(made_.leaf, Chain{other, made_.root}, kNow), FailsAt(0));
}

TEST_P(CertificateChainTest, NeedsItsEndSignedByItselfIfItSaysSo) {
  const Certificate fake = Read(Issue({.name = "root", .extensions = OfCa()},
                                      made_.root_key, {"root", made_.middle_key}));
  EXPECT_THAT(CheckChain(made_.leaf, Chain{made_.middle, fake}, kNow), FailsAt(2));
  EXPECT_THAT(CheckChain(fake, {}, kNow), FailsAt(0));
  // The same with an identifier that says that another key signed it.
  auto extensions = OfCa();
  extensions.emplace_back("authorityKeyIdentifier", "DER:30048002ffff");
  const Certificate odd = Read(Issue({.name = "root", .extensions = extensions},
                                     made_.root_key, {"root", made_.middle_key}));
  EXPECT_THAT(CheckChain(odd, {}, kNow), FailsAt(0));
}

TEST_P(CertificateChainTest, NeedsIssuersToBeCas) {
  using Extensions = std::vector<std::pair<std::string, std::string>>;
  for (const Extensions& extensions :
       {Extensions{},
        {{"basicConstraints", "CA:FALSE"}},
        {{"keyUsage", "keyCertSign"}},
        {{"basicConstraints", "CA:TRUE"}, {"keyUsage", "digitalSignature"}}}) {
    const Certificate middle = Middle({.name = "middle", .extensions = extensions});
    EXPECT_THAT(CheckChain(made_.leaf, Chain{middle, made_.root}, kNow), FailsAt(1));
  }
}

TEST_P(CertificateChainTest, KeepsPathLengths) {
  const Key key = made_.leaf_key;
  const Certificate low = Read(
      Issue({.name = "low", .extensions = OfCa()}, key, {"middle", made_.middle_key}));
  const Certificate leaf = Read(Issue({}, key, {"low", key}));
  EXPECT_THAT(CheckChain(leaf, Chain{low, made_.middle, made_.root}, kNow), FailsAt(2));
  const Certificate longer = Middle({.name = "middle", .extensions = OfCa(",pathlen:1")});
  EXPECT_OK(CheckChain(leaf, Chain{low, longer, made_.root}, kNow));
}

TEST_P(CertificateChainTest, KeepsNameConstraints) {
  auto extensions = OfCa();
  extensions.emplace_back("nameConstraints", "critical,permitted;DNS:example.com");
  const Certificate allows = Middle({.name = "middle", .extensions = extensions});
  EXPECT_OK(CheckChain(made_.leaf, Chain{allows, made_.root}, kNow));
  extensions.back().second = "critical,permitted;DNS:example.org";
  const Certificate forbids = Middle({.name = "middle", .extensions = extensions});
  EXPECT_THAT(CheckChain(made_.leaf, Chain{forbids, made_.root}, kNow), FailsAt(0));
}

TEST_P(CertificateChainTest, RefusesUnknownCriticalExtensions) {
  const auto leaf = [&](const char* value) {
    return Read(Issue({.extensions = {{"1.2.3.4", value}}}, made_.leaf_key,
                      {"middle", made_.middle_key}));
  };
  EXPECT_OK(CheckChain(leaf("DER:0500"), made_.chain(), kNow));
  EXPECT_THAT(CheckChain(leaf("critical,DER:0500"), made_.chain(), kNow), FailsAt(0));
}

TEST_P(CertificateChainTest, LooksAtTheTime) {
  const auto leaf = [&](UnixMillis from, UnixMillis to) {
    return Read(Issue({.not_before = from, .not_after = to}, made_.leaf_key,
                      {"middle", made_.middle_key}));
  };
  EXPECT_THAT(CheckChain(leaf(kNow - 2 * kDay, kNow - kDay), made_.chain(), kNow),
              FailsAt(0));
  const Certificate ahead = leaf(kNow + kDay, kNow + 2 * kDay);
  EXPECT_OK(CheckChain(ahead, made_.chain(), kNow));
  EXPECT_THAT(CheckChain(ahead, made_.chain(), kNow, LeafTime::kNow), FailsAt(0));
  EXPECT_OK(CheckChain(ahead, {}, kNow));
  EXPECT_THAT(CheckChain(ahead, {}, kNow, LeafTime::kNow), FailsAt(0));
  // Issuers have no such freedom.
  for (const auto& [from, to] : {std::pair(kNow - 2 * kDay, kNow - kDay),
                                 std::pair(kNow + kDay, kNow + 2 * kDay)}) {
    const Certificate middle = Middle(
        {.name = "middle", .extensions = OfCa(), .not_before = from, .not_after = to});
    EXPECT_THAT(CheckChain(made_.leaf, Chain{middle, made_.root}, kNow), FailsAt(1));
    EXPECT_THAT(CheckChain(made_.leaf, Chain{middle}, kNow), FailsAt(1));
  }
}

TEST_P(CertificateChainTest, DoesNotHoldWhenAByteOfTheLeafChanges) {
  for (std::size_t i = 0; i < made_.leaf.der.size(); ++i) {
    Bytes changed = made_.leaf.der;
    changed[i] ^= 0x01;
    const auto leaf = ReadCertificateDer(changed);
    if (leaf) {
      EXPECT_THAT(CheckChain(*leaf, made_.chain(), kNow),
                  Fails(Reason::kCertificateMismatch))
          << i;
    }
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_P(CertificateChainTest, IsCheckedByManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j)
        EXPECT_OK(CheckChain(Read(made_.leaf.der), made_.chain(), kNow));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

INSTANTIATE_TEST_SUITE_P(, CertificateChainTest, ::testing::Values("SM2", "RSA:2048"),
                         [](const auto& tested) { return std::string(tested.param, 3); });

TEST(MixedCertificateChainTest, HoldsWithOtherKindsOfKeys) {
  for (const char* kind : {"RSA:3072", "P-256", "P-384"}) {
    const Hierarchy made(kind, NewKey("SM2"));
    EXPECT_OK(CheckChain(made.leaf, made.chain(), kNow)) << kind;
  }
}

TEST(MixedCertificateChainTest, IsRefusedWithBrokenDigests) {
  const Key key = NewKey("RSA:2048");
  const Certificate root = Read(Issue(
      {.name = "root", .extensions = OfCa(), .digest = "SHA1"}, key, {"root", key}));
  EXPECT_OK(CheckChain(Read(Issue({}, key, {"root", key})), Chain{root}, kNow));
  for (const char* digest : {"SHA1", "MD5"}) {
    EXPECT_THAT(CheckChain(Read(Issue({.digest = digest}, key, {"root", key})),
                           Chain{root}, kNow),
                FailsAt(0));
  }
}

// SM2 over SM3 that says it were ECDSA over SHA-256, in both places.
TEST(MixedCertificateChainTest, IsRefusedWithSm2UnderTheNameOfEcdsa) {
  const Hierarchy made("SM2");
  EXPECT_OK(CheckChain(Read(testing::ReSigned(made.leaf.der, made.middle_key, "", "")),
                       made.chain(), kNow));
  const Certificate leaf = Read(testing::ReSigned(
      made.leaf.der, made.middle_key, "\x06\x08\x2a\x81\x1c\xcf\x55\x01\x83\x75"sv,
      "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv));
  EXPECT_EQ(leaf.signature_algorithm, "SHA256withECDSA");
  EXPECT_THAT(CheckChain(leaf, made.chain(), kNow), FailsAt(0));
}

}  // namespace
}  // namespace kms::x509
