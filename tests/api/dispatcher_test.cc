#include "api/dispatcher.h"

#include <spdlog/sinks/ostream_sink.h>

#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include "fixture.h"
#include "kms/audit_log.h"
#include "store/scratch_directory.h"

namespace kms::server {
namespace {

using testing::Sent;
using Headers = std::map<std::string, std::string>;

class DispatcherTest : public testing::ApiTest {
 protected:
  std::string Code(const Sent& sent) { return Send(sent).error(); }

  // Of the dispatchers that are made from now on.
  std::unique_ptr<AuditLog> OpenTrail(const kms::testing::ScratchDirectory& scratch,
                                      const AuditSettings& settings = {}) {
    auto log = OpenAuditLog({.folder = scratch.path() + "/audit",
                             .store = *store,
                             .root = *root,
                             .backend = *backend,
                             .clock = clock},
                            settings)
                   .value();
    audit = log.get();
    return log;
  }
};

TEST_F(DispatcherTest, AnswersWithTheHandlersResult) {
  const auto answer = Send({.body = R"({"text":"hi"})", .request_id = "my-id"});
  EXPECT_EQ(answer.status, 200);
  const auto result = answer.result();
  EXPECT_EQ(result.at("text"), "hi");
  EXPECT_EQ(result.at("region"), "region-1");
  EXPECT_EQ(result.at("account"), "account-1");
  EXPECT_EQ(result.at("source"), "192.0.2.1");
  EXPECT_EQ(result.at("operation"), "echo");
  EXPECT_EQ(result.at("requestId"), "my-id");
}

TEST_F(DispatcherTest, RunsHandlersOnEveryLane) {
  EXPECT_EQ(Code({.body = R"({"text":"hi"})"}), "");
  EXPECT_EQ(Code({.target = "/v1/test/change", .body = R"({"text":"hi"})"}), "");
  EXPECT_EQ(Code({.target = "/v1/test/list"}), "");
  EXPECT_EQ(
      Send({.target = "/v1/test/nothing"}).text,
      R"({"statusCode":800,"returnObj":{"code":200,"statusCode":200,"success":1}})");
}

TEST_F(DispatcherTest, AnswersOnEveryPath) {
  EXPECT_EQ(Code({.target = "/apiproxy/v3/test/echo", .body = R"({"text":"hi"})"}), "");
}

TEST_F(DispatcherTest, MatchesPathsExactly) {
  for (const std::string target :
       {"/v1/test/echo/", "//v1/test/echo", "/v1/test/../test/echo", "/V1/test/echo",
        "/v1/test/ech%6f", "/test/echo", "/", "/v1/test/echo;x", "/healthz/"}) {
    const auto answer = Send({.target = target});
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.error(), "KMS.0923") << target;
  }
}

TEST_F(DispatcherTest, TellsTheAllowedMethods) {
  const auto answer = Send({.method = "GET"});
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.error(), "KMS.0924");
  EXPECT_EQ(answer.headers.at("Allow"), "POST");
  EXPECT_EQ(Send({.method = "PUT", .target = "/v1/test/list"}).headers.at("Allow"),
            "GET, POST");
  EXPECT_EQ(Code({.method = "GET", .target = "/v1/test/list", .body = ""}), "");
}

TEST_F(DispatcherTest, ReadsParametersOfAGetFromQueryAndHeaders) {
  const auto query = Send(
      {.method = "GET", .target = "/v1/test/list?choice=b&text=%E5%AF%86", .body = ""});
  ASSERT_EQ(query.error(), "");
  EXPECT_EQ(query.result().at("text"), "密");
  const auto header = Send(
      {.method = "GET", .target = "/v1/test/list", .body = "", .spoil = [](Headers& h) {
         h["TEXT"] = "密";
       }});
  EXPECT_EQ(header.result().at("text"), "密");
  EXPECT_EQ(Code({.method = "GET", .target = "/v1/test/list?choice=c", .body = ""}),
            "KMS.0921");
}

TEST_F(DispatcherTest, IgnoresAQueryThatNobodyReads) {
  EXPECT_EQ(Code({.target = "/v1/test/echo?a=1", .body = R"({"text":"hi"})"}), "");
}

