#include "auth/authenticator.h"

#include <set>
#include <string>

#include "fixture.h"

namespace kms::server {
namespace {

using testing::Sent;

class AuthenticatorTest : public testing::ApiTest {
 protected:
  std::string Code(const Sent& sent) { return Send(sent).error(); }
  static constexpr const char* kGood = R"({"text":"x"})";
};

TEST_F(AuthenticatorTest, AnswersUnknownAccessKeysAndWrongSecretsAlike) {
  const std::string id = "the-id";
  const auto unknown = Send({.access_key = "nobody", .request_id = id});
  const auto wrong = Send({.secret = std::string(32, 'x'), .request_id = id});
  EXPECT_EQ(unknown.error(), "KMS.0402");
  EXPECT_EQ(unknown.status, wrong.status);
  EXPECT_EQ(unknown.text, wrong.text);
}

TEST_F(AuthenticatorTest, ComputesASignatureForUnknownAccessKeysToo) {
  class CountingSigner final : public Signer {
   public:
    explicit CountingSigner(const Signer& inner) : inner_(inner) {}
    std::vector<SignedHeader> Sign(const RequestView&, std::string_view,
                                   const SecretBytes&, UnixMillis, std::string_view,
                                   std::span<const std::string_view>) const override {
      return {};
    }
    Result<SignatureClaim> Parse(const RequestView& request) const override {
      return inner_.Parse(request);
    }
    Result<TimeVerdict> CheckTime(const SignatureClaim& claim, UnixMillis now,
                                  const TimeRule& rule) const override {
      return inner_.CheckTime(claim, now, rule);
    }
    Result<void> Verify(const SignatureClaim& claim, const RequestView& request,
                        const SecretBytes& secret) const override {
      secret_sizes.insert(secret.size());
      return inner_.Verify(claim, request, secret);
    }
    mutable std::multiset<std::size_t> secret_sizes;

   private:
    const Signer& inner_;
  };
  const CountingSigner counting(*signer);
  const Authenticator strict(
      {counting,
       [](std::string_view) -> Result<std::shared_ptr<const AccessKey>> {
         return Reason::kAccessKeyNotFound;
       },
       guard,
       clock,
       {}});
  RequestView view;
  view.method = "POST";
  view.path = "/";
  const auto made =
      signer->Sign(view, "nobody", SecretBytes::CopyOf(AsBytes(testing::kSecret)),
                   kms::server::testing::kStart, "id", {});
  std::vector<HeaderView> headers;
  for (const SignedHeader& header : made) headers.push_back({header.name, header.value});
  view.headers = headers;
  const auto claim = strict.ReadClaim(view);
  ASSERT_OK(claim);
  EXPECT_THAT(strict.Authenticate(*claim, view, {}, false),
              kms::testing::Fails(Reason::kBadSignature));
  EXPECT_EQ(counting.secret_sizes, (std::multiset<std::size_t>{32}));
}

TEST_F(AuthenticatorTest, TellsOfADisabledAccessKeyOnlyWhoHasItsSecret) {
  EXPECT_EQ(Code({.access_key = "ak-off"}), "KMS.0912");
  EXPECT_EQ(Code({.access_key = "ak-off", .secret = std::string(32, 'x')}), "KMS.0402");
}

TEST_F(AuthenticatorTest, PassesOnThatIdentitiesCannotBeRead) {
  identity_health = Reason::kStoreUnavailable;
  const auto answer = Send({});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.error(), "KMS.0925");
}

TEST_F(AuthenticatorTest, RefusesARepeatedId) {
  EXPECT_EQ(Code({.body = kGood, .request_id = "one"}), "");
  EXPECT_EQ(Code({.body = kGood, .request_id = "one"}), "KMS.0918");
  EXPECT_EQ(Code({.target = "/v1/test/list", .request_id = "one"}), "KMS.0918");
  EXPECT_EQ(Code({.body = kGood, .access_key = "ak-2", .request_id = "one"}), "");
}

TEST_F(AuthenticatorTest, AWrongSignatureUsesNoIdUp) {
  EXPECT_EQ(Code({.body = kGood, .secret = std::string(32, 'x'), .request_id = "one"}),
            "KMS.0402");
  EXPECT_EQ(Code({.body = kGood, .request_id = "one"}), "");
}

TEST_F(AuthenticatorTest, ARefusedRequestHasUsedItsIdUp) {
  EXPECT_EQ(Code({.body = "{", .request_id = "one"}), "KMS.0128");
  EXPECT_EQ(Code({.body = kGood, .request_id = "one"}), "KMS.0918");
}

TEST_F(AuthenticatorTest, RepeatsThatChangeSomethingAreTheDomainsToJudge) {
  const Sent change = {.target = "/v1/test/change", .body = kGood, .request_id = "one"};
  EXPECT_EQ(Send(change).result().at("seen"), false);
  EXPECT_EQ(Send(change).result().at("seen"), true);
  EXPECT_EQ(Send(change).result().at("fingerprint"), true);
}

TEST_F(AuthenticatorTest, ARepeatWithOtherParametersThatCannotBeReadIsAReplay) {
  EXPECT_EQ(Code({.target = "/v1/test/change", .body = kGood, .request_id = "one"}), "");
  EXPECT_EQ(Code({.target = "/v1/test/change", .body = "{}", .request_id = "one"}),
            "KMS.0918");
}

TEST_F(AuthenticatorTest, ABeijingClocksIdIsKeptUntilTheOtherReadingIsOver) {
  constexpr std::int64_t kHour = 3'600'000;
  const auto answer = Send({.target = "/v1/test/change",
                            .body = kGood,
                            .request_id = "one",
                            .date = testing::kStart + 8 * kHour});
  EXPECT_GE(answer.result().at("until").as_int64(),
            testing::kStart + 8 * kHour + kHour / 4);
  clock.Advance(8 * kHour);
  EXPECT_EQ(Code({.body = kGood, .request_id = "one"}), "KMS.0918");
}

TEST_F(AuthenticatorTest, TellsTheTimeToWhoIsOutOfIt) {
  const auto answer = Send({.date = testing::kStart - 3'600'000});
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.error(), "KMS.0404");
  EXPECT_EQ(answer.message(),
            "Out of time: the server's time is 2026-01-01T00:00:00Z, the date may differ "
            "by 900 seconds and is read as UTC or Beijing time (UTC+8)");
}

