#include "backup/backup_stream.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include "core/json_record.h"
#include "kms/encoding.h"
#include "store/optimistic_transaction.h"

namespace kms {
namespace {

using record_internal::Corrupt;

constexpr std::string_view kMagic = "KMSBKUP";
constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kRecord = 1;
constexpr std::uint8_t kManifest = 2;

// As it is written.
struct ManifestRecord {
  UnixMillis created = 0;
  std::uint64_t revision = 0;
  std::uint64_t epoch = 0;
  std::vector<std::string> kinds;
  std::vector<std::string> counts;  // of each of them
  Bytes digest;
};

template <typename Archive>
void Members(Archive& archive, ManifestRecord& r) {
  archive("created", r.created);
  archive("revision", r.revision);
  archive("epoch", r.epoch);
  archive("kinds", r.kinds);
  archive("counts", r.counts);
  archive("digest", r.digest);
}

constexpr std::size_t kRecordHead = 1 + 8 + 2 + 4;
constexpr std::size_t kManifestHead = 1 + 4;

void PutNumber(std::string& out, std::uint64_t number, std::size_t bytes) {
  out += KeyNumber(number).substr(8 - bytes);
}

std::uint64_t NumberAt(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (const char c : bytes.substr(at, size))
    number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

Result<std::map<std::string, std::uint64_t>> CountsOf(const ManifestRecord& record) {
  if (record.kinds.size() != record.counts.size())
    return Corrupt("the manifest of the backup is malformed");
  std::map<std::string, std::uint64_t> counts;
  for (std::size_t i = 0; i < record.kinds.size(); ++i) {
    const std::string& text = record.counts[i];
    std::uint64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc() || stop != end)
      return Corrupt("the manifest of the backup is malformed");
    counts[record.kinds[i]] = count;
  }
  return counts;
}

}  // namespace

std::string KindOf(std::string_view store_key) {
  return std::string(store_key.substr(0, store_key.find('\0')));
}

void BackupStreamWriter::Begin(std::string& out) {
  std::string magic(kMagic);
  magic += static_cast<char>(kFormat);
  hasher_.Add(AsBytes(magic));
  out += magic;
}

void BackupStreamWriter::Add(const Record& record, std::string& out) {
  ++records_[KindOf(record.key)];
  const std::size_t begin = out.size();
  out += static_cast<char>(kRecord);
  PutNumber(out, record.revision, 8);
  PutNumber(out, record.key.size(), 2);
  PutNumber(out, record.value.size(), 4);
  out += record.key;
  out += record.value;
  hasher_.Add(AsBytes(std::string_view(out).substr(begin)));
}

void BackupStreamWriter::Finish(BackupManifest& manifest, std::string& out) {
  manifest.records = std::move(records_);
  manifest.digest = hasher_.Finish();
  ManifestRecord record;
  record.created = manifest.created;
  record.revision = manifest.revision;
  record.epoch = manifest.epoch;
  for (const auto& [kind, count] : manifest.records) {
    record.kinds.push_back(kind);
    record.counts.push_back(std::to_string(count));
  }
  record.digest.assign(manifest.digest.begin(), manifest.digest.end());
  const std::string text = WriteRecord(record);
  out += static_cast<char>(kManifest);
  PutNumber(out, text.size(), 4);
  out += text;
}

void BackupStreamReader::Add(ByteView bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += AsText(bytes);
}

void BackupStreamReader::Skip(std::size_t size) {
  hasher_.Add(AsBytes(rest().substr(0, size)));
  at_ += size;
}

Result<bool> BackupStreamReader::TakeMagic() {
  if (begun_) return true;
  const std::string_view seen = rest().substr(0, kMagic.size());
  if (seen != kMagic.substr(0, seen.size()))
    return Corrupt("this is no backup of a store");
  if (rest().size() <= kMagic.size()) return false;
  if (rest()[kMagic.size()] != static_cast<char>(kFormat))
    return Error(ErrorClass::kUnsupported, Reason::kInternal,
                 "the backup was made by a newer release");
  Skip(kMagic.size() + 1);
  begun_ = true;
  return true;
}

Result<std::optional<Record>> BackupStreamReader::Next() {
  const std::optional<Record> none;
  KMS_TRY(const bool begun, TakeMagic());
  if (!begun || rest().empty()) return none;
  if (rest().front() == static_cast<char>(kManifest)) {
    if (rest().size() > kManifestHead + kMaxValueBytes)
      return Corrupt("the backup does not end with its manifest");
    return none;
  }
  if (rest().front() != static_cast<char>(kRecord))
    return Corrupt("the backup has something unknown in it");
  if (rest().size() < kRecordHead) return none;
  const std::size_t key_size = NumberAt(rest(), 9, 2);
  const std::size_t value_size = NumberAt(rest(), 11, 4);
  if (key_size == 0 || key_size > kMaxKeyBytes || value_size > kMaxValueBytes)
    return Corrupt("a record of the backup is too long");
  const std::size_t size = kRecordHead + key_size + value_size;
  if (rest().size() < size) return none;
  Record record{std::string(rest().substr(kRecordHead, key_size)),
                std::string(rest().substr(kRecordHead + key_size, value_size)),
                NumberAt(rest(), 1, 8)};
  Skip(size);
  if (record.key <= last_key_) return Corrupt("the records of the backup have no order");
  last_key_ = record.key;
  ++records_[KindOf(record.key)];
  return std::optional(std::move(record));
}

Result<BackupManifest> BackupStreamReader::Finish() {
  if (rest().size() < kManifestHead || rest().front() != static_cast<char>(kManifest))
    return Corrupt("the backup ends too early");
  if (rest().size() != kManifestHead + NumberAt(rest(), 1, 4))
    return Corrupt("the backup does not end with its manifest");
  KMS_TRY(const ManifestRecord record,
          ReadRecord<ManifestRecord>(rest().substr(kManifestHead)));
  BackupManifest manifest;
  manifest.created = record.created;
  manifest.revision = record.revision;
  manifest.epoch = record.epoch;
  KMS_TRY(manifest.records, CountsOf(record));
  manifest.digest = hasher_.Finish();
  if (!std::ranges::equal(record.digest, manifest.digest))
    return Corrupt("the backup does not have the digest of its manifest");
  if (manifest.records != records_)
    return Corrupt("the backup does not have the records of its manifest");
  return manifest;
}

}  // namespace kms
