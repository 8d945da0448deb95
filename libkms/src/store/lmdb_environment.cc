#include "store/lmdb_environment.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <new>
#include <system_error>
#include <utility>

#include "store/lmdb_view.h"

namespace kms {
namespace {

constexpr std::uint32_t kLayout = 1;
constexpr unsigned kMaxReaders = 1024;
constexpr std::chrono::milliseconds kReaderPatience{5000};
constexpr std::size_t kLowSpaceBytes = std::size_t{16} << 20;

Error ReaderInTheWay() {
  return Error(Reason::kStoreUnavailable, "a reader keeps the store from growing");
}

std::size_t RoundUpToPage(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (std::max(bytes, page * 16) + page - 1) / page * page;
}

Error FileError(const std::string& path) {
  return Error(Reason::kStoreUnavailable,
               path + ": " + std::generic_category().message(errno));
}

}  // namespace

Error LmdbError(int code, const char* what) {
  const std::string detail = std::string(what) + ": " + mdb_strerror(code);
  switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
      return Error(ErrorClass::kCorrupt, Reason::kInternal, detail);
    case MDB_VERSION_MISMATCH:
      return Error(ErrorClass::kUnsupported, Reason::kStoreUnavailable, detail);
    default:
      return Error(Reason::kStoreUnavailable, detail);
  }
}

Result<std::unique_ptr<LmdbEnvironment>> LmdbEnvironment::New(
    const LmdbOptions& options) {
  const std::size_t size = RoundUpToPage(options.map_size_bytes);
  const std::size_t max_size = std::max(size, RoundUpToPage(options.max_map_size_bytes));

  MDB_env* raw = nullptr;
  if (const int code = mdb_env_create(&raw); code != 0) return LmdbError(code, "create");
  std::unique_ptr<LmdbEnvironment> made(new LmdbEnvironment(raw, max_size));

  int code = mdb_env_set_maxdbs(raw, 2);
  if (code == 0) code = mdb_env_set_maxreaders(raw, kMaxReaders);
  if (code == 0) code = mdb_env_set_mapsize(raw, size);
  if (code != 0) return LmdbError(code, "create");
  return made;
}

Result<void> LmdbEnvironment::Make(const std::string& directory,
                                   const LmdbOptions& options) {
  const std::string path = directory + "/data.mdb";
  const std::string fresh = directory + "/new.mdb";
  struct stat found{};
  if (lstat(path.c_str(), &found) == 0) return {};
  if (unlink(fresh.c_str()) != 0 && errno != ENOENT) return FileError(fresh);
  {
    KMS_TRY(const auto made, New(options));
    const int code = mdb_env_open(made->environment_, fresh.c_str(),
                                  MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0600);
    if (code != 0) return LmdbError(code, "make");
    KMS_CHECK_OK(made->OpenDatabases());
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return FileError(path);
  return SyncDirectory(directory);
}

Result<std::unique_ptr<LmdbEnvironment>> LmdbEnvironment::Open(
    const DirectoryClaim& claim, const std::string& directory,
    const LmdbOptions& options) {
  KMS_CHECK_OK(claim.Alone([&] { return Make(directory, options); }));
  KMS_TRY(auto made, New(options));
  MDB_env* const raw = made->environment_;
  // Full durability; read transactions belong to no thread.
  int code = mdb_env_open(raw, directory.c_str(), MDB_NOTLS, 0600);
  if (code != 0) return LmdbError(code, "open");
  made->CheckReaders();

  // Another process may have grown it beyond the size asked for.
  KMS_CHECK_OK(made->AdoptSize());
  MDB_envinfo info;
  code = mdb_env_info(raw, &info);
  if (code != 0) return LmdbError(code, "size");
  const std::size_t size = RoundUpToPage(options.map_size_bytes);
  if (info.me_mapsize < size) KMS_CHECK_OK(made->Resize(size));
  KMS_CHECK_OK(made->OpenDatabases());
  made->witness_ = open((directory + "/data.mdb").c_str(), O_RDWR | O_CLOEXEC);
  return made;
}

LmdbEnvironment::~LmdbEnvironment() {
  pool_.clear();
  mdb_env_close(environment_);
  if (witness_ >= 0) close(witness_);
}

Result<void> LmdbEnvironment::OpenDatabases() {
  LmdbTransaction transaction;
  for (int attempt = 0;; ++attempt) {
    int code = BeginWrite(&transaction);
    if (code == 0)
      code = mdb_dbi_open(transaction.get(), "records", MDB_CREATE, &records_);
    if (code == 0) code = mdb_dbi_open(transaction.get(), "meta", MDB_CREATE, &meta_);
    if (code == 0) break;
    transaction.reset();
    if (code == MDB_MAP_RESIZED && attempt < 10) {
      KMS_CHECK_OK(AdoptSize());
    } else if (code == MDB_MAP_FULL) {
      KMS_CHECK_OK(Grow());
    } else {
      return LmdbError(code, "databases");
    }
  }

  const LmdbView view(*this, transaction.get());
  KMS_TRY(const auto layout, view.Layout());
  if (layout && *layout > kLayout)
    return Error(
        ErrorClass::kUnsupported, Reason::kStoreUnavailable,
        "the store has layout " + std::to_string(*layout) + ", newer than this software");
  if (layout && *layout < kLayout)
    return Error(ErrorClass::kCorrupt, Reason::kInternal, "the store has layout 0");
  if (!layout) {
    MDB_stat records;
    int code = mdb_stat(transaction.get(), records_, &records);
    if (code != 0) return LmdbError(code, "records");
    if (records.ms_entries != 0)
      return Error(ErrorClass::kCorrupt, Reason::kInternal, "the store has no layout");
    code = PutLayout(*this, transaction.get(), kLayout);
    if (code == 0) code = PutRevision(*this, transaction.get(), 0);
    if (code != 0) return LmdbError(code, "layout");
  }
  const int code = mdb_txn_commit(transaction.release());
  if (code != 0) return LmdbError(code, "layout");
  return {};
}

int LmdbEnvironment::BeginRead(LmdbTransaction* transaction) {
  if (!gate_.Enter()) return MDB_PANIC;
  {
    const std::lock_guard lock(pool_mutex_);
    if (!pool_.empty()) {
      *transaction = std::move(pool_.back());
      pool_.pop_back();
    }
  }
  int code = 0;
  if (*transaction) {
    code = mdb_txn_renew(transaction->get());
  } else {
    MDB_txn* raw = nullptr;
    code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &raw);
    if (code == MDB_READERS_FULL) {
      CheckReaders();
      code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &raw);
    }
    if (code == 0) transaction->reset(raw);
  }
  if (code != 0) {
    transaction->reset();
    gate_.Leave();
  }
  return code;
}

