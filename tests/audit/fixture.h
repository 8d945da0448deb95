// AuditTest: a log in a folder of its own, over files that can be told to fail.

#ifndef KMS_TESTS_AUDIT_FIXTURE_H_
#define KMS_TESTS_AUDIT_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "audit/line.h"
#include "audit/log.h"
#include "audit/segment.h"
#include "kms/audit_log.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms::testing {

inline constexpr UnixMillis kStart = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

// What the disk does.
struct Disk {
  std::atomic<std::int64_t> room = std::int64_t{1} << 40;  // bytes
  std::atomic<std::int64_t> fails_at = -1;  // the operation of that number, from 0
  std::atomic<bool> flush_fails = false;
  std::atomic<int> loose_cuts = 0;  // of files that were left without a flush after it
  std::atomic<std::int64_t> operations = 0;

  bool Fails() { return operations++ == fails_at; }
};

class FaultyFile final : public audit::SegmentFile {
 public:
  FaultyFile(Disk& disk, std::unique_ptr<SegmentFile> file)
      : disk_(disk), file_(std::move(file)) {}
  ~FaultyFile() override {
    if (is_cut_) ++disk_.loose_cuts;
  }

  Result<void> Append(std::string_view text) override {
    const auto size = static_cast<std::int64_t>(text.size());
    if (disk_.Fails()) {
      KMS_CHECK_OK(file_->Append(text.substr(0, text.size() / 2)));
      return Full();
    }
    if (disk_.room < size) {
      const auto fits = static_cast<std::size_t>(std::max<std::int64_t>(0, disk_.room));
      KMS_CHECK_OK(file_->Append(text.substr(0, fits)));
      return Full();
    }
    disk_.room -= size;
    return file_->Append(text);
  }
  Result<void> Sync() override {
    // What is tested is the order of things, not the machine's disk.
    if (disk_.flush_fails || disk_.Fails()) return Full();
    is_cut_ = false;
    return {};
  }
  Result<void> Cut(std::uint64_t size) override {
    if (disk_.Fails()) return Full();
    is_cut_ = true;
    return file_->Cut(size);
  }
  Result<void> KeepRoom(std::uint64_t) override {
    if (disk_.room < 1 || disk_.Fails()) return Full();
    return {};
  }
  bool IsWhole(std::uint64_t size) const override { return file_->IsWhole(size); }

 private:
  static Error Full() { return Error(Reason::kStoreUnavailable, "no space left"); }
  Disk& disk_;
  const std::unique_ptr<SegmentFile> file_;
  bool is_cut_ = false;
};

using Lines = std::vector<std::string>;

inline Lines ReadLines(const std::string& path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

inline void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() {
    settings.flush_millis = 60'000;
  }  // what is flushed is what tests ask for

  void Open() {
    log.reset();
    log = audit::OpenLogOn({.folder = folder(),
                            .store = *store,
                            .root = *root,
                            .backend = *backend,
                            .clock = clock},
                           settings,
                           [this](const std::string& path)
                               -> Result<std::unique_ptr<audit::SegmentFile>> {
                             if (disk.Fails() || disk.room < 1)
                               return Error(Reason::kStoreUnavailable, "no space left");
                             KMS_TRY(auto file, audit::CreateSegmentFile(path));
                             return std::unique_ptr<audit::SegmentFile>(
                                 std::make_unique<FaultyFile>(disk, std::move(file)));
                           })
              .value();
  }

  std::string folder() const { return scratch_.path() + "/audit"; }
  std::string Path(std::uint64_t segment) const {
    return audit::SegmentPath(folder(), segment);
  }

  static AuditCall Call(std::string_view request_id, std::string_view account = "acc-1") {
    return {.time = kStart,
            .request_id = request_id,
            .account = account,
            .user = "user-1",
            .access_key = "ak-1",
            .source = "192.0.2.1",
            .operation = "createKey",
            .region = "region-1",
            .key = "key-1",
            .changes = true};
  }

  // Queues a line that nobody waits for.
  void Queue(const AuditCall& call) {
    ASSERT_OK(log->Reserve());
    log->Tell(call, nullptr);
  }

  // Tells durably, and waits; what was queued goes out with it.
  Result<void> Tell(const AuditCall& call) {
    KMS_CHECK_OK(log->Reserve());
    auto done = std::make_shared<std::promise<Result<void>>>();
    log->Tell(call, [done](Result<void> result) { done->set_value(std::move(result)); });
    return done->get_future().get();
  }

  AuditEvidence Evidence() const { return ReadAuditEvidence(*store, *root).value(); }
  AuditReport Verify() const { return VerifyAuditLog(folder(), Evidence()).value(); }

  std::vector<audit::ParsedLine> Parsed() const {
    std::vector<audit::ParsedLine> parsed;
    for (const auto& segment : audit::ListSegments(folder()).value())
      for (const std::string& line : ReadLines(segment.path))
        if (auto read = audit::ParseLine(line)) parsed.push_back(std::move(*read));
    return parsed;
  }

  // The request ids of all calls in the trail, in order.
  std::vector<std::string> Told() const {
    std::vector<std::string> ids;
    for (const auto& line : Parsed())
      if (line.kind().empty()) ids.emplace_back(line.Text("requestId"));
    return ids;
  }

  template <typename Condition>
  static void Await(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }

  Disk disk;
  AuditSettings settings;
  FixedClock clock{kStart};
  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root);
  std::unique_ptr<AuditLog> log;

 private:
  ScratchDirectory scratch_;
};

// `report` finds nothing, and says what it found otherwise.
inline void ExpectSound(const AuditReport& report) {
  EXPECT_FALSE(report.fault) << report.fault->file << ":" << report.fault->line << " "
                             << report.fault->reason;
}

}  // namespace kms::testing

#endif  // KMS_TESTS_AUDIT_FIXTURE_H_
