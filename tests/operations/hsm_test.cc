// Every operation of the table on keys of HSM level: with a token that fails, and on
// threads that may not wait for it.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "keys/fake_hsm.h"
#include "kms/encoding.h"
#include "operations/fixture.h"
#include "operations/good_requests.h"

namespace kms::server {
namespace {

using boost::json::object;

class HsmOperations : public testing::OperationsTest {
 protected:
  HsmOperations() {
    token.waits = true;
    hsm = &token;
    limits.access_points = limits.certificates = 100'000;  // each makes its own
    clock.Advance(x509::testing::kNow - clock.Now());
    Reopen();
    soft = Create();
  }

  static object With(object parameters, const object& more) {
    for (const auto& [name, value] : more) parameters[name] = value;
    return parameters;
  }

  // The administration of an account and its trail have no material, and ask no token.
  auto Requests() {
    auto all = good.All();
    for (const Operation* const operation : AllOperations())
      if (operation->group == "iam" || operation->group == "audit")
        all.erase(std::string(operation->name));
    return all;
  }

  kms::testing::FakeHsm token;
  std::string soft;
  testing::GoodRequests good{
      [this](std::string_view name, const object& body) { return Must(name, body); },
      "account-1", "0"};
};

TEST_F(HsmOperations, EveryOneIsAsked) {
  const auto requests = good.All();
  for (const Operation* const operation : AllOperations())
    EXPECT_TRUE(requests.contains(operation->name)) << operation->name;
  EXPECT_EQ(requests.size(), AllOperations().size());
}

TEST_F(HsmOperations, AFailureOfTheTokenIsToldAndChangesNothing) {
  std::set<std::string> needed_it;
  for (const bool objects : {false, true}) {
    token.objects = objects;
    for (const auto& [name, request] : Requests()) {
      const object parameters = request();
      Reopen();  // nothing is loaded
      for (int n = 1;; ++n) {
        const std::size_t keys = kms->keys().List(me, {}, {}).value().total;
        token.FailCall(n);
        const auto answer = Ask(name, parameters);
        const bool failed = token.HasFailed();
        token.FailCall(0);
        if (!failed) {
          EXPECT_OK(answer) << name;
          break;
        }
        needed_it.insert(name);
        EXPECT_THAT(answer, kms::testing::Fails(Reason::kHsmUnavailable)) << name;
        EXPECT_EQ(kms->keys().List(me, {}, {}).value().total, keys) << name;
        Reopen();
      }
    }
  }
  EXPECT_THAT(
      needed_it,
      ::testing::UnorderedElementsAre(
          "asymmetricDecrypt", "asymmetricSign", "batchDecrypt", "batchEncrypt",
          "batchSign", "certificatePrivateKeyDecrypt", "certificatePrivateKeySign",
          "createCertificate", "createKey", "createKeyVersion", "decrypt", "encrypt",
          "exportDataKey", "generateAndExportDataKey", "generateDataKey",
          "generateDataKeyWithoutPlaintext", "getParametersForImport", "getRandom",
          "hmacCompute", "hmacVerify", "importCertificateByPKCS12", "importKeyMaterial",
          "reEncrypt"))
      << "the others need no token";
}

TEST_F(HsmOperations, AThreadThatMayNotWaitNeverCallsTheToken) {
  for (const auto& [name, request] : Requests()) {
    const object parameters = request();
    for (const bool loaded : {true, false}) {
      if (!loaded) Reopen();
      const int calls = token.calls();
      me.may_wait_for_token = false;
      const auto answer = Ask(name, parameters);
      me.may_wait_for_token = true;
      EXPECT_EQ(token.calls(), calls) << name;
      if (answer) break;  // needs no token
      EXPECT_EQ(answer.error().error_class(), ErrorClass::kMustWait) << name;
      if (loaded) continue;
      EXPECT_OK(Ask(name, parameters)) << name;
    }
  }
}

TEST_F(HsmOperations, ATokenThatIsAwayLeavesSoftwareKeysAlone) {
  token.away = true;
  const object sealed = Must("encrypt", {{"cmkUuid", soft}, {"plaintext", Base64("x")}});
  Must("decrypt", {{"ciphertextBlob", sealed.at("ciphertextBlob")}});
  Create({{"keySpec", "RSA_2048"}});
  Must("listKeys", {});
}

// SM2 is here because its keys exist at HSM level only.
TEST_F(HsmOperations, TheAlgorithmsOfSm2HaveTwoNamesEach) {
  const object signing = good.Pair("2", "Ctyun_SM2"),
               encrypting = good.Pair("1", "Ctyun_SM2");
  const auto sign = [&](const char* algorithm) {
    return With(signing,
                {{"algorithm", algorithm}, {"digest", Base64(std::string(32, 'd'))}});
  };
  for (const auto& [name, other] : {std::pair("SM2", "SM2DSA"), {"SM2DSA", "SM2"}}) {
    const object made = Must("asymmetricSign", sign(name));
    const object verified =
        Must("asymmetricVerify", With(sign(other), {{"value", made.at("value")}}));
    EXPECT_EQ(Text(verified, "value"), "true") << name;
  }
  for (const auto& [name, other] : {std::pair("SM2", "SM2PKE"), {"SM2PKE", "SM2"}}) {
    const object encrypted =
        Must("asymmetricEncrypt",
             With(encrypting, {{"algorithm", name}, {"plaintext", Base64("hi")}}));
    const object blob{{"ciphertextBlob", encrypted.at("ciphertextBlob")}};
    const object opened =
        Must("asymmetricDecrypt", With(With(encrypting, {{"algorithm", other}}), blob));
    EXPECT_EQ(Text(opened, "plaintext"), Base64("hi")) << name;
    const object again = Must(
        "reEncrypt", With(blob, {{"destinationKeyId", soft},
                                 {"sourceKeyId", encrypting.at("cmkUuid")},
                                 {"sourceKeyVersionId", encrypting.at("keyVersionId")},
                                 {"sourceEncryptionAlgorithm", other}}));
    const object moved =
        Must("decrypt", {{"ciphertextBlob", again.at("ciphertextBlob")}});
    EXPECT_EQ(Text(moved, "cmkUuid"), soft);
    EXPECT_EQ(Text(moved, "plaintext"), Base64("hi")) << other;
  }
  // Neither of the other two is taken for them.
  EXPECT_THAT(Ask("asymmetricSign", sign("SM2PKE")),
              kms::testing::Fails(Reason::kBadAlgorithm));
  EXPECT_THAT(Ask("asymmetricEncrypt", With(encrypting, {{"algorithm", "SM2DSA"},
                                                         {"plaintext", Base64("hi")}})),
              kms::testing::Fails(Reason::kBadAlgorithm));
}

}  // namespace
}  // namespace kms::server