// A request that is wrong in every way, mended step by step: each step shows the next
// refusal.
TEST_F(DispatcherTest, ChecksInTheDocumentedOrder) {
  Sent sent = {.method = "PUT",
               .target = "/v1/test/unknown",
               .body = "{",
               .access_key = "nobody",
               .request_id = "used",
               .date = testing::kStart - 3'600'000,
               .region = std::nullopt,
               .spoil = [](Headers& h) { h["eop-date"] = "yesterday"; }};
  (void)Send({.body = R"({"text":"x"})", .request_id = "used"});
  EXPECT_EQ(Code(sent), "KMS.0403");
  sent.spoil = [](Headers& h) { h.erase("eop-date"); };
  EXPECT_EQ(Code(sent), "KMS.0402");
  sent.spoil = nullptr;
  EXPECT_EQ(Code(sent), "KMS.0923");
  sent.target = "/v1/test/denied";
  EXPECT_EQ(Code(sent), "KMS.0924");
  sent.method = "POST";
  EXPECT_EQ(Code(sent), "KMS.0404");
  sent.date.reset();
  EXPECT_EQ(Code(sent), "KMS.0402");
  sent.access_key = "ak-1";
  EXPECT_EQ(Code(sent), "KMS.0918");
  sent.request_id.clear();
  EXPECT_EQ(Code(sent), "KMS.0913");
  sent.target = "/v1/test/echo";
  EXPECT_EQ(Code(sent), "KMS.0115");
  sent.region = "elsewhere";
  EXPECT_EQ(Code(sent), "KMS.0921");
  sent.region = "region-2";
  EXPECT_EQ(Code(sent), "KMS.0128");
  sent.body = R"({"regionId":"region-1"})";
  EXPECT_EQ(Code(sent), "KMS.0921");
  sent.body = R"({"regionId":"region-2"})";
  EXPECT_EQ(Code(sent), "KMS.0107");
  sent.body = R"({"regionId":"region-2","text":"x"})";
  EXPECT_EQ(Code(sent), "");
}

TEST_F(DispatcherTest, TheRegionOfTheQueryMustBeTheRequests) {
  EXPECT_EQ(Code({.target = "/v1/test/list?regionId=region-2"}), "KMS.0921");
  EXPECT_EQ(Code({.target = "/v1/test/list?regionId=region-1"}), "");
}

TEST_F(DispatcherTest, ANestedRegionIsRefused) {
  EXPECT_EQ(Code({.body = R"({"text":"x","regionId":["region-1"]})"}), "KMS.0921");
}

TEST_F(DispatcherTest, NamesTheRefusedParameter) {
  const auto answer = Send({.body = R"({"text":"01234567890"})", .request_id = "my-id"});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error(), "KMS.0129");
  EXPECT_EQ(answer.message(), "The request message is too long: text");
  EXPECT_EQ(answer.json().at("requestId"), "my-id");
}

TEST_F(DispatcherTest, TellsNothingOfItsOwnFailures) {
  for (const std::string target : {"/v1/test/breaks", "/v1/test/fails"}) {
    const auto answer = Send({.target = target, .request_id = "id" + target});
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.message(), "Internal error");
    EXPECT_EQ(answer.text.find("secret reason"), std::string::npos);
    EXPECT_EQ(answer.json().at("requestId").as_string(), "id" + target);
  }
}

TEST_F(DispatcherTest, MakesARequestIdWhereTheClientHasNone) {
  const auto one = SendUnsigned("POST", "/v1/test/echo");
  const auto two = SendUnsigned("POST", "/v1/test/echo",
                                {{"ctyun-eop-request-id", std::string(129, 'x')}});
  EXPECT_EQ(one.error(), "KMS.0402");
  EXPECT_EQ(one.json().at("requestId").as_string().size(), 36U);
  EXPECT_EQ(two.json().at("requestId").as_string().size(), 36U);
  EXPECT_NE(one.json().at("requestId"), two.json().at("requestId"));
}

TEST_F(DispatcherTest, RefusesWhatFindsNoRoomInItsLane) {
  MakeDispatcher(false, {.commit_threads = 1, .commit_queue = 1});
  // Shared: a task may still be leaving wait() when this function returns.
  const auto started = std::make_shared<std::latch>(1);
  const auto go = std::make_shared<std::latch>(1);
  ASSERT_TRUE(lanes->Submit(Lane::kCommit, [started, go] {
    started->count_down();
    go->wait();
  }));
  started->wait();
  ASSERT_TRUE(lanes->Submit(Lane::kCommit, [] {}));
  const auto answer = Send({.target = "/v1/test/nothing"});
  go->count_down();
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.error(), "KMS.0915");
}

TEST_F(DispatcherTest, RunsAgainOnTheTokensLaneWhatHasToWait) {
  const auto answer = Send({.target = "/v1/test/waits", .request_id = "my-id"});
  EXPECT_EQ(answer.result().at("requestId"), "my-id") << "the first run used the id up";
  EXPECT_EQ(Send({.target = "/v1/test/waitsForEver"}).status, 500);
}

