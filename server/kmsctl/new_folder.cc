#include "kmsctl/new_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kmsctl/failure.h"

namespace kms::server {
namespace {

namespace fs = std::filesystem;

Error Failed(const std::string& path) {
  return LocalFileError(path + ": " + std::strerror(errno));
}

Error Taken(const std::string& path) {
  return Error(ErrorClass::kAlreadyExists, Reason::kBadParameter,
               path + " is there already, and is not an empty folder");
}

Result<void> Sync(const std::string& folder) {
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return Failed(folder);
  const int synced = ::fsync(opened);
  ::close(opened);
  if (synced != 0) return Failed(folder);
  return {};
}

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

Result<std::unique_ptr<NewFolder>> NewFolder::Beside(const std::string& path) {
  std::string place = WithoutSlash(path);
  std::error_code failure;
  const auto found = fs::symlink_status(place, failure);
  if (fs::exists(found) && (!fs::is_directory(found) || !fs::is_empty(place, failure)))
    return Taken(place);
  if (failure && failure != std::errc::no_such_file_or_directory)
    return LocalFileError(place + ": " + failure.message());
  const std::string name = place;
  return Make(std::move(place), name);
}

Result<std::unique_ptr<NewFolder>> NewFolder::Within(const std::string& folder) {
  return Make({}, WithoutSlash(folder) + "/kmsctl");
}

Result<std::unique_ptr<NewFolder>> NewFolder::Make(std::string place,
                                                   const std::string& name) {
  std::string pattern = name + ".XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return Failed(pattern);  // mode 0700
  return std::unique_ptr<NewFolder>(new NewFolder(std::move(place), std::move(pattern)));
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

Result<void> NewFolder::Commit() {
  KMS_CHECK_OK(Sync(temporary_));
  // Over an empty folder a rename succeeds, and over anything else it does not.
  if (std::rename(temporary_.c_str(), place_.c_str()) != 0)
    return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? Taken(place_)
                                                                     : Failed(place_);
  temporary_.clear();
  const auto slash = place_.rfind('/');
  return Sync(slash == std::string::npos ? "." : place_.substr(0, slash + 1));
}

}  // namespace kms::server
