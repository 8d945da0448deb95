// Changes and the trail: no change is without a line, and none has two, wherever a
// process ends.

#include <algorithm>

#include "audit/fixture.h"
#include "kms/kms.h"
#include "support/faulty_key_store.h"

namespace kms {
namespace {

using testing::AuditTest;
using ::testing::ElementsAre;
using testing::ExpectSound;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OutboxTest : public AuditTest {
 protected:
  OutboxTest() {
    Open();
    OpenKms();
  }
  void OpenKms() {
    kms_ = Kms::Open({.store = *store,
                      .root = *root,
                      .software = *backend,
                      .policy = *policy_,
                      .clock = clock})
               .value();
  }
  // As a process that is started anew, whose predecessor told nothing more.
  void Restart() {
    Open();
    OpenKms();
  }

  // A change whose caller tells of it, or not.
  void Change(const std::string& id, bool told_by_caller = true) {
    RequestContext context;
    context.principal = {"acc-1", "user-1", "ak-1", true};
    context.region = "region-1";
    context.operation = "createKey";
    context.request_id = id;
    if (told_by_caller) context.told_by = log->run();
    ASSERT_OK(kms_->keys().Create(context, {}));
  }
  std::size_t Drain() { return kms_->DrainAudit(*log).value(); }
  bool OutboxIsEmpty() {
    return store->Read().value()->Scan(std::string("outbox"), {}, 1).value().empty();
  }

  std::unique_ptr<Policy> policy_ = NewRootPolicy();
  std::unique_ptr<Kms> kms_;
};

TEST_F(OutboxTest, AChangeThatNobodyTellsOfIsWritten) {
  Change("id-1", false);
  EXPECT_EQ(Drain(), 1U);
  EXPECT_EQ(Drain(), 0U);
  EXPECT_THAT(Told(), ElementsAre("id-1"));
  EXPECT_FALSE(Parsed().at(2).members.contains("recovered"));
}

TEST_F(OutboxTest, ACallThatIsToldOfHasOneLine) {
  Change("id-1");
  EXPECT_EQ(Drain(), 0U);
  EXPECT_FALSE(OutboxIsEmpty()) << "until the line is there";
  ASSERT_OK(Tell(Call("id-1")));
  EXPECT_EQ(Drain(), 0U);
  EXPECT_TRUE(OutboxIsEmpty());
  Restart();
  EXPECT_EQ(Drain(), 0U);
  EXPECT_THAT(Told(), ElementsAre("id-1"));
}

TEST_F(OutboxTest, ACallThatWasNotToldOfIsRecoveredOnce) {
  Change("id-1");
  Restart();
  EXPECT_EQ(Drain(), 1U);
  Restart();
  EXPECT_EQ(Drain(), 0U);
  EXPECT_THAT(Told(), ElementsAre("id-1"));
  const auto lines = Parsed();
  EXPECT_EQ(
      std::ranges::count_if(
          lines, [](const auto& line) { return line.members.contains("recovered"); }),
      1);
  ExpectSound(Verify());
}

// The call was answered with an error before it was through, and changed something after.
TEST_F(OutboxTest, AChangeOfACallThatWasGivenUpIsWritten) {
  AuditCall failed = Call("id-1");
  failed.code = "KMS.0919";
  failed.changes = false;
  ASSERT_OK(Tell(failed));
  log->Abandon("ak-1", "id-1");
  EXPECT_EQ(Drain(), 0U);
  Change("id-1");
  EXPECT_EQ(Drain(), 0U) << "as far as the log knows, its caller is about to tell";
  log->Abandon("ak-1", "id-1");
  EXPECT_EQ(Drain(), 1U);
  EXPECT_TRUE(OutboxIsEmpty());
  EXPECT_THAT(Told(), ElementsAre("id-1", "id-1"));
}

TEST_F(OutboxTest, ALineOfAFailureStandsForNoChangeAfterARestart) {
  AuditCall failed = Call("id-1");
  failed.code = "KMS.0919";
  failed.changes = false;
  Change("id-1");
  ASSERT_OK(Tell(failed));
  Restart();
  EXPECT_EQ(Drain(), 1U);
  EXPECT_EQ(Drain(), 0U);
  EXPECT_THAT(Told(), ElementsAre("id-1", "id-1"));
}

TEST_F(OutboxTest, ALineThatWasThereBeforeTheEndIsNotWrittenAgain) {
  Change("id-1");
  ASSERT_OK(Tell(Call("id-1")));
  Restart();  // before anybody has drained
  EXPECT_EQ(Drain(), 0U);
  EXPECT_TRUE(OutboxIsEmpty());
  EXPECT_THAT(Told(), ElementsAre("id-1"));
}

TEST_F(OutboxTest, ALineInAnEarlierFileIsFound) {
  settings.segment_bytes = 1;
  Change("id-1");
  ASSERT_OK(Tell(Call("id-1")));
  for (int i = 2; i < 6; ++i) ASSERT_OK(Tell(Call("other-" + std::to_string(i))));
  Restart();
  EXPECT_EQ(Drain(), 0U);
  EXPECT_TRUE(OutboxIsEmpty());
}

TEST_F(OutboxTest, AnEventThatCouldNotBeErasedIsNotWrittenAgain) {
  testing::FaultyKeyStore faulty{*store};
  const auto kms = Kms::Open({.store = faulty,
                              .root = *root,
                              .software = *backend,
                              .policy = *policy_,
                              .clock = clock})
                       .value();
  Change("id-1", false);
  faulty.FailCall(2);  // the snapshot, and then the update
  EXPECT_FALSE(kms->DrainAudit(*log).has_value());
  EXPECT_EQ(kms->DrainAudit(*log).value(), 0U);
  EXPECT_THAT(Told(), ElementsAre("id-1"));
}

TEST_F(OutboxTest, AnEventThatCouldNotBeWrittenWaits) {
  Change("id-1", false);
  disk.room = 0;
  EXPECT_FALSE(kms_->DrainAudit(*log).has_value());
  EXPECT_FALSE(kms_->DrainAudit(*log).has_value());
  EXPECT_FALSE(OutboxIsEmpty());
  disk.room = 1 << 20;
  Restart();
  EXPECT_EQ(Drain(), 1U);
  EXPECT_THAT(Told(), ElementsAre("id-1"));
}

TEST_F(OutboxTest, ATrailThatEndsBeforeWhatTheStoreKnowsIsNoticed) {
  for (int i = 0; i < 3; ++i) {
    Change("id-" + std::to_string(i));
    ASSERT_OK(Tell(Call("id-" + std::to_string(i))));
    EXPECT_EQ(Drain(), 0U);
  }
  log.reset();
  auto lines = testing::ReadLines(Path(1));
  lines.resize(3);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  testing::WriteFile(Path(1), text);
  ASSERT_TRUE(Verify().fault);
  EXPECT_THAT(Verify().fault->reason, HasSubstr("the trail ends with line 3"));
  Open();
  EXPECT_THAT(log->Health().remark, HasSubstr("the lines 4 to"));
  ASSERT_OK(Tell(Call("after")));
  log.reset();
  ASSERT_TRUE(Verify().fault) << "for good";
  EXPECT_EQ(Verify().fault->file, Path(2));
}

}  // namespace
}  // namespace kms
