#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "signer/eop_request.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

class EopVerify : public ::testing::Test {
 protected:
  // Whether what was signed for the query `from` is accepted with the query `sent`.
  Result<void> CheckSent(std::string from, std::string sent) {
    EopRequest request = SignedRequest(*signer, std::move(from));
    request.query = std::move(sent);
    return Check(*signer, request);
  }

  const std::unique_ptr<Signer> signer = NewEopSigner();
};

TEST_F(EopVerify, HeaderNamesInAnyCase) {
  EopRequest request = SignedRequest(*signer, {}, "{}", {{"X-Extra", "1"}}, {"x-extra"});
  ASSERT_OK(Check(*signer, request));
  for (SignedHeader& header : request.headers)
    for (char& c : header.name) c = static_cast<char>(std::toupper(c));
  EXPECT_OK(Check(*signer, request));
}

TEST_F(EopVerify, ListedNamesInAnyCaseAndOrder) {
  EopRequest request = SignedRequest(*signer);
  std::string& authorization = request["Eop-Authorization"];
  const std::string listed = "ctyun-eop-request-id;eop-date";
  authorization.replace(authorization.find(listed), listed.size(),
                        "Eop-Date;CTYUN-eop-request-id");
  EXPECT_OK(Check(*signer, request));
}

TEST_F(EopVerify, BlanksAroundValuesDoNotCount) {
  EopRequest request = SignedRequest(*signer, {}, {}, {{"x-extra", "a b"}}, {"x-extra"});
  for (SignedHeader& header : request.headers) header.value = " \t" + header.value + "  ";
  EXPECT_OK(Check(*signer, request));
  request["x-extra"] = "a  b";
  EXPECT_THAT(Check(*signer, request), Fails(Reason::kBadSignature));
}

TEST_F(EopVerify, RunsOfBlanksInTheAuthorization) {
  EopRequest request = SignedRequest(*signer);
  std::string spread;
  for (const char c : request["Eop-Authorization"])
    c == ' ' ? spread.append(" \t  ") : spread.append(1, c);
  request["Eop-Authorization"] = spread;
  EXPECT_OK(Check(*signer, request));
}

TEST_F(EopVerify, AllowsSixtyFourCharactersOfAccessKeyAndThirtyTwoHeaders) {
  EopRequest request;
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("x-" + std::to_string(i));
  for (const std::string& name : names) request[name] = "v";
  const std::vector<std::string_view> also(names.begin(), names.end());
  for (SignedHeader& header : signer->Sign(request.View(), std::string(64, 'k'), Secret(),
                                           kNow, std::string(128, '~'), also))
    request.headers.push_back(std::move(header));
  ASSERT_EQ(signer->Parse(request.View()).value().signed_headers.size(), 32U);
  EXPECT_OK(Check(*signer, request));
}

TEST_F(EopVerify, AbsentHeadersAreNotSigned) {
  const EopRequest request = SignedRequest(*signer, {}, {}, {}, {"x-absent", "eop-date"});
  EXPECT_EQ(signer->Parse(request.View()).value().signed_headers.size(), 2U);
  EXPECT_OK(Check(*signer, request));
}

TEST_F(EopVerify, EveryFlippedBitIsRefused) {
  const EopRequest good = SignedRequest(*signer, "a=1&b=2", R"({"cmkUuid":"x"})",
                                        {{"x-extra", "abc"}}, {"x-extra"});
  ASSERT_OK(Check(*signer, good));
  const auto spoil = [&](auto part) {
    for (std::size_t i = 0; i < part(good).size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        EopRequest bad = good;
        char& c = part(bad)[i];
        c = static_cast<char>(c ^ (1 << bit));
        const auto result = Check(*signer, bad);
        EXPECT_FALSE(result) << "byte " << i << ", bit " << bit;
      }
    }
  };
  spoil([](auto& r) -> auto& { return r.query; });
  spoil([](auto& r) -> auto& { return r.body; });
  spoil([](auto& r) -> auto& { return r.headers[0].value; });
  spoil([](auto& r) -> auto& { return r.headers[1].value; });
  spoil([](auto& r) -> auto& { return r.headers[2].value; });
}

// In the list of names a letter may change its case; nothing else may change.
TEST_F(EopVerify, EveryFlippedBitOfTheAuthorizationIsRefused) {
  EopRequest request = SignedRequest(*signer);
  const std::string good = request["Eop-Authorization"];
  const std::size_t list = good.find("Headers=") + 8;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const bool in_list = i >= list && i < good.find(" Signature=");
      if (in_list && std::tolower(bad[i]) == good[i]) continue;
      request["Eop-Authorization"] = bad;
      EXPECT_FALSE(Check(*signer, request)) << bad;
    }
  }
}

TEST_F(EopVerify, AnEmptyBodyIsNotAnEmptyObject) {
  EopRequest request = SignedRequest(*signer, {}, {});
  request.body = "{}";
  EXPECT_THAT(Check(*signer, request), Fails(Reason::kBadSignature));
}

TEST_F(EopVerify, SignsBytesAsTheyAre) {
  const std::string body("\xef\xbb\xbf{\0\xff}", 7);
  EXPECT_OK(Check(*signer, SignedRequest(*signer, {}, body)));
}

