#include "kmsctl/credentials.h"

#include <boost/json/object.hpp>
#include <string_view>

#include "kms/bytes.h"
#include "kmsctl/failure.h"
#include "kmsctl/input_file.h"
#include "kmsctl/wiped_json.h"

namespace kms::server {
namespace {

std::string_view Member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

}  // namespace

Result<Credentials> ReadCredentials(const std::string& path) {
  KMS_TRY(const WipedString text, ReadInput(path));
  const auto parsed = ParseWiped(View(text));
  const auto* object = parsed ? (*parsed).if_object() : nullptr;
  if (!object) return UsageError(path + ": not a credentials file");
  for (const std::string_view name : {"accessKey", "secretKey", "regionId", "endpoint"})
    if (Member(*object, name).empty())
      return UsageError(path + ": " + std::string(name) + " is missing");
  Credentials read;
  read.account = Member(*object, "accountId");
  read.user = Member(*object, "userId");
  read.access_key = Member(*object, "accessKey");
  read.secret_key = SecretBytes::CopyOf(AsBytes(Member(*object, "secretKey")));
  read.region = Member(*object, "regionId");
  read.endpoint = Member(*object, "endpoint");
  read.ca_file = Member(*object, "caFile");
  if (const auto scheme = Member(*object, "scheme"); !scheme.empty()) {
    if (scheme != "eop" && scheme != "access-point")
      return UsageError(path + ": scheme is neither eop nor access-point");
    read.access_point = scheme == "access-point";
  }
  if (const auto slash = path.rfind('/');
      !read.ca_file.empty() && read.ca_file.front() != '/' && slash != std::string::npos)
    read.ca_file.insert(0, path, 0, slash + 1);
  return read;
}

}  // namespace kms::server
