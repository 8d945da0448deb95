#include <fcntl.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kms/audit_sink.h"

namespace kms {
namespace {

Error Unavailable(const std::string& what) {
  return Error(Reason::kStoreUnavailable, what + ": " + std::strerror(errno));
}

std::string LineOf(const AuditEvent& event) {
  boost::json::object line;
  line["sequence"] = event.sequence;
  line["time"] = event.time;
  line["requestId"] = event.request_id;
  line["account"] = event.account;
  line["user"] = event.user;
  line["accessKey"] = event.access_key;
  line["source"] = event.source;
  line["operation"] = event.operation;
  line["region"] = event.region;
  line["key"] = event.key;
  line["version"] = event.version;
  return boost::json::serialize(line) + '\n';
}

class AuditFile final : public AuditSink {
 public:
  explicit AuditFile(int file) : file_(file) {}
  ~AuditFile() override { ::close(file_); }

  // DropHalfLine removes what a crash left behind the last line end; its event is still
  // in the outbox.
  Result<void> DropHalfLine() {
    off_t end = ::lseek(file_, 0, SEEK_END);
    if (end < 0) return Unavailable("audit file");
    const off_t size = end;
    for (char last = 0; end > 0; --end) {
      if (::pread(file_, &last, 1, end - 1) != 1) return Unavailable("audit file");
      if (last == '\n') break;
    }
    if (end != size && ::ftruncate(file_, end) != 0) return Unavailable("audit file");
    return {};
  }

  Result<void> Write(std::span<const AuditEvent> events) override {
    std::string lines;
    for (const AuditEvent& event : events) lines += LineOf(event);
    const off_t before = ::lseek(file_, 0, SEEK_END);
    if (before < 0) return Unavailable("audit file");
    for (std::size_t written = 0; written < lines.size();) {
      const ssize_t n = ::write(file_, lines.data() + written, lines.size() - written);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        Error error = Unavailable("audit file");
        // No half of a line is left for the next attempt to run into.
        if (::ftruncate(file_, before) != 0) return Unavailable("audit file");
        return error;
      }
      written += static_cast<std::size_t>(n);
    }
    if (::fdatasync(file_) != 0) return Unavailable("audit file");
    return {};
  }

 private:
  const int file_;
};

}  // namespace

AuditSink::~AuditSink() = default;

Result<std::unique_ptr<AuditSink>> OpenAuditFile(const std::string& path) {
  const int file =
      ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Unavailable(path);
  auto opened = std::make_unique<AuditFile>(file);
  KMS_CHECK_OK(opened->DropHalfLine());
  return std::unique_ptr<AuditSink>(std::move(opened));
}

}  // namespace kms
