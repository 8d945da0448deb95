#include "kmsd/admin_address.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

namespace kms::server {

Result<AdminAddress> AdminAddress::Of(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  AdminAddress made;
  made.folder_ = std::make_shared<const OwnedFile>(
      ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (made.folder_->get() < 0) return FileError(folder);
  const std::string name = "/proc/self/fd/" + std::to_string(made.folder_->get()) + "/" +
                           file.filename().string();
  if (name.size() >= sizeof made.address_.sun_path) return FileError(path);
  made.address_.sun_family = AF_UNIX;
  std::ranges::copy(name, made.address_.sun_path);
  return made;
}

}  // namespace kms::server