void LmdbEnvironment::EndRead(LmdbTransaction transaction) noexcept {
  mdb_txn_reset(transaction.get());
  try {
    const std::lock_guard lock(pool_mutex_);
    pool_.push_back(std::move(transaction));
  } catch (const std::bad_alloc&) {
    transaction.reset();
  }
  gate_.Leave();
}

int LmdbEnvironment::BeginWrite(LmdbTransaction* transaction) {
  MDB_txn* raw = nullptr;
  const int code = mdb_txn_begin(environment_, nullptr, 0, &raw);
  if (code == 0) transaction->reset(raw);
  return code;
}

Result<void> LmdbEnvironment::Grow() {
  MDB_envinfo info;
  if (const int code = mdb_env_info(environment_, &info); code != 0)
    return LmdbError(code, "size");
  if (info.me_mapsize >= max_map_size_)
    return Error(Reason::kStoreUnavailable, "the store is full");
  if (std::chrono::steady_clock::now() < grow_again_) return ReaderInTheWay();
  const std::size_t step = std::min(info.me_mapsize, max_map_size_ - info.me_mapsize);
  return Resize(info.me_mapsize + step);
}

Result<void> LmdbEnvironment::AdoptSize() { return Resize(0); }

Result<void> LmdbEnvironment::Resize(std::size_t size) {
  if (!gate_.Close(kReaderPatience)) {
    grow_again_ = std::chrono::steady_clock::now() + kReaderPatience;
    return ReaderInTheWay();
  }
  if (const int code = mdb_env_set_mapsize(environment_, size); code != 0) {
    // The old map is gone and there is no new one.
    gate_.Condemn();
    return LmdbError(code, "grow");
  }
  moves_.fetch_add(1);
  gate_.Open();
  return {};
}

bool LmdbEnvironment::IsShortWrite() const {
  // An error of writing back is reported once to each descriptor, so this one sees
  // it also after LMDB's own has.
  if (witness_ < 0 || fdatasync(witness_) != 0) return false;
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return true;
  struct statvfs space{};
  return fstatvfs(witness_, &space) == 0 &&
         space.f_bavail * space.f_frsize < kLowSpaceBytes;
}

}  // namespace kms
