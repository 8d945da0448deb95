// What holds for every change: audit events, repeated requests, and failures of the
// store at any point.

#include <functional>
#include <string>
#include <vector>

#include "keys/fixture.h"
#include "keys/records.h"

namespace kms {
namespace {

using testing::Fails;
using testing::kDay;

class ChangeTest : public testing::KmsTest {
 protected:
  // A request with an id; `what` stands for operation and parameters.
  RequestContext Request(const std::string& id, std::uint8_t what = 1) {
    RequestContext request = me;
    request.request_id = id;
    request.fingerprint.fill(what);
    request.replayable_until = clock.Now() + 30 * 60 * 1000;
    return request;
  }

  std::size_t Total() { return kms->keys().List(me, {}, {})->total; }
};

TEST_F(ChangeTest, IsToldToTheAuditSinkInOrder) {
  testing::RecordingSink sink;
  RequestContext request = Request("id-1");
  request.operation = "createKey";
  request.source = "192.0.2.7";
  const std::string key = kms->keys().Create(request, {.rotation_days = 7}).value().id;
  ASSERT_OK(kms->keys().Disable(me, key));
  ASSERT_OK(kms->keys().Enable(me, key));
  clock.Advance(7 * kDay);
  ASSERT_EQ(kms->RunDueWork()->rotated, 1U);
  EXPECT_EQ(kms->DrainAudit(sink).value(), 4U);
  EXPECT_EQ(kms->DrainAudit(sink).value(), 0U);
  ASSERT_EQ(sink.written.size(), 4U);
  EXPECT_EQ(sink.written[0].operation, "createKey");
  EXPECT_EQ(sink.written[0].request_id, "id-1");
  EXPECT_EQ(sink.written[0].source, "192.0.2.7");
  EXPECT_EQ(sink.written[0].account, me.principal.account);
  EXPECT_EQ(sink.written[0].access_key, me.principal.access_key);
  EXPECT_EQ(sink.written[0].time, testing::kStart);
  EXPECT_EQ(sink.written[3].operation, "rotateKey");
  EXPECT_EQ(sink.written[3].version, kms->keys().Describe(me, key)->primary_version);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(sink.written[i].key, key);
    if (i > 0) {
      EXPECT_LT(sink.written[i - 1].sequence, sink.written[i].sequence);
    }
  }
}

TEST_F(ChangeTest, AnEventWaitsForItsSink) {
  testing::RecordingSink sink;
  MakeKey();
  sink.fails = true;
  EXPECT_FALSE(kms->DrainAudit(sink).has_value());
  sink.fails = false;
  Reopen();
  EXPECT_EQ(kms->DrainAudit(sink).value(), 1U);
}

TEST_F(ChangeTest, ARefusedOneLeavesNoEvent) {
  testing::RecordingSink sink;
  EXPECT_THAT(kms->keys().CancelDeletion(me, MakeKey()),
              Fails(Reason::kNoDeletionPending));
  EXPECT_EQ(kms->DrainAudit(sink).value(), 1U) << "createKey alone";
}

TEST_F(ChangeTest, ARepeatedRequestHasTheFirstOutcome) {
  const KeyDescription first =
      kms->keys().Create(Request("id-1"), {.alias = "alias/a"}).value();
  RequestContext again = Request("id-1");
  for (const bool known : {true, false}) {
    // Known: the server has seen the id. Not known: it was restarted meanwhile.
    again.seen_before = known;
    const KeyDescription second = kms->keys().Create(again, {.alias = "alias/a"}).value();
    EXPECT_EQ(second.id, first.id);
    EXPECT_EQ(second.primary_version, first.primary_version);
    EXPECT_EQ(second.created, first.created);
    Reopen();
  }
  EXPECT_EQ(Total(), 1U);
}

TEST_F(ChangeTest, AnotherUseOfAnIdIsAReplay) {
  const std::string key = kms->keys().Create(Request("id-1"), {}).value().id;
  EXPECT_THAT(kms->keys().Create(Request("id-1", 2), {}), Fails(Reason::kReplayed));
  EXPECT_THAT(kms->keys().Disable(Request("id-1", 3), key), Fails(Reason::kReplayed));
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
  EXPECT_EQ(Total(), 1U);
}

TEST_F(ChangeTest, AnIdThatWasUsedForSomethingElseMakesNoChange) {
  RequestContext request = Request("id-1");
  request.seen_before = true;  // by an encrypt, say, which keeps nothing in the store
  EXPECT_THAT(kms->keys().Create(request, {}), Fails(Reason::kReplayed));
  EXPECT_EQ(Total(), 0U);
}

TEST_F(ChangeTest, TheSameIdUnderAnotherAccessKeyIsAnother) {
  EXPECT_OK(kms->keys().Create(Request("id-1"), {}));
  RequestContext other = Request("id-1");
  other.principal.access_key = "another-ak";
  EXPECT_OK(kms->keys().Create(other, {}));
  EXPECT_EQ(Total(), 2U);
}

TEST_F(ChangeTest, EveryChangeKeepsItsOutcome) {
  const std::string key = MakeKey({.spec = KeySpec::kSm2});
  const auto version = kms->versions().Create(Request("v"), key).value();
  EXPECT_EQ(kms->versions().Create(Request("v"), key)->id, version.id);
  ASSERT_OK(kms->keys().ScheduleDeletion(Request("d"), key, 7));
  EXPECT_OK(kms->keys().ScheduleDeletion(Request("d"), key, 7)) << "would be KMS.0208";
  ASSERT_OK(kms->keys().CancelDeletion(Request("c"), key));
  EXPECT_OK(kms->keys().CancelDeletion(Request("c"), key)) << "would be KMS.0209";
  ASSERT_OK(kms->aliases().Create(Request("a"), key, "alias/a"));
  EXPECT_OK(kms->aliases().Create(Request("a"), key, "alias/a")) << "would be KMS.0201";
}

TEST_F(ChangeTest, AnIdIsForgottenWhenItCannotComeAgain) {
  ASSERT_OK(kms->keys().Create(Request("id-1"), {}));
  clock.Advance(30 * 60 * 1000 - 1);
  EXPECT_EQ(kms->RunDueWork()->forgotten, 0U);
  clock.Advance(1);
  EXPECT_EQ(kms->RunDueWork()->forgotten, 1U);
  const auto snapshot = memory->Read().value();
  for (const Record& record : snapshot->Scan("", "", SIZE_MAX).value()) {
    EXPECT_EQ(record.key.find("id-1"), std::string::npos);
  }
}

TEST_F(ChangeTest, ManyIdsAreForgottenInFewCommits) {
  const std::string key = MakeKey();
  for (int i = 0; i < 300; ++i)
    ASSERT_OK(kms->keys().Enable(Request("id-" + std::to_string(i)), key));
  clock.Advance(30 * 60 * 1000);
  const Revision before = memory->Read().value()->revision();
  EXPECT_EQ(kms->RunDueWork()->forgotten, 300U);
  EXPECT_LE(memory->Read().value()->revision() - before, 2U);
}

TEST_F(ChangeTest, ADueDateThatCannotBeReadKeepsNoOtherWaiting) {
  const std::string key = MakeKey({.rotation_days = 7});
  ASSERT_OK(memory->Update([](Transaction& transaction) -> Result<void> {
    transaction.Put(place::Dues() + "junk", "{}");
    return {};
  }));
  clock.Advance(7 * kDay);
  const DueWork work = kms->RunDueWork().value();
  EXPECT_EQ(work.failed, 1U);
  EXPECT_EQ(work.rotated, 1U);
}

TEST_F(ChangeTest, KeptIdsAreVisited) {
  ASSERT_OK(kms->keys().Create(Request("id-1"), {}));
  ASSERT_OK(kms->keys().Create(me, {.rotation_days = 7}));
  int visited = 0;
  ASSERT_OK(kms->ForEachKeptRequest(
      [&](std::string_view access_key, std::string_view id, UnixMillis until) {
        ++visited;
        EXPECT_EQ(access_key, me.principal.access_key);
        EXPECT_EQ(id, "id-1");
        EXPECT_EQ(until, clock.Now() + 30 * 60 * 1000);
      }));
  EXPECT_EQ(visited, 1);
}

// Walks each operation through a failure of every call to the store: the answer is the
// store's error, the key is as it was or as it was to become, and the audit events tell
// exactly of what has happened.
TEST_F(ChangeTest, IsWholeOrAbsentWhateverCallFails) {
  struct Step {
    const char* name;
    std::function<Result<void>(const std::string& key)> call;
  };
  const auto drop = [](auto result) -> Result<void> {
    if (!result) return std::move(result).error();
    return {};
  };
  Tag tag;
  const std::vector<Step> steps = {
      {"create", [&](auto&) { return drop(kms->keys().Create(me, {})); }},
      {"describe", [&](auto& key) { return drop(kms->keys().Describe(me, key)); }},
      {"list", [&](auto&) { return drop(kms->keys().List(me, {}, {})); }},
      {"disable", [&](auto& key) { return kms->keys().Disable(me, key); }},
      {"enable", [&](auto& key) { return kms->keys().Enable(me, key); }},
      {"protect",
       [&](auto& key) { return kms->keys().SetDeletionProtection(me, key, true); }},
      {"unprotect",
       [&](auto& key) { return kms->keys().SetDeletionProtection(me, key, false); }},
      {"describe it",
       [&](auto& key) { return kms->keys().UpdateDescription(me, key, "text"); }},
      {"alias", [&](auto& key) { return kms->aliases().Create(me, key, "alias/x"); }},
      {"move alias",
       [&](auto& key) { return kms->aliases().Update(me, key, "alias/x"); }},
      {"list aliases", [&](auto&) { return drop(kms->aliases().List(me, {})); }},
      {"delete alias", [&](auto&) { return kms->aliases().Delete(me, "alias/x"); }},
      {"version", [&](auto& key) { return drop(kms->versions().Create(me, key)); }},
      {"list versions",
       [&](auto& key) { return drop(kms->versions().List(me, key, {})); }},
      {"make a tag",
       [&](auto&) -> Result<void> {
         KMS_TRY(tag, kms->tags().Create(me, "a", "1"));
         return {};
       }},
      {"list tags", [&](auto&) { return drop(kms->tags().List(me, {}, {})); }},
      {"bind it",
       [&](auto& key) { return kms->tags().Bind(me, key, {tag.id, "a", "1"}); }},
      {"list tags of the key",
       [&](auto& key) { return drop(kms->tags().ListOfResource(me, key)); }},
      {"change it", [&](auto&) { return kms->tags().Update(me, tag.id, "a", "2"); }},
      {"unbind it",
       [&](auto& key) { return kms->tags().Unbind(me, key, {tag.id, "a", "2"}); }},
      {"delete it", [&](auto&) { return kms->tags().Delete(me, {tag.id, "a", "2"}); }},
      {"plan deletion",
       [&](auto& key) { return kms->keys().ScheduleDeletion(me, key, 7); }},
      {"cancel deletion", [&](auto& key) { return kms->keys().CancelDeletion(me, key); }},
  };
  const std::string key = MakeKey({.spec = KeySpec::kSm2});
  testing::RecordingSink sink;
  ASSERT_OK(kms->DrainAudit(sink));
  for (const Step& step : steps) {
    for (int n = 1;; ++n) {
      ASSERT_LT(n, 20) << step.name;
      const Revision before = memory->Read().value()->revision();
      store.FailCall(n);
      const Result<void> result = step.call(key);
      const bool failed = store.HasFailed();
      store.FailCall(0);
      if (!failed) {
        EXPECT_OK(result) << step.name;
        break;
      }
      EXPECT_THAT(result, Fails(Reason::kStoreUnavailable)) << step.name << n;
      EXPECT_EQ(memory->Read().value()->revision(), before)
          << step.name << ": nothing was written";
    }
  }
  sink.written.clear();
  ASSERT_OK(kms->DrainAudit(sink));
  EXPECT_EQ(sink.written.size(), 17U) << "one event for each change that took place";
}

TEST_F(ChangeTest, DueWorkIsDoneAfterTheStoreComesBack) {
  const std::string key = MakeKey({.rotation_days = 7});
  clock.Advance(7 * kDay);
  for (int n = 1; n <= 3; ++n) {
    store.FailCall(n);
    const auto work = kms->RunDueWork();
    store.FailCall(0);
    if (work) {
      EXPECT_EQ(work->rotated + work->failed, 1U);
    }
  }
  (void)kms->RunDueWork();
  EXPECT_EQ(kms->versions().List(me, key, {})->total, 2U);
}

TEST_F(ChangeTest, RecordsOfANewerFormatAreRefused) {
  const std::string key = MakeKey();
  ASSERT_OK(memory->Update([&](Transaction& transaction) -> Result<void> {
    const std::string at = place::Key(me.principal.account, me.region, key);
    std::string json(transaction.Get(at).value()->value);
    json.replace(json.find("\"v\":1"), 5, "\"v\":2");
    transaction.Put(at, json);
    return {};
  }));
  EXPECT_THAT(kms->keys().Describe(me, key), testing::FailsAs(ErrorClass::kCorrupt));
}

// Every byte of a key record, changed: the record is refused, or reads as something
// that was not made up out of thin air; the process survives either.
TEST(KeyRecordTest, SurvivesEveryChangedByte) {
  KeyRecord record;
  record.id = "241ede22-6261-4617-9caf-10d89990516c";
  record.account = "a";
  record.deletion = 5;
  record.fingerprint = {1, 2, 3};
  const std::string json = ToJson(record);
  ASSERT_OK(FromJson<KeyRecord>(json));
  for (std::size_t i = 0; i < json.size(); ++i) {
    for (const char c : {'\0', '"', '{', '9', '\xff', ' '}) {
      std::string spoilt = json;
      spoilt[i] = c;
      const auto read = FromJson<KeyRecord>(spoilt);
      if (!read) {
        EXPECT_THAT(read, testing::FailsAs(ErrorClass::kCorrupt));
      }
    }
    EXPECT_FALSE(FromJson<KeyRecord>(json.substr(0, i)).has_value());
  }
}

TEST(DueDateTest, ReadsWhatItWrites) {
  for (const DueKind kind : {DueKind::kRotate, DueKind::kDelete, DueKind::kExpire,
                             DueKind::kToken, DueKind::kRequest}) {
    const Due due = {1'767'225'600'256, kind, std::string("a\0b", 3), "r", "k", "o"};
    const std::string key = place::DueDate(due);
    EXPECT_EQ(place::ParseDue(key).value(), due);
    EXPECT_FALSE(place::ParseDue(key.substr(0, key.size() - 3)).has_value());
  }
}

}  // namespace
}  // namespace kms
