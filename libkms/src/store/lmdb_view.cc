#include "store/lmdb_view.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "store/lmdb_environment.h"
#include "store/optimistic_transaction.h"

namespace kms {
namespace {

constexpr std::string_view kRevisionName = "revision";
constexpr std::string_view kLayoutName = "layout";

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};

// LMDB takes pointers to mutable bytes and does not change them.
MDB_val ToVal(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view FromVal(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

template <typename Number>
Number ReadNumber(std::string_view bytes) {
  Number number = 0;
  for (const char byte : bytes.substr(0, sizeof(Number)))
    number = static_cast<Number>(number << 8 | static_cast<std::uint8_t>(byte));
  return number;
}

template <typename Number>
void WriteNumber(Number number, char* out) {
  for (std::size_t i = sizeof(Number); i-- > 0; number >>= 8)
    out[i] = static_cast<char>(number & 0xff);
}

Error Corrupt(const char* what) {
  return Error(ErrorClass::kCorrupt, Reason::kInternal, what);
}

Result<std::optional<RecordView>> Parse(std::string_view stored) {
  if (stored.size() < sizeof(Revision)) return Corrupt("a record without revision");
  return std::optional<RecordView>(
      RecordView{stored.substr(sizeof(Revision)), ReadNumber<Revision>(stored)});
}

template <typename Number>
Result<std::optional<Number>> GetNumber(MDB_txn* transaction, MDB_dbi meta,
                                        std::string_view name) {
  MDB_val key = ToVal(name);
  MDB_val value;
  const int code = mdb_get(transaction, meta, &key, &value);
  if (code == MDB_NOTFOUND) return std::optional<Number>();
  if (code != 0) return LmdbError(code, "meta");
  if (value.mv_size != sizeof(Number)) return Corrupt("a number of the wrong size");
  return std::optional<Number>(ReadNumber<Number>(FromVal(value)));
}

template <typename Number>
int PutNumber(MDB_txn* transaction, MDB_dbi meta, std::string_view name, Number number) {
  char bytes[sizeof(Number)];
  WriteNumber(number, bytes);
  MDB_val key = ToVal(name);
  MDB_val value = ToVal({bytes, sizeof(bytes)});
  return mdb_put(transaction, meta, &key, &value, 0);
}

}  // namespace

Result<std::optional<RecordView>> LmdbView::Get(std::string_view key) const {
  if (key.empty() || key.size() > kMaxKeyBytes) return std::optional<RecordView>();
  MDB_val name = ToVal(key);
  MDB_val value;
  const int code = mdb_get(transaction_, environment_.records(), &name, &value);
  if (code == MDB_NOTFOUND) return std::optional<RecordView>();
  if (code != 0) return LmdbError(code, "get");
  return Parse(FromVal(value));
}

Result<std::vector<Record>> LmdbView::Scan(std::string_view prefix, std::string_view from,
                                           std::size_t limit) const {
  std::vector<Record> records;
  const std::string_view start = std::max(prefix, from);
  MDB_cursor* raw = nullptr;
  int code = mdb_cursor_open(transaction_, environment_.records(), &raw);
  if (code != 0) return LmdbError(code, "scan");
  const std::unique_ptr<MDB_cursor, CloseCursor> cursor(raw);

  // LMDB searches no longer keys than it stores.
  MDB_val key = ToVal(start.substr(0, kMaxKeyBytes));
  MDB_val value;
  code = mdb_cursor_get(raw, &key, &value, start.empty() ? MDB_FIRST : MDB_SET_RANGE);
  for (; code == 0 && records.size() < limit;
       code = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) {
    const std::string_view name = FromVal(key);
    if (name < start) continue;
    if (!name.starts_with(prefix)) break;
    KMS_TRY(const auto view, Parse(FromVal(value)));
    records.push_back({std::string(name), std::string(view->value), view->revision});
  }
  if (code != 0 && code != MDB_NOTFOUND) return LmdbError(code, "scan");
  return records;
}

Result<Revision> LmdbView::NewestRevision() const {
  KMS_TRY(const auto revision,
          GetNumber<Revision>(transaction_, environment_.meta(), kRevisionName));
  if (!revision) return Corrupt("the store has no revision");
  return *revision;
}

Result<std::optional<std::uint32_t>> LmdbView::Layout() const {
  return GetNumber<std::uint32_t>(transaction_, environment_.meta(), kLayoutName);
}

int PutRecord(const LmdbEnvironment& environment, MDB_txn* transaction,
              std::string_view key, std::string_view value, Revision revision) {
  MDB_val name = ToVal(key);
  MDB_val place{sizeof(Revision) + value.size(), nullptr};
  const int code =
      mdb_put(transaction, environment.records(), &name, &place, MDB_RESERVE);
  if (code != 0) return code;
  char* out = static_cast<char*>(place.mv_data);
  WriteNumber(revision, out);
  if (!value.empty()) std::memcpy(out + sizeof(Revision), value.data(), value.size());
  return 0;
}

int EraseRecord(const LmdbEnvironment& environment, MDB_txn* transaction,
                std::string_view key) {
  MDB_val name = ToVal(key);
  const int code = mdb_del(transaction, environment.records(), &name, nullptr);
  return code == MDB_NOTFOUND ? 0 : code;
}

int PutRevision(const LmdbEnvironment& environment, MDB_txn* transaction,
                Revision revision) {
  return PutNumber(transaction, environment.meta(), kRevisionName, revision);
}

int PutLayout(const LmdbEnvironment& environment, MDB_txn* transaction,
              std::uint32_t layout) {
  return PutNumber(transaction, environment.meta(), kLayoutName, layout);
}

}  // namespace kms
