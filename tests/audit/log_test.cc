// The log as its callers see it: what is in the trail, when, and what happens when it
// cannot be written.

#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "audit/fixture.h"
#include "kms/encoding.h"

namespace kms {
namespace {

using testing::AuditTest;
using ::testing::ElementsAre;
using testing::ExpectSound;
using ::testing::HasSubstr;
using testing::kStart;
using testing::ReadLines;

class AuditLogTest : public AuditTest {};

TEST_F(AuditLogTest, ALineTellsWhoDidWhat) {
  Open();
  AuditCall call = Call("id-1");
  call.version = "version-1";
  call.code = "KMS.0301";
  call.micros = 17;
  ASSERT_OK(Tell(call));
  log.reset();
  const auto lines = Parsed();
  const auto found = std::ranges::find_if(
      lines, [](const auto& line) { return line.Text("requestId") == "id-1"; });
  ASSERT_NE(found, lines.end());
  EXPECT_EQ(found->Number("time"), kStart);
  EXPECT_EQ(found->Text("account"), "acc-1");
  EXPECT_EQ(found->Text("user"), "user-1");
  EXPECT_EQ(found->Text("accessKey"), "ak-1");
  EXPECT_EQ(found->Text("source"), "192.0.2.1");
  EXPECT_EQ(found->Text("operation"), "createKey");
  EXPECT_EQ(found->Text("region"), "region-1");
  EXPECT_EQ(found->Text("key"), "key-1");
  EXPECT_EQ(found->Text("version"), "version-1");
  EXPECT_EQ(found->Text("code"), "KMS.0301");
  EXPECT_EQ(found->Number("micros"), 17);
}

TEST_F(AuditLogTest, NumbersHaveNoGap) {
  Open();
  for (int i = 0; i < 5; ++i) ASSERT_OK(Tell(Call("id-" + std::to_string(i))));
  log.reset();
  const auto lines = Parsed();
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i].seq, i + 1);
  const AuditReport report = Verify();
  ExpectSound(report);
  EXPECT_EQ(report.last_seq, lines.size());
  EXPECT_EQ(report.checkpoint_seq, lines.size() - 1);
  EXPECT_EQ(report.unsealed, 0U);
  EXPECT_TRUE(report.macs_checked);
}