TEST_F(AuthenticatorTest, RefusesAnAccessKeyThatHasNoRoomLeft) {
  ReplayGuard tiny(1, Digest32{});
  for (int i = 0; i < 1000; ++i)
    (void)tiny.Insert("ak-1", std::to_string(i), testing::kStart,
                      testing::kStart + 900'000);
  const Authenticator full(
      {*signer,
       [](std::string_view ak) -> Result<std::shared_ptr<const AccessKey>> {
         return std::make_shared<const AccessKey>(
             AccessKey{{"a", "u", std::string(ak), true},
                       true,
                       SecretBytes::CopyOf(AsBytes(testing::kSecret))});
       },
       tiny,
       clock,
       {}});
  RequestView view;
  view.method = "POST";
  view.path = "/";
  const auto made =
      signer->Sign(view, "ak-1", SecretBytes::CopyOf(AsBytes(testing::kSecret)),
                   testing::kStart, "fresh", {});
  std::vector<HeaderView> headers;
  for (const SignedHeader& header : made) headers.push_back({header.name, header.value});
  view.headers = headers;
  const auto claim = full.ReadClaim(view);
  ASSERT_OK(claim);
  EXPECT_THAT(full.Authenticate(*claim, view, {}, true),
              kms::testing::Fails(Reason::kTooManyRequests));
}

}  // namespace
}  // namespace kms::server