TEST_F(DispatcherTest, AHangingTokenHoldsUpNobodyElse) {
  MakeDispatcher(false, {.token_threads = 1, .token_queue = 1});
  const auto started = std::make_shared<std::latch>(1);
  const auto go = std::make_shared<std::latch>(1);
  ASSERT_TRUE(lanes->Submit(Lane::kToken, [started, go] {
    started->count_down();
    go->wait();
  }));
  started->wait();
  ASSERT_TRUE(lanes->Submit(Lane::kToken, [] {}));
  EXPECT_EQ(lanes->waiting(Lane::kToken), 1U);
  const auto refused = Send({.target = "/v1/test/waits"});
  const std::string others[] = {Code({.body = R"({"text":"hi"})"}),
                                Code({.target = "/v1/test/nothing"}),
                                Code({.target = "/v1/test/list"})};
  go->count_down();
  EXPECT_EQ(refused.error(), "KMS.0915");
  for (const std::string& code : others) EXPECT_EQ(code, "");
}

TEST_F(DispatcherTest, ARequestThatHangsWithTheTokenIsAnsweredWithoutIt) {
  MakeDispatcher(false, {.token_threads = 1}, std::chrono::milliseconds(50));
  testing::Hang hanging;
  testing::hang = &hanging;
  const auto answer = Send({.target = "/v1/test/hangs", .body = R"({"text":"hi"})"});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.error(), "KMS.0919");
  // The request has gone with its answer; what the handler was asked has not.
  hanging.until.count_down();
  EXPECT_EQ(hanging.text.get_future().get(), "hi");
  EXPECT_TRUE(hanging.went_on_before);
  EXPECT_FALSE(hanging.went_on_after) << "for nobody";
  EXPECT_TRUE(lanes->Drain());
}

// Answered without the HSM, it may change something yet, and then has no line of its own.
TEST_F(DispatcherTest, TheTrailTellsOfARequestThatHangsWithTheToken) {
  const kms::testing::ScratchDirectory scratch;
  const auto log = OpenTrail(scratch);
  MakeDispatcher(false, {.token_threads = 1}, std::chrono::milliseconds(50));
  testing::Hang hanging;
  testing::hang = &hanging;
  const auto answer = Send(
      {.target = "/v1/test/hangs", .body = R"({"text":"hi"})", .request_id = "my-id"});
  EXPECT_EQ(answer.error(), "KMS.0919");
  EXPECT_THAT(log->TakeProgress().names, ::testing::IsEmpty())
      << "the line stands for no change";
  hanging.until.count_down();
  EXPECT_TRUE(lanes->Drain());
  EXPECT_THAT(log->TakeProgress().abandoned,
              ::testing::ElementsAre(AuditNameOfCall("ak-1", "my-id")));
  dispatcher.reset();
  log->End();
  const AuditPage page = QueryAuditLog(log->folder(), {.account = "account-1"}).value();
  ASSERT_EQ(page.events.size(), 1U);
  EXPECT_EQ(page.events[0].request_id, "my-id");
  EXPECT_EQ(page.events[0].code, "KMS.0919");
}

TEST_F(DispatcherTest, TheTrailTellsOfEachKeyOfABatchOnce) {
  const kms::testing::ScratchDirectory scratch;
  const auto log = OpenTrail(scratch);
  MakeDispatcher();
  EXPECT_EQ(Send({.target = "/v1/test/items"}).result().at("items").as_array().size(),
            3U);
  dispatcher.reset();
  log->End();
  const AuditPage page = QueryAuditLog(log->folder(), {.account = "account-1"}).value();
  ASSERT_EQ(page.events.size(), 2U);
  std::set<std::string> told;
  for (const AuditEvent& event : page.events) {
    EXPECT_EQ(event.request_id, page.events[0].request_id);
    told.insert(event.key + " " + event.version + " " + event.code);
  }
  EXPECT_EQ(told, (std::set<std::string>{"key-1 version-1 ok", "key-2  KMS.0206"}));
}

TEST_F(DispatcherTest, ABatchWhoseLinesFindNoRoomIsNotAnswered) {
  const kms::testing::ScratchDirectory scratch;
  const auto log = OpenTrail(scratch, {.queue_lines = 1});  // that of the request itself
  MakeDispatcher();
  const auto answer = Send({.target = "/v1/test/items"});
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr("key-1")));
  dispatcher.reset();
  log->End();
  const AuditPage page = QueryAuditLog(log->folder(), {.account = "account-1"}).value();
  ASSERT_EQ(page.events.size(), 1U);
  EXPECT_EQ(page.events[0].code, answer.error());
}