TEST_F(EopVerify, QueryThatWasNotSigned) {
  EXPECT_THAT(CheckSent("", "a=1"), Fails(Reason::kBadSignature));
  EXPECT_THAT(CheckSent("a=1", ""), Fails(Reason::kBadSignature));
  EXPECT_THAT(CheckSent("a=1", "a=2"), Fails(Reason::kBadSignature));
  EXPECT_THAT(CheckSent("a=1", "a=1&a=1"), Fails(Reason::kBadSignature));
}

TEST_F(EopVerify, QueryAsSent) {
  EXPECT_OK(CheckSent("a=%3a&b=%zz", "a=%3a&b=%zz"));
  EXPECT_OK(CheckSent("a", "a"));
  EXPECT_OK(CheckSent("=&a", "=&a"));
}

TEST_F(EopVerify, QuerySorted) {
  EXPECT_OK(CheckSent("a=1&b=2&c=3", "c=3&a=1&b=2"));
  EXPECT_OK(CheckSent("a=1&a=2", "a=2&a=1"));
  // By name first: '-' and '1' are before '='.
  EXPECT_OK(CheckSent("a=2&a-b=1&a1=3", "a1=3&a-b=1&a=2"));
}

TEST_F(EopVerify, QueryEncodedAgain) {
  EXPECT_OK(CheckSent("b=x%20y&z=%3A%2F~", "z=:/%7e&b=x+y"));
  EXPECT_OK(CheckSent("b=x%20y", "b=x%20y"));
  EXPECT_OK(CheckSent("b=x+y&c=%2B", "c=%2b&b=x%20y"));
  EXPECT_OK(CheckSent("a=&b=%E5%A4%A9", "b=%e5%a4%a9&a"));
}

TEST_F(EopVerify, QueryUnescaped) {
  EXPECT_OK(
      CheckSent("a=2021-04-04T06:01:46Z&b=x y", "b=x%20y&a=2021-04-04T06%3A01%3A46Z"));
  EXPECT_OK(CheckSent("a=aGk=", "a=aGk%3D"));
}

TEST_F(EopVerify, UnescapedQueryThatReadsAsAnotherIsRefused) {
  EXPECT_THAT(CheckSent("a=1&b=2", "a=1%26b%3D2"), Fails(Reason::kBadSignature));
  EXPECT_THAT(CheckSent("a=1=2", "a%3D1=2"), Fails(Reason::kBadSignature));
  EXPECT_THAT(CheckSent("a=%25", "a=%2525"), Fails(Reason::kBadSignature));
  EXPECT_THAT(CheckSent("a=1+2", "a=1%2B2"), Fails(Reason::kBadSignature));
}

TEST_F(EopVerify, MalformedEscapesAreNotDecoded) {
  for (const char* query : {"a=%", "a=%4", "a=%4g", "%=1"}) {
    EXPECT_OK(CheckSent(query, query));
    EXPECT_THAT(CheckSent("b=x%20y", std::string("b=x+y&") + query),
                Fails(Reason::kBadSignature));
  }
}

// The key of a second is remembered once it has verified something.
TEST_F(EopVerify, ASignatureIsCheckedWithTheSecretOfNow) {
  const EopRequest request = SignedRequest(*signer);
  for (int i = 0; i < 3; ++i) {
    EXPECT_OK(Check(*signer, request));
    EXPECT_THAT(Check(*signer, request, Secret("another")), Fails(Reason::kBadSignature));
  }
  EopRequest renewed;
  for (SignedHeader& header :
       signer->Sign(renewed.View(), kAccessKey, Secret("another"), kNow, kRequestId, {}))
    renewed.headers.push_back(std::move(header));
  EXPECT_OK(Check(*signer, renewed, Secret("another")));
  EXPECT_THAT(Check(*signer, renewed), Fails(Reason::kBadSignature));
  EXPECT_THAT(Check(*signer, request, Secret("another")), Fails(Reason::kBadSignature));
  EXPECT_OK(Check(*signer, request));
}

TEST_F(EopVerify, ManySecondsAndAccessKeysInTurn) {
  std::vector<EopRequest> requests;
  for (int second = 0; second < 20; ++second) {
    for (int key = 0; key < 20; ++key) {
      EopRequest request;
      for (SignedHeader& header : signer->Sign(request.View(), "ak" + std::to_string(key),
                                               Secret("sk" + std::to_string(key)),
                                               kNow + second * 1000, kRequestId, {}))
        request.headers.push_back(std::move(header));
      requests.push_back(std::move(request));
    }
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const std::string key = std::to_string(i % 20);
      EXPECT_OK(Check(*signer, requests[i], Secret("sk" + key)));
      const std::string other = std::to_string((i + 1) % 20);
      EXPECT_FALSE(Check(*signer, requests[i], Secret("sk" + other)));
    }
  }
}

TEST_F(EopVerify, FromManyThreads) {
  const EopRequest good = SignedRequest(*signer, "b=2&a=1", "{}");
  EopRequest bad = good;
  bad.body = "[]";
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, mine = good, other = bad] {
        for (int n = 0; n < 200; ++n)
          if (!Check(*signer, mine) || Check(*signer, other)) ++wrong;
      });
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace kms::testing
