#include "audit/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "audit/keys.h"
#include "audit/segment.h"
#include "audit/trail.h"
#include "kms/encoding.h"

namespace kms::audit {
namespace {

constexpr std::size_t kHurryBytes = std::size_t{4} << 20;

Error NotWritten(std::string why) {
  return Error(Reason::kStoreUnavailable, std::move(why));
}

Error HasEnded() { return NotWritten("the audit log has ended"); }

// Lines that wait. Their members lie one behind the other, so that a line costs no
// allocation of its own.
struct Queue {
  struct Item {
    std::size_t end;      // of its members
    bool reserved;        // its call holds a place
    bool drop;            // is not tried again
    std::string name;     // AuditNameOf..., where the outbox wants to know
    AuditLog::Done done;  // may be empty
  };
  std::string text;
  std::vector<Item> items;

  void Add(std::string_view members, Item item) {
    text += members;
    item.end = text.size();
    items.push_back(std::move(item));
  }
  std::vector<std::string_view> Lines() const {
    std::vector<std::string_view> lines;
    lines.reserve(items.size() + 1);
    std::size_t begin = 0;
    for (const Item& item : items) {
      lines.push_back(std::string_view(text).substr(begin, item.end - begin));
      begin = item.end;
    }
    return lines;
  }
  void Take(Queue& other) {
    const std::vector<std::string_view> lines = other.Lines();
    for (std::size_t i = 0; i < lines.size(); ++i)
      Add(lines[i], std::move(other.items[i]));
    other.Clear();
  }
  void Clear() {
    text.clear();
    items.clear();
  }
};

class Log final : public AuditLog {
 public:
  Log(const AuditParts& parts, const AuditSettings& settings, std::string run,
      Link durable, std::set<std::string> names, std::unique_ptr<Trail> trail)
      : folder_(parts.folder),
        clock_(parts.clock),
        settings_(settings),
        run_(std::move(run)),
        trail_(std::move(trail)),
        durable_(durable),
        names_(std::move(names)) {
    Flush();
    thread_ = std::thread([this] { Run(); });
  }

  ~Log() override { End(); }

  void End() override {
    const std::lock_guard one(end_mutex_);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  const std::string& run() const override { return run_; }
  const std::string& folder() const override { return folder_; }

  Result<void> Reserve() override {
    if (waiting_.fetch_add(1) < settings_.queue_lines) return {};
    waiting_.fetch_sub(1);
    refused_.fetch_add(1);
    unlisted_.fetch_add(1);
    return NotWritten("no more audit lines can be kept in memory");
  }

  Result<void> Admit(bool durable) const override {
    if (works_.load(std::memory_order_acquire)) return {};
    if (!durable && settings_.on_failure == AuditOnFailure::kContinue &&
        clock_.Steady() - failing_since_.load() <= settings_.grace_millis)
      return {};
    return NotWritten("the audit log cannot be written");
  }

  void Tell(const AuditCall& call, Done done) override {
    std::string members;
    members.reserve(512);
    WriteCall(call, members);
    const bool urgent = done != nullptr;
    bool wake = urgent;
    {
      std::unique_lock lock(mutex_);
      if (ended_) {
        lock.unlock();
        waiting_.fetch_sub(1);
        if (done) done(HasEnded());
        return;
      }
      pending_.Add(members, {.end = 0,
                             .reserved = true,
                             .drop = false,
                             .name = call.changes ? AuditNameOfCall(call.access_key,
                                                                    call.request_id)
                                                  : std::string(),
                             .done = std::move(done)});
      urgent_ |= urgent;
      if (pending_.text.size() >= kHurryBytes) wake = urgent_ = true;
    }
    if (wake) wake_.notify_one();
  }

  Result<void> Write(std::span<const AuditEvent> events) override {
    if (events.empty()) return {};
    KMS_CHECK_OK(Admit(true));
    const auto written = std::make_shared<std::promise<Result<void>>>();
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return HasEnded();
      for (const AuditEvent& event : events) {
        std::string members;
        WriteEvent(event, members);
        pending_.Add(members, {.end = 0,
                               .reserved = false,
                               .drop = true,
                               .name = AuditNameOfChange(event.sequence),
                               .done = nullptr});
      }
      pending_.items.back().done = [written](Result<void> result) {
        written->set_value(std::move(result));
      };
      urgent_ = true;
    }
    wake_.notify_one();
    return written->get_future().get();
  }