TEST_F(DispatcherTest, WordsRefusalsOfTheNetworkLayer) {
  const HttpResponse response = dispatcher->Refuse(413, Error(Reason::kTooLong));
  EXPECT_EQ(response.status, 413);
  EXPECT_TRUE(response.close);
  const auto json =
      boost::json::parse(std::string(response.body.begin(), response.body.end()));
  EXPECT_EQ(json.at("errorCode"), "KMS.0129");
}

TEST_F(DispatcherTest, ServesPagesWithoutASignature) {
  EXPECT_EQ(SendUnsigned("GET", "/healthz").status, 200);
  EXPECT_EQ(SendUnsigned("GET", "/metrics").status, 200);
  EXPECT_EQ(SendUnsigned("GET", "/openapi.json").json().at("openapi"), "3.1.0");
  EXPECT_EQ(SendUnsigned("POST", "/healthz").status, 405);
}

TEST_F(DispatcherTest, ReadinessTellsWhichPartIsDown) {
  const auto ready = SendUnsigned("GET", "/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.text, R"({"status":"ready","parts":{"store":"up","root key":"up"}})");
  store_health = Error(Reason::kStoreUnavailable, "the detail");
  const auto down = SendUnsigned("GET", "/readyz");
  EXPECT_EQ(down.status, 503);
  EXPECT_EQ(down.text,
            R"({"status":"not ready","parts":{"store":"down","root key":"up"},)"
            R"("reasons":{"store":"the detail"}})");
}

TEST_F(DispatcherTest, KeepsPagesFromThePublicWhereTheyAreApart) {
  MakeDispatcher(true);
  EXPECT_EQ(SendUnsigned("GET", "/healthz").status, 200);
  for (const std::string path : {"/readyz", "/metrics", "/openapi.json"}) {
    EXPECT_EQ(SendUnsigned("GET", path).status, 401) << path;
    EXPECT_EQ(Send({.method = "GET", .target = path}).status, 404) << path;
    EXPECT_EQ(SendUnsigned("GET", path, {}, {}, true).status, 200) << path;
  }
}

TEST_F(DispatcherTest, CountsRequestsByOperationAndCode) {
  (void)Send({.body = R"({"text":"x"})"});
  (void)Send({.body = R"({"text":"x"})"});
  (void)Send({.body = "{}"});
  (void)SendUnsigned("POST", "/nowhere");
  metrics.AddGauge("kms_replay_ids", "Ids kept",
                   [this] { return static_cast<double>(guard.size()); });
  const std::string text = SendUnsigned("GET", "/metrics").text;
  const auto has = [&](const std::string& line) {
    EXPECT_NE(text.find(line + "\n"), std::string::npos) << line << "\n" << text;
  };
  has(R"(kms_requests_total{code="ok",operation="echo"} 2)");
  has(R"(kms_requests_total{code="KMS.0107",operation="echo"} 1)");
  has(R"(kms_requests_total{code="KMS.0402",operation="none"} 1)");
  has(R"(kms_request_duration_seconds_count{operation="echo"} 3)");
  has("kms_requests_in_flight 0");
  has("kms_replay_ids 3");
}

TEST_F(DispatcherTest, LogsALineWithoutParameters) {
  std::ostringstream out;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  auto logger = std::make_shared<spdlog::logger>("requests", sink);
  logger->set_pattern("%v");
  const RequestLog log(logger, clock);
  RequestContext context;
  context.principal = {"account-1", "user-1", "ak-1", true};
  context.source = "192.0.2.1";
  const Error error = Error(Reason::kTooLong).About("plaintext");
  log.Write({"id\"1", context, testing::TestOperations()[0], &error, 400, 12});
  log.Write({"id-2", context, testing::TestOperations()[0], nullptr, 200, 12});
  log.Write({"id-3", context, testing::TestOperations()[1], nullptr, 200, 12});
  std::istringstream lines(out.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line, R"({"time":1767225600000,"requestId":"id\"1","account":"account-1",)"
                  R"("user":"user-1","accessKey":"ak-1","source":"192.0.2.1",)"
                  R"("operation":"echo","code":"KMS.0129","status":400,"micros":12,)"
                  R"("parameter":"plaintext"})");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_NE(line.find("id-3"), std::string::npos) << "reading is for debugging only";
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(DispatcherTest, OneOfManyEqualRequestsIsTaken) {
  constexpr int kThreads = 32;
  std::atomic<int> taken{0};
  std::atomic<int> replayed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const std::string code =
          Code({.body = R"({"text":"x"})", .request_id = "the-same"});
      ++(code.empty() ? taken : replayed);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(replayed, kThreads - 1);
}

}  // namespace
}  // namespace kms::server
