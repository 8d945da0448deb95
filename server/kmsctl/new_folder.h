// NewFolder: a folder that is filled beside its place, mode 0700, and appears there only
// when it is complete; without that, nothing is left of it.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_NEW_FOLDER_H_
#define KMS_SERVER_KMSCTL_NEW_FOLDER_H_

#include <memory>
#include <string>

#include "kms/result.h"

namespace kms::server {

class NewFolder {
 public:
  // Beside makes one for the place `path`, where there is nothing, or an empty folder.
  // Fails: kAlreadyExists if there is something; kInternal.
  static Result<std::unique_ptr<NewFolder>> Beside(const std::string& path);
  // Within makes one in `folder` that never gets a place.
  // Fails: kInternal.
  static Result<std::unique_ptr<NewFolder>> Within(const std::string& folder);
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder();

  // Where it is until Commit.
  const std::string& path() const { return temporary_; }

  // Commit makes the names in it durable, and gives it its place. What took the place
  // meanwhile stays.
  // Fails: kAlreadyExists; kInternal.
  Result<void> Commit();

 private:
  static Result<std::unique_ptr<NewFolder>> Make(std::string place,
                                                 const std::string& name);
  NewFolder(std::string place, std::string temporary)
      : place_(std::move(place)), temporary_(std::move(temporary)) {}

  const std::string place_;
  std::string temporary_;  // empty: it has its place
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_NEW_FOLDER_H_
