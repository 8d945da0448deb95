#include "kmsd/credentials.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "http/wiped_string.h"

namespace kms::server {
namespace {

Error Unavailable(const std::string& path) {
  return Error(Reason::kStoreUnavailable, path + ": " + std::strerror(errno));
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

void Append(WipedString& text, std::string_view more) {
  text.insert(text.end(), more.begin(), more.end());
}

void AppendMember(WipedString& text, std::string_view name, std::string_view value,
                  bool last = false) {
  Append(text, "  \"");
  Append(text, name);
  Append(text, "\": ");
  Append(text, boost::json::serialize(boost::json::value(value)));
  Append(text, last ? "\n" : ",\n");
}

Result<void> SyncFolder(const std::string& folder) {
  const File opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) return Unavailable(folder);
  return {};
}

}  // namespace

Result<void> WriteNewCredentials(const DataLayout& layout, const NewAccessKey& key,
                                 const CredentialsContent& content) {
  WipedString text;
  text.reserve(4096);  // no growth, so no copies
  Append(text, "{\n");
  AppendMember(text, "accountId", key.principal.account);
  AppendMember(text, "userId", key.principal.user);
  AppendMember(text, "accessKey", key.principal.access_key);
  // Letters and digits: nothing to escape, and no copy that nobody wipes.
  Append(text, "  \"secretKey\": \"");
  Append(text, AsText(key.secret.Reveal()));
  Append(text, "\",\n");
  AppendMember(text, "regionId", content.region);
  if (!content.ca_file.empty()) AppendMember(text, "caFile", content.ca_file);
  AppendMember(text, "endpoint", content.endpoint, true);
  Append(text, "}\n");

  const std::string path = layout.new_credentials();
  // What an interrupted attempt left is worth nothing.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Unavailable(path);
  const File file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return Unavailable(path);
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t n = ::write(file.get(), text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unavailable(path);
    written += static_cast<std::size_t>(n);
  }
  if (::fsync(file.get()) != 0) return Unavailable(path);
  return SyncFolder(layout.directory());
}

Result<void> PublishCredentials(const DataLayout& layout) {
  if (std::rename(layout.new_credentials().c_str(), layout.credentials().c_str()) != 0)
    return Unavailable(layout.new_credentials());
  return SyncFolder(layout.directory());
}

}  // namespace kms::server