  AuditProgress TakeProgress() override {
    const std::lock_guard lock(mutex_);
    return {run_, durable_.seq, ToHex(durable_.hash), std::exchange(names_, {}),
            std::exchange(abandoned_, {})};
  }

  void GiveBack(AuditProgress progress) override {
    const std::lock_guard lock(mutex_);
    names_.merge(progress.names);
    abandoned_.merge(progress.abandoned);
  }

  void Abandon(std::string_view access_key, std::string_view request_id) override {
    const std::lock_guard lock(mutex_);
    abandoned_.insert(AuditNameOfCall(access_key, request_id));
  }

  AuditHealth Health() const override {
    const std::lock_guard lock(mutex_);
    AuditHealth health = health_;
    health.works = works_;
    health.refused = refused_;
    health.waiting = waiting_;
    return health;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait_for(lock, std::chrono::milliseconds(settings_.flush_millis),
                     [this] { return stopping_ || urgent_; });
      const bool stop = stopping_;
      urgent_ = false;
      lock.unlock();
      Flush();
      lock.lock();
      if (stop && (pending_.items.empty() || !works_)) break;
    }
    ended_ = true;
    Queue left = std::exchange(pending_, {});  // what has come while the disk had no room
    lock.unlock();
    if (works_ && trail_->End()) {
      lock.lock();
      durable_ = trail_->last();
      lock.unlock();
    }
    for (const Queue::Item& item : left.items)
      if (item.done) item.done(HasEnded());
  }

  // Flush writes what waits, and tells those who wait for it.
  void Flush() {
    {
      const std::lock_guard lock(mutex_);
      if (writing_.items.empty()) {
        std::swap(writing_, pending_);
      } else {  // what could not be written, and what has come since
        writing_.Take(pending_);
      }
    }
    std::vector<std::string_view> lines = writing_.Lines();
    std::string gap;
    const std::uint64_t unlisted = unlisted_.exchange(0);
    if (unlisted > 0) {
      Members(gap)
          .Text("kind", "gap")
          .Number("time", clock_.Now())
          .Number("refused", static_cast<std::int64_t>(unlisted));
      lines.push_back(gap);
    }
    const std::uint64_t before = trail_->last().seq;
    const Result<void> written = trail_->Write(lines);
    if (!written) unlisted_.fetch_add(unlisted);
    const bool grew = trail_->last().seq != before;
    Result<void> room = written;
    if (written && (grew || !works_)) room = trail_->KeepRoom();
    Note(grew, written, room);
    Finish(written);
  }

  void Note(bool grew, const Result<void>& written, const Result<void>& room) {
    const std::lock_guard lock(mutex_);
    if (grew) ++health_.flushes;
    if (!room) ++health_.failures;
    if (!room && works_) failing_since_ = clock_.Steady();
    health_.reason = room ? std::string() : room.error().detail();
    health_.remark = trail_->remark();
    health_.segment = trail_->segment();
    health_.bytes = trail_->bytes();
    works_.store(room.has_value(), std::memory_order_release);
    if (!written) return;
    durable_ = trail_->last();
    health_.lines += writing_.items.size();
    for (Queue::Item& item : writing_.items)
      if (!item.name.empty()) names_.insert(std::move(item.name));
  }

