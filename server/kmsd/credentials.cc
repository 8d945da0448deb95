#include "kmsd/credentials.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "kmsd/files.h"

namespace kms::server {
namespace {

void AppendMember(WipedString& text, std::string_view name, std::string_view value,
                  bool last = false) {
  Append(text, "  \"");
  Append(text, name);
  Append(text, "\": ");
  Append(text, boost::json::serialize(boost::json::value(value)));
  Append(text, last ? "\n" : ",\n");
}

}  // namespace

WipedString CredentialsText(const NewAccessKey& key, const CredentialsContent& content) {
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
  return text;
}

Result<void> WriteCredentials(const std::string& path, const NewAccessKey& key,
                              const CredentialsContent& content) {
  const WipedString text = CredentialsText(key, content);
  // What an interrupted attempt left is worth nothing.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(path);
  const OwnedFile file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return FileError(path);
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t n = ::write(file.get(), text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(path);
    written += static_cast<std::size_t>(n);
  }
  if (::fsync(file.get()) != 0) return FileError(path);
  return SyncFolderOf(path);
}

Result<void> PublishCredentials(const std::string& path, const DataLayout& layout) {
  if (std::rename(path.c_str(), layout.credentials().c_str()) != 0)
    return FileError(path);
  return SyncFolderOf(path);
}

}  // namespace kms::server
