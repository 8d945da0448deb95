#include "x509/revocation_list.h"

#include <string>

#include "support/matchers.h"
#include "x509/outside_ca.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using testing::Hierarchy;
using testing::Revoke;

class RevocationListTest : public ::testing::TestWithParam<const char*> {
 protected:
  static const Hierarchy& ca() {
    static const Hierarchy rsa("RSA:2048");
    static const Hierarchy sm2("SM2");
    return std::string(GetParam()) == "SM2" ? sm2 : rsa;
  }
  testing::Issuer middle() const { return {"middle", ca().middle_key}; }
};

INSTANTIATE_TEST_SUITE_P(All, RevocationListTest, ::testing::Values("RSA:2048", "SM2"),
                         [](const auto& row) {
                           return std::string(row.param).substr(0, 3);
                         });

TEST_P(RevocationListTest, TellsWhoIsOnIt) {
  for (const bool with_issuer : {true, false}) {
    const Certificate* const issuer = with_issuer ? &ca().middle : nullptr;
    EXPECT_FALSE(IsRevoked(Revoke({}, middle()), ca().leaf, issuer).value());
    EXPECT_FALSE(IsRevoked(Revoke({"01", "0a02"}, middle()), ca().leaf, issuer).value());
    EXPECT_TRUE(IsRevoked(Revoke({"01", "0a01"}, middle()), ca().leaf, issuer).value());
  }
}

TEST_P(RevocationListTest, RefusesListsOfOthers) {
  const auto bad = Fails(Reason::kBadParameter);
  // Another name; the name alone; another key.
  const Bytes of_root = Revoke({}, {"root", ca().root_key});
  EXPECT_THAT(IsRevoked(of_root, ca().leaf, nullptr), bad);
  const Bytes forged = Revoke({}, {"middle", ca().root_key});
  EXPECT_OK(IsRevoked(forged, ca().leaf, nullptr)) << "who knows";
  EXPECT_THAT(IsRevoked(forged, ca().leaf, &ca().middle), bad);
  Hierarchy other(std::string(GetParam()) == "SM2" ? "RSA:2048" : "SM2");
  EXPECT_THAT(
      IsRevoked(Revoke({}, {"middle", other.middle_key}), ca().leaf, &ca().middle), bad);
}

TEST_P(RevocationListTest, RefusesEveryChangedByte) {
  const Bytes list = Revoke({"0a01"}, middle());
  for (std::size_t i = 0; i < list.size(); i += 3) {
    Bytes changed = list;
    changed[i] ^= 1;
    const auto told = IsRevoked(changed, ca().leaf, &ca().middle);
    EXPECT_FALSE(told.has_value()) << i;
  }
}

TEST_P(RevocationListTest, RefusesWhatIsNoList) {
  const auto bad = Fails(Reason::kBadParameter);
  EXPECT_THAT(IsRevoked({}, ca().leaf, nullptr), bad);
  EXPECT_THAT(IsRevoked(ca().leaf.der, ca().leaf, nullptr), bad);
  Bytes longer = Revoke({}, middle());
  longer.push_back(0);
  EXPECT_THAT(IsRevoked(longer, ca().leaf, nullptr), bad);
}

TEST_P(RevocationListTest, RefusesExtensionsThatChangeWhatItMeans) {
  const auto with = [&](const std::string& name, const std::string& value) {
    return IsRevoked(Revoke({"0a01"}, middle(), {{name, value}}), ca().leaf,
                     &ca().middle);
  };
  const auto bad = Fails(Reason::kBadParameter);
  EXPECT_THAT(with("deltaCRL", "critical,DER:020101"), bad);
  EXPECT_THAT(with("1.2.3.4", "critical,DER:0500"), bad);
  EXPECT_TRUE(with("1.2.3.4", "DER:0500").value());
  EXPECT_TRUE(with("crlNumber", "DER:020101").value());
}

TEST(WeakRevocationListTest, IsRefused) {
  const Hierarchy ca("RSA:2048");
  const Bytes weak = Revoke({}, {"middle", ca.middle_key}, {}, "SHA1");
  EXPECT_THAT(IsRevoked(weak, ca.leaf, &ca.middle), Fails(Reason::kBadParameter));
}

}  // namespace
}  // namespace kms::x509
