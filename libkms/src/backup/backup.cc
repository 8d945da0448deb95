#include "kms/backup.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "backup/backup_stream.h"
#include "backup/nonce_margin.h"
#include "core/json_record.h"
#include "keys/records.h"
#include "store/lmdb_loader.h"

namespace kms {
namespace {

constexpr std::size_t kScanned = 64;  // of values of up to 1 MiB
constexpr std::size_t kLoadedBytes = std::size_t{4} << 20;
constexpr int kRevisionsPerSecondBits = 20;

// The revision that a store goes on from: greater than any that a store of this backup
// can have had up to now.
Result<Revision> RevisionFrom(Revision backed_up, UnixMillis now) {
  const auto seconds = static_cast<std::uint64_t>(std::max<UnixMillis>(now, 0) / 1000);
  const std::uint64_t ahead = seconds << kRevisionsPerSecondBits;
  if (backed_up > std::numeric_limits<Revision>::max() / 2 - ahead)
    return Error(ErrorClass::kExhausted, Reason::kInternal,
                 "the store was restored so often that no revision is left");
  return backed_up + ahead;
}

}  // namespace

class StoreBackup::Impl {
 public:
  explicit Impl(std::unique_ptr<Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

  Result<void> Begin(const Clock& clock) {
    KMS_TRY(const auto found, snapshot_->Get(place::Header()));
    if (!found)
      return Error(ErrorClass::kNotFound, Reason::kStoreUnavailable,
                   "the store was never opened for service");
    KMS_TRY(const HeaderRecord header, FromJson<HeaderRecord>(found->value));
    manifest_.created = clock.Now();
    manifest_.revision = snapshot_->revision();
    manifest_.epoch = header.epoch;
    stream_.Begin(ready_);
    return {};
  }

  Result<std::size_t> Read(std::span<std::uint8_t> room) {
    if (at_ == ready_.size() && !complete_) KMS_CHECK_OK(Refill());
    const std::size_t n = std::min(room.size(), ready_.size() - at_);
    std::copy_n(ready_.begin() + static_cast<std::ptrdiff_t>(at_), n, room.begin());
    at_ += n;
    return n;
  }

  const BackupManifest& manifest() const { return manifest_; }

 private:
  Result<void> Refill() {
    ready_.clear();
    at_ = 0;
    KMS_TRY(const auto batch, snapshot_->Scan({}, from_, kScanned));
    for (const Record& record : batch) stream_.Add(record, ready_);
    complete_ = batch.size() < kScanned;
    if (complete_) {
      stream_.Finish(manifest_, ready_);
    } else {
      from_ = batch.back().key + '\0';
    }
    return {};
  }

  const std::unique_ptr<Snapshot> snapshot_;
  BackupStreamWriter stream_;
  BackupManifest manifest_;
  std::string from_;
  std::string ready_;   // bytes of the stream
  std::size_t at_ = 0;  // how many of them were read
  bool complete_ = false;
};

StoreBackup::StoreBackup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreBackup::~StoreBackup() = default;

Result<std::unique_ptr<StoreBackup>> StoreBackup::Begin(const KeyStore& store,
                                                        const Clock& clock) {
  KMS_TRY(auto snapshot, store.Read());
  auto impl = std::make_unique<Impl>(std::move(snapshot));
  KMS_CHECK_OK(impl->Begin(clock));
  return std::unique_ptr<StoreBackup>(new StoreBackup(std::move(impl)));
}

Result<std::size_t> StoreBackup::Read(std::span<std::uint8_t> room) {
  return impl_->Read(room);
}

const BackupManifest& StoreBackup::manifest() const { return impl_->manifest(); }

class StoreRestore::Impl {
 public:
  Impl(const Clock& clock, std::unique_ptr<LmdbLoader> loader)
      : clock_(clock), loader_(std::move(loader)) {}

  Result<void> Write(ByteView bytes) {
    stream_.Add(bytes);
    for (;;) {
      KMS_TRY(auto record, stream_.Next());
      if (!record) return {};
      KMS_CHECK_OK(Take(*std::move(record)));
    }
  }

  Result<BackupManifest> Finish() {
    KMS_TRY(BackupManifest manifest, stream_.Finish());
    if (!has_header_)
      return record_internal::Corrupt("the backup is of no store that was in service");
    KMS_CHECK_OK(loader_->Put(batch_));
    KMS_TRY(const Revision newest, RevisionFrom(manifest.revision, clock_.Now()));
    KMS_CHECK_OK(loader_->Put(margin_.Rest(newest)));
    KMS_CHECK_OK(loader_->Finish(newest));
    loader_.reset();
    return manifest;
  }

 private:
  Result<void> Take(Record record) {
    if (record.key == place::Header()) {
      KMS_TRY(const HeaderRecord header, FromJson<HeaderRecord>(record.value));
      if (header.oldest_reader > kStoreFormat)
        return Error(ErrorClass::kUnsupported, Reason::kInternal,
                     "the store was written by a newer release");
      has_header_ = true;
    }
    KMS_CHECK_OK(margin_.Apply(record));
    batch_bytes_ += record.key.size() + record.value.size();
    batch_.push_back(std::move(record));
    if (batch_bytes_ < kLoadedBytes) return {};
    KMS_CHECK_OK(loader_->Put(batch_));
    batch_.clear();
    batch_bytes_ = 0;
    return {};
  }

  const Clock& clock_;
  std::unique_ptr<LmdbLoader> loader_;
  BackupStreamReader stream_;
  NonceMargin margin_;
  std::vector<Record> batch_;
  std::size_t batch_bytes_ = 0;
  bool has_header_ = false;
};

StoreRestore::StoreRestore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreRestore::~StoreRestore() = default;

Result<std::unique_ptr<StoreRestore>> StoreRestore::Begin(const Clock& clock,
                                                          const std::string& directory) {
  KMS_TRY(auto loader, LmdbLoader::Create(directory));
  return std::unique_ptr<StoreRestore>(
      new StoreRestore(std::make_unique<Impl>(clock, std::move(loader))));
}

Result<void> StoreRestore::Write(ByteView bytes) { return impl_->Write(bytes); }

Result<BackupManifest> StoreRestore::Finish() { return impl_->Finish(); }

}  // namespace kms