  // Those who wait are told either way; lines that were not written are kept.
  void Finish(const Result<void>& written) {
    if (written && writing_.items.empty()) return;
    std::vector<Done> told;
    Queue kept;
    std::size_t gone = 0;
    const std::vector<std::string_view> lines = writing_.Lines();
    for (std::size_t i = 0; i < writing_.items.size(); ++i) {
      Queue::Item& item = writing_.items[i];
      if (item.done) told.push_back(std::exchange(item.done, nullptr));
      if (written || item.drop) {
        if (item.reserved) ++gone;
      } else {
        kept.Add(lines[i], std::move(item));
      }
    }
    if (written) {
      writing_.Clear();
    } else {
      std::swap(writing_, kept);
      // Nobody waits for a disk that has no room.
      const std::lock_guard lock(mutex_);
      Queue still;
      const std::vector<std::string_view> pending = pending_.Lines();
      for (std::size_t i = 0; i < pending_.items.size(); ++i) {
        Queue::Item& item = pending_.items[i];
        if (item.done) told.push_back(std::exchange(item.done, nullptr));
        if (!item.drop) still.Add(pending[i], std::move(item));
      }
      std::swap(pending_, still);
    }
    waiting_.fetch_sub(gone);
    for (const Done& done : told) done(written);
  }

  const std::string folder_;
  const Clock& clock_;
  const AuditSettings settings_;
  const std::string run_;
  const std::unique_ptr<Trail> trail_;  // the writing thread's, as is writing_
  Queue writing_;

  std::atomic<bool> works_ = true;
  std::atomic<std::int64_t> failing_since_ = 0;  // steady
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<std::uint64_t> unlisted_ = 0;  // refused, and not told in the trail yet

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool ended_ = false;  // no line is taken any more
  bool urgent_ = false;
  Queue pending_;
  Link durable_;
  std::set<std::string> names_;
  std::set<std::string> abandoned_;
  AuditHealth health_;
  std::mutex end_mutex_;
  std::thread thread_;
};

Result<void> PublishKey(const std::string& folder, const Keys& keys) {
  const std::string path = folder + "/audit-public.pem";
  const std::string pem = PublicKeyPem(keys.public_key);
  if (const auto there = ReadBytes(path, 0, pem.size() + 1); there && *there == pem)
    return {};
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  {
    KMS_TRY(const auto file, CreateSegmentFile(fresh));
    KMS_CHECK_OK(file->Append(pem));
    KMS_CHECK_OK(file->Sync());
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return FileError(path);
  return SyncFolder(path);
}

}  // namespace

Result<std::unique_ptr<AuditLog>> OpenLogOn(const AuditParts& parts,
                                            const AuditSettings& settings,
                                            MakeSegmentFile make) {
  if (::mkdir(parts.folder.c_str(), 0700) != 0 && errno != EEXIST)
    return FileError(parts.folder);
  KMS_TRY(Keys keys, EnsureKeys(parts.store, parts.root, parts.backend));
  // It is in every file's first line as well: without room, a later start exports it.
  const auto published = PublishKey(parts.folder, keys);
  Link mark;
  {
    KMS_TRY(const auto snapshot, parts.store.Read());
    KMS_TRY(mark, ReadMark(*snapshot));
  }
  KMS_TRY(FoundTrail found, FindTrail(parts.folder, mark));
  if (!published && found.trouble.empty()) found.trouble = published.error().detail();
  KMS_TRY(const SecretBytes random, parts.backend.Random(16));
  auto trail = std::make_unique<Trail>(parts.folder, std::move(keys), parts.clock,
                                       settings, std::move(make), found);
  return std::unique_ptr<AuditLog>(
      std::make_unique<Log>(parts, settings, ToHex(random.Reveal()), found.last,
                            std::move(found.names), std::move(trail)));
}

}  // namespace kms::audit

namespace kms {

std::string AuditNameOfCall(std::string_view access_key, std::string_view request_id) {
  return JoinKey({"call", access_key, request_id});
}

std::string AuditNameOfChange(std::string_view sequence) {
  return JoinKey({"change", sequence});
}

AuditSink::~AuditSink() = default;
AuditProgress AuditSink::TakeProgress() { return {}; }
void AuditSink::GiveBack(AuditProgress) {}

Result<std::unique_ptr<AuditLog>> OpenAuditLog(const AuditParts& parts,
                                               const AuditSettings& settings) {
  return audit::OpenLogOn(parts, settings, audit::CreateSegmentFile);
}

}  // namespace kms