TEST_F(AuditLogTest, FilesAreTheOwnersAlone) {
  Open();
  struct stat info{};
  ASSERT_EQ(::stat(folder().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat(Path(1).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(AuditLogTest, WhateverARequestSaysIsOneLine) {
  Open();
  const std::string odd =
      "a\"b\\c\nd\x01"
      "e\xe5\xaf\x86\x7f";
  ASSERT_OK(Tell(Call(odd)));
  ASSERT_OK(Tell(Call("\xff\xfe")));
  ASSERT_OK(Tell(Call(std::string(10'000, 'x'))));
  log.reset();
  ExpectSound(Verify());
  EXPECT_THAT(Told(), ElementsAre(odd, "fffe", std::string(256, 'x')));
}

TEST_F(AuditLogTest, LinesThatNobodyWaitsForFollowSoon) {
  settings.flush_millis = 5;
  Open();
  Queue(Call("id-1"));
  Await([&] { return log->Health().lines == 1; });
  EXPECT_THAT(Told(), ElementsAre("id-1"));
}

TEST_F(AuditLogTest, OneFlushServesAllWhoWait) {
  Open();
  const std::uint64_t before = log->Health().flushes;
  for (int i = 0; i < 100; ++i) Queue(Call("id-" + std::to_string(i)));
  ASSERT_OK(Tell(Call("last")));
  EXPECT_EQ(log->Health().flushes, before + 1);
  EXPECT_EQ(Told().size(), 101U);
}

TEST_F(AuditLogTest, GoesOnAfterRestarts) {
  for (int i = 0; i < 3; ++i) {
    Open();
    ASSERT_OK(Tell(Call("id-" + std::to_string(i))));
  }
  log.reset();
  const AuditReport report = Verify();
  ExpectSound(report);
  EXPECT_EQ(report.segments, 3U);
  EXPECT_EQ(report.first_seq, 1U);
  EXPECT_THAT(Told(), ElementsAre("id-0", "id-1", "id-2"));
}

TEST_F(AuditLogTest, BeginsANewFileBySize) {
  settings.segment_bytes = 4000;
  Open();
  for (int i = 0; i < 40; ++i) ASSERT_OK(Tell(Call("id-" + std::to_string(i))));
  log.reset();
  const AuditReport report = Verify();
  ExpectSound(report);
  EXPECT_GT(report.segments, 4U);
  EXPECT_EQ(Told().size(), 40U);
}

TEST_F(AuditLogTest, BeginsANewFileByTime) {
  settings.segment_millis = 1000;
  Open();
  ASSERT_OK(Tell(Call("id-1")));
  clock.Advance(999);
  ASSERT_OK(Tell(Call("id-2")));
  EXPECT_EQ(log->Health().segment, 1U);
  clock.Advance(1);
  ASSERT_OK(Tell(Call("id-3")));
  EXPECT_EQ(log->Health().segment, 2U);
  log.reset();
  ExpectSound(Verify());
}

TEST_F(AuditLogTest, SignsByLinesAndByTime) {
  settings.checkpoint_lines = 3;
  settings.checkpoint_millis = 1000;
  Open();
  const auto signed_to = [&] { return VerifyAuditLog(folder()).value().checkpoint_seq; };
  ASSERT_OK(Tell(Call("id-1")));
  ASSERT_OK(Tell(Call("id-2")));
  EXPECT_EQ(signed_to(), 0U);
  ASSERT_OK(Tell(Call("id-3")));
  const std::uint64_t first = signed_to();
  EXPECT_GT(first, 0U);
  ASSERT_OK(Tell(Call("id-4")));
  EXPECT_EQ(signed_to(), first);
  clock.Advance(1000);
  ASSERT_OK(Tell(Call("id-5")));
  EXPECT_GT(signed_to(), first);
}

TEST_F(AuditLogTest, AFullDiskRefusesChangesAndRecovers) {
  settings.flush_millis = 5;
  Open();
  ASSERT_OK(Tell(Call("before")));
  EXPECT_OK(log->Admit(true));
  disk.room = 0;
  EXPECT_THAT(Tell(Call("while")), testing::Fails(Reason::kStoreUnavailable));
  EXPECT_THAT(log->Admit(true), testing::Fails(Reason::kStoreUnavailable));
  EXPECT_FALSE(log->Health().works);
  EXPECT_THAT(log->Health().reason, HasSubstr("no space left"));
  EXPECT_GT(log->Health().failures, 0U);

  EXPECT_OK(log->Admit(false)) << "for a time";
  clock.Advance(settings.grace_millis + 1);
  EXPECT_THAT(log->Admit(false), testing::Fails(Reason::kStoreUnavailable));

  disk.room = 1 << 20;
  Await([&] { return log->Health().works; });
  EXPECT_OK(log->Admit(true));
  ASSERT_OK(Tell(Call("after")));
  log.reset();
  ExpectSound(Verify());
  EXPECT_THAT(Told(), ElementsAre("before", "while", "after")) << "none is dropped";
}

TEST_F(AuditLogTest, AFullDiskRefusesAllIfItIsToldTo) {
  settings.on_failure = AuditOnFailure::kRefuse;
  Open();
  disk.room = 0;
  EXPECT_FALSE(Tell(Call("id-1")).has_value());
  EXPECT_THAT(log->Admit(false), testing::Fails(Reason::kStoreUnavailable));
}

TEST_F(AuditLogTest, StartsOnAFullDiskAndRecovers) {
  settings.flush_millis = 5;
  disk.room = 0;
  Open();
  EXPECT_FALSE(log->Admit(true).has_value());
  disk.room = 1 << 20;
  Await([&] { return log->Health().works; });
  ASSERT_OK(Tell(Call("id-1")));
  log.reset();
  ExpectSound(Verify());
}

TEST_F(AuditLogTest, MemoryIsBoundedAndTheGapIsTold) {
  settings.queue_lines = 2;
  Open();
  ASSERT_OK(log->Reserve());
  ASSERT_OK(log->Reserve());
  EXPECT_THAT(log->Reserve(), testing::Fails(Reason::kStoreUnavailable));
  EXPECT_THAT(log->Reserve(), testing::Fails(Reason::kStoreUnavailable));
  EXPECT_EQ(log->Health().refused, 2U);
  log->Tell(Call("id-1"), nullptr);
  log->Tell(Call("id-2"), nullptr);
  log.reset();
  Open();
  const auto lines = Parsed();
  EXPECT_EQ(std::ranges::count_if(lines,
                                  [](const auto& line) {
                                    return line.kind() == "gap" &&
                                           line.Number("refused") == 2;
                                  }),
            1);
  ExpectSound(Verify());
}

TEST_F(AuditLogTest, EveryOperationOfTheDiskMayFail) {
  for (std::int64_t n = 0;; ++n) {
    SCOPED_TRACE(n);
    std::filesystem::remove_all(folder());
    store = NewMemoryKeyStore();
    settings.flush_millis = 1;
    settings.segment_bytes = 2500;
    settings.checkpoint_lines = 2;
    disk.operations = 0;
    disk.fails_at = n;
    Open();
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i) {
      ids.push_back("id-" + std::to_string(i));
      Await([&] { return log->Admit(true).has_value(); });
      (void)Tell(Call(ids.back()));  // kept, if it failed
    }
    Await([&] { return log->Health().works; });
    const bool reached = disk.operations > n;
    log.reset();
    ExpectSound(Verify());
    EXPECT_EQ(Told(), ids);
    if (!reached || HasFailure()) break;
  }
}

TEST_F(AuditLogTest, AFailedFlushIsWrittenAnew) {
  Open();
  ASSERT_OK(Tell(Call("id-1")));
  disk.flush_fails = true;
  EXPECT_FALSE(Tell(Call("id-2")).has_value());
  disk.flush_fails = false;
  ASSERT_OK(Tell(Call("id-3")));
  EXPECT_EQ(log->Health().segment, 2U) << "not into pages that a disk has lost";
  EXPECT_EQ(disk.loose_cuts, 0) << "they would come back with a loss of power";
  log.reset();
  ExpectSound(Verify());
  EXPECT_THAT(Told(), ElementsAre("id-1", "id-2", "id-3"));
}

class Vanished : public AuditLogTest,
                 public ::testing::WithParamInterface<const char*> {};

TEST_P(Vanished, IsNoticedAndToldInANewFile) {
  Open();
  ASSERT_OK(Tell(Call("id-1")));
  const std::string how = GetParam();
  const std::string away = folder() + "/away";
  if (how == "moved") {
    std::filesystem::rename(Path(1), away);
  } else if (how == "deleted") {
    std::filesystem::remove(Path(1));
  } else if (how == "replaced") {
    std::filesystem::copy_file(Path(1), away);
    std::filesystem::rename(away, Path(1));
  } else if (how == "appended") {
    std::ofstream(Path(1), std::ios::app) << "{}\n";
  } else {
    std::filesystem::remove_all(folder());
  }
  ASSERT_OK(Tell(Call("id-2")));
  EXPECT_TRUE(log->Health().works);
  EXPECT_THAT(log->Health().remark, HasSubstr(Path(1)));
  ASSERT_TRUE(std::filesystem::exists(Path(2)));
  const auto head = audit::ParseLine(ReadLines(Path(2)).at(0));
  ASSERT_TRUE(head);
  EXPECT_THAT(std::string(head->Text("reason")), HasSubstr("file 1 was moved away"));
  log.reset();
  if (how == "moved") std::filesystem::rename(away, Path(1));
  if (how == "moved" || how == "replaced") {
    ExpectSound(Verify());
  } else if (how == "appended") {
    ASSERT_TRUE(Verify().fault);
    EXPECT_EQ(Verify().fault->file, Path(1));
    EXPECT_EQ(Verify().fault->line, ReadLines(Path(1)).size());
  }
}

INSTANTIATE_TEST_SUITE_P(File, Vanished,
                         ::testing::Values("moved", "deleted", "replaced", "appended",
                                           "folder"),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(AuditLogTest, AnAbruptEndLeavesATrailThatVerifiesAndGoesOn) {
  Open();
  ASSERT_OK(Tell(Call("id-1")));
  Queue(Call("id-2"));
  ASSERT_OK(Tell(Call("id-3")));
  std::ifstream file(Path(1));
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  log.reset();
  for (std::size_t size = 0; size <= whole.size(); size += 61) {
    SCOPED_TRACE(size);
    std::filesystem::remove_all(folder());
    std::filesystem::create_directory(folder());
    testing::WriteFile(Path(1), whole.substr(0, size));
    const auto complete =
        static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + size, '\n'));
    const AuditReport report = Verify();
    ExpectSound(report);
    EXPECT_EQ(report.last_seq, complete);
    EXPECT_EQ(report.unfinished_bytes > 0, size > 0 && whole[size - 1] != '\n');
    Open();
    ASSERT_OK(Tell(Call("next")));
    log.reset();
    const AuditReport after = Verify();
    ExpectSound(after);
    EXPECT_EQ(after.first_seq, 1U);
    EXPECT_EQ(after.unsealed, report.unsealed);
    EXPECT_EQ(Told().back(), "next");
  }
}

TEST_F(AuditLogTest, AnEndedLogIsWholeAndTakesNothingMore) {
  Open();
  Queue(Call("id-1"));
  log->End();
  EXPECT_THAT(Told(), ElementsAre("id-1"));
  EXPECT_TRUE(Parsed().back().members.contains("end"));
  EXPECT_THAT(Tell(Call("id-2")), testing::Fails(Reason::kStoreUnavailable));
  const AuditEvent event;
  EXPECT_THAT(log->Write({&event, 1}), testing::Fails(Reason::kStoreUnavailable));
  EXPECT_EQ(log->Health().waiting, 0U);
  log->End();
  log.reset();
  EXPECT_THAT(Told(), ElementsAre("id-1"));
  ExpectSound(Verify());
}

TEST_F(AuditLogTest, AnEndOnAFullDiskTellsAllWhoWait) {
  Open();
  disk.room = 0;
  std::vector<std::thread> threads;
  std::atomic<int> told = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      EXPECT_FALSE(Tell(Call("id-" + std::to_string(i))));
      ++told;
    });
  log->End();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, 8);
}

TEST_F(AuditLogTest, ManyThreadsTellAtOnce) {
  settings.flush_millis = 1;
  settings.segment_bytes = 20'000;
  settings.checkpoint_lines = 100;
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        if (i % 5 == 0) {
          ASSERT_OK(Tell(Call(id)));
        } else {
          Queue(Call(id));
        }
        (void)log->Health();
        (void)log->Admit(false);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.reset();
  ExpectSound(Verify());
  std::vector<std::string> told = Told();
  EXPECT_EQ(told.size(), 400U);
  std::ranges::sort(told);
  EXPECT_EQ(std::ranges::unique(told).size(), 0U);
}

}  // namespace
}  // namespace kms
