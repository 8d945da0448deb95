#include "bench/load/request.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "kms/signer.h"

namespace kms::load {
namespace {

constexpr UnixMillis kNow = 1'764'000'000'000;
const SecretBytes& Secret() {
  static const SecretBytes secret = SecretBytes::CopyOf(AsBytes("SKEXAMPLE"));
  return secret;
}

struct Parsed {
  std::string first_line;
  std::vector<SignedHeader> headers;
  std::string body;
};

Parsed Parse(const std::string& text) {
  Parsed parsed;
  std::size_t at = text.find("\r\n");
  parsed.first_line = text.substr(0, at);
  for (at += 2; text.compare(at, 2, "\r\n") != 0;) {
    const std::size_t colon = text.find(": ", at);
    const std::size_t end = text.find("\r\n", at);
    parsed.headers.push_back(
        {text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2)});
    at = end + 2;
  }
  parsed.body = text.substr(at + 2);
  return parsed;
}

// The library's own signer is the judge: over seconds that change, and ids that do.
TEST(RequestFormTest, SignsWhatTheServerAccepts) {
  const Target target{.operation = "encrypt",
                      .path = "/v1/keyCompute/encrypt",
                      .body = R"({"cmkUuid":"k","plaintext":"AAAA"})"};
  RequestForm form(target, {"host:1", "AKEXAMPLE", "here"});
  EopStamp stamp("AKEXAMPLE", Secret());
  const auto signer = NewEopSigner();
  std::set<std::string> ids;
  for (const UnixMillis now : {kNow, kNow, kNow + 999, kNow + 1000, kNow + 90'000}) {
    std::string text;
    form.Write(&stamp, now, text);
    const Parsed parsed = Parse(text);
    EXPECT_EQ(parsed.first_line, "POST /v1/keyCompute/encrypt HTTP/1.1");
    EXPECT_EQ(parsed.body, target.body);
    std::vector<HeaderView> headers;
    for (const auto& [name, value] : parsed.headers) headers.push_back({name, value});
    const RequestView view{"POST", target.path, {}, headers, AsBytes(parsed.body)};
    const auto claim = signer->Parse(view);
    ASSERT_TRUE(claim);
    EXPECT_TRUE(signer->Verify(*claim, view, Secret()));
    EXPECT_EQ(claim->access_key, "AKEXAMPLE");
    EXPECT_EQ(claim->date_as_utc, now / 1000 * 1000);
    EXPECT_TRUE(ids.emplace(claim->request_id).second);
  }
}

TEST(RequestFormTest, AsksForHealthWithoutASignature) {
  RequestForm form({.operation = "healthz", .path = "/healthz"}, {"host:1", {}, {}});
  std::string text = "before";
  form.Write(nullptr, kNow, text);
  EXPECT_EQ(text, "beforeGET /healthz HTTP/1.1\r\nHost: host:1\r\n\r\n");
}

TEST(TargetTest, JudgesStatusSuccessAndOutcome) {
  const Target target{.operation = "decrypt",
                      .path = "/p",
                      .body = "{}",
                      .expected = R"("plaintext":"AAAA")"};
  const std::string right = R"({"result":{"plaintext":"AAAA"},"success":1}})";
  EXPECT_TRUE(IsRight(target, 200, right));
  EXPECT_FALSE(IsRight(target, 500, right));
  EXPECT_FALSE(IsRight(target, 200, R"({"result":{"plaintext":"AAAB"},"success":1}})"));
  EXPECT_FALSE(IsRight(target, 200, R"({"result":{"plaintext":"AAAA"},"success":0}})"));
  EXPECT_FALSE(IsRight(target, 200, ""));
  EXPECT_TRUE(IsRight({.operation = "healthz", .path = "/healthz"}, 200, "ok"));
}

}  // namespace
}  // namespace kms::load
