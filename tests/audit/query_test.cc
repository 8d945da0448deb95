// Pages of a trail: what a tenant sees, and that nothing moves while it is written.

#include <set>

#include "audit/fixture.h"

namespace kms {
namespace {

using testing::AuditTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kStart;

class AuditQueryTest : public AuditTest {
 protected:
  AuditQueryTest() {
    settings.segment_bytes = 4000;
    Open();
  }
  void Write(const std::string& id, const std::string& account = "acc-1") {
    AuditCall call = Call(id, account);
    call.time = clock.Now();
    ASSERT_OK(Tell(call));
  }

  static std::vector<std::string> Ids(const AuditPage& page) {
    std::vector<std::string> ids;
    for (const AuditEvent& event : page.events) ids.push_back(event.request_id);
    return ids;
  }

  // All pages, with `between` done after each.
  template <typename Between>
  std::vector<std::string> All(AuditQuery query, Between between) {
    std::vector<std::string> ids;
    do {
      const AuditPage page = QueryAuditLog(folder(), query).value();
      EXPECT_LE(page.events.size(), query.limit);
      for (const std::string& id : Ids(page)) ids.push_back(id);
      query.continuation = page.continuation;
      between();
    } while (!query.continuation.empty());
    return ids;
  }
};

TEST_F(AuditQueryTest, AnAccountSeesItsOwn) {
  Write("a", "acc-1");
  Write("b", "acc-2");
  Write("c", "acc-1");
  EXPECT_THAT(Ids(QueryAuditLog(folder(), {.account = "acc-1"}).value()),
              ElementsAre("c", "a"));
  EXPECT_THAT(Ids(QueryAuditLog(folder(), {.account = "acc-2"}).value()),
              ElementsAre("b"));
  EXPECT_THAT(Ids(QueryAuditLog(folder(), {.account = "acc"}).value()), IsEmpty());
}

TEST_F(AuditQueryTest, NobodySeesAnothersByAName) {
  AuditCall call = Call("a", "acc-2");
  call.key = "\",\"account\":\"acc-1\",\"x\":\"";
  ASSERT_OK(Tell(call));
  EXPECT_THAT(Ids(QueryAuditLog(folder(), {.account = "acc-1"}).value()), IsEmpty());
}

TEST_F(AuditQueryTest, RestrictsByWhatIsAsked) {
  AuditCall call = Call("a");
  ASSERT_OK(Tell(call));
  call.request_id = "b";
  call.key = "key-2";
  call.user = "user-2";
  call.operation = "encrypt";
  call.code = "KMS.0301";
  call.time = kStart + 1000;
  ASSERT_OK(Tell(call));
  const auto ids = [&](AuditQuery query) {
    query.account = "acc-1";
    return Ids(QueryAuditLog(folder(), query).value());
  };
  EXPECT_THAT(ids({.key = "key-2"}), ElementsAre("b"));
  EXPECT_THAT(ids({.user = "user-1"}), ElementsAre("a"));
  EXPECT_THAT(ids({.operation = "encrypt"}), ElementsAre("b"));
  EXPECT_THAT(ids({.code = "ok"}), ElementsAre("a"));
  EXPECT_THAT(ids({.from = kStart + 1000}), ElementsAre("b"));
  EXPECT_THAT(ids({.to = kStart + 1000}), ElementsAre("a"));
  EXPECT_THAT(ids({.key = "key-2", .user = "user-1"}), IsEmpty());
}

TEST_F(AuditQueryTest, PagesAreStableWhileLinesAreAdded) {
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    ids.push_back("id-" + std::to_string(i));
    Write(ids.back());
    if (i % 3 == 0) Write("foreign", "acc-2");
  }
  int more = 0;
  const auto append = [&] { Write("new-" + std::to_string(more++)); };
  const std::vector<std::string> newest(ids.rbegin(), ids.rend());
  EXPECT_EQ(All({.account = "acc-1", .limit = 7}, append), newest);
  std::vector<std::string> oldest =
      All({.account = "acc-1", .newest_first = false, .limit = 7}, [] {});
  ASSERT_EQ(oldest.size(), ids.size() + static_cast<std::size_t>(more));
  oldest.resize(ids.size());
  EXPECT_EQ(oldest, ids);
}

TEST_F(AuditQueryTest, FindsTimesAcrossFiles) {
  for (int i = 0; i < 60; ++i) {
    Write("id-" + std::to_string(i));
    clock.Advance(1000);
  }
  for (const bool newest_first : {true, false}) {
    const auto ids = All({.account = "acc-1",
                          .from = kStart + 20'000,
                          .to = kStart + 23'000,
                          .newest_first = newest_first},
                         [] {});
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()),
              (std::set<std::string>{"id-20", "id-21", "id-22"}));
  }
}

TEST_F(AuditQueryTest, ReadsABoundedPartAtATime) {
  settings.segment_bytes = std::uint64_t{64} << 20;
  Open();
  Write("first");
  for (int i = 0; i < 15'000; ++i) Queue(Call("x", "acc-2"));
  Write("last");
  for (const bool newest_first : {true, false}) {
    AuditQuery query{.account = "acc-1", .newest_first = newest_first};
    const AuditPage page = QueryAuditLog(folder(), query).value();
    EXPECT_EQ(page.events.size(), 1U);
    EXPECT_FALSE(page.continuation.empty());
    EXPECT_EQ(All(query, [] {}).size(), 2U);
  }
}

TEST_F(AuditQueryTest, RefusesWhatIsNoContinuation) {
  Write("a");
  for (const std::string text : {"x", "bi4x", "by4xLjA="})
    EXPECT_THAT(QueryAuditLog(folder(), {.account = "acc-1", .continuation = text}),
                testing::Fails(Reason::kBadParameter));
}

}  // namespace
}  // namespace kms
