// A trail whose file was changed in any way shows it to whoever has the evidence of the
// store, and reading or querying any file of lines ends.

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "kms/audit_log.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

// A folder with a trail of a few lines. Its evidence is what the store knows.
class Trail {
 public:
  Trail() {
    Require(::mkdtemp(folder_.data()) != nullptr, "there is room for a trail");
    const auto log = OpenAuditLog({.folder = folder_ + "/trail",
                                   .store = *world_.store,
                                   .root = *world_.root,
                                   .backend = *world_.backend,
                                   .clock = world_.clock})
                         .value();
    for (const char* const operation : {"encrypt", "decrypt", "createKey", "listKeys"}) {
      Require(log->Reserve().has_value(), "there is room for a line");
      log->Tell({.account = "account-1", .operation = operation, .key = "k"}, {});
    }
    log->End();
    (void)world_.kms->DrainAudit(*log);
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/trail"))
      path_ = entry.path().string();
    char buffer[1 << 14];
    std::FILE* const file = std::fopen(path_.c_str(), "rb");
    const std::size_t size = std::fread(buffer, 1, sizeof buffer, file);
    std::fclose(file);
    whole.assign(buffer, buffer + size);
    clean_ = Verify();
    Require(!clean_.fault && clean_.last_seq >= 6, "a whole trail checks out");
  }
  ~Trail() { std::filesystem::remove_all(folder_); }

  void Put(ByteView bytes) const {
    std::FILE* const file = std::fopen(path_.c_str(), "wb");
    (void)std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
  }

  AuditReport Verify() const {
    AuditEvidence evidence = ReadAuditEvidence(*world_.store, *world_.root).value();
    evidence.seq = clean_.last_seq == 0 ? evidence.seq : clean_.last_seq;
    evidence.hash = clean_.last_seq == 0 ? evidence.hash : clean_.last_hash;
    return VerifyAuditLog(folder_ + "/trail", evidence).value();
  }
  bool Shows() const {
    const AuditReport report = Verify();
    return report.fault || report.unfinished_bytes != clean_.unfinished_bytes ||
           report.last_hash != clean_.last_hash;
  }
  void Query(std::string continuation) const {
    AuditQuery query{.account = "account-1"};
    query.continuation = std::move(continuation);
    for (query.limit = 2; const auto page = QueryAuditLog(folder_ + "/trail", query);) {
      if (page->continuation.empty()) return;
      Require(page->continuation != query.continuation, "a query gets on");
      query.continuation = page->continuation;
    }
  }

  Bytes whole;

 private:
  World world_;
  std::string folder_ =
      (std::filesystem::temp_directory_path() / "kms-fuzz-XXXXXX").string();
  std::string path_;
  AuditReport clean_;
};

}  // namespace

// Edits of the file; or, after an 'r', a file as it is. The first line is also taken for
// the continuation of a query.
void audit_trail(ByteView bytes) {
  static const Trail trail;
  Input input(bytes);
  Bytes changed = trail.whole;
  if (input.Byte() == 'r') {
    const ByteView raw = input.Rest();
    changed.assign(raw.begin(), raw.end());
  } else {
    while (!input.empty()) Edit(input, changed);
  }
  trail.Put(changed);
  Require(trail.Shows() == (changed != trail.whole), "a change shows");
  trail.Query({});
  trail.Query(std::string(Input(bytes).TextUpTo('\n')));
}

}  // namespace kms::fuzz::targets
