// What the operations under /v1/iam share. They are our own: the manual shows the pages
// of 4.8, and no interface of them.

#ifndef KMS_SERVER_API_OPERATIONS_IAM_SHARED_H_
#define KMS_SERVER_API_OPERATIONS_IAM_SHARED_H_

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <span>
#include <string_view>

#include "api/operations/shared.h"
#include "kms/iam.h"

namespace kms::server {

inline constexpr std::string_view kIamSection = "4.8";

constexpr Parameter IdParameter(std::string_view name, std::string_view note,
                                bool required = true) {
  return {
      .name = name, .required = required, .kind = Kind::kText, .max = 64, .note = note};
}

constexpr Parameter NameParameter(std::string_view name) {
  return {.name = name,
          .required = true,
          .kind = Kind::kText,
          .max = 64,
          .note = "1 to 64 letters, digits and `-_.@`"};
}

constexpr Parameter NotesParameter(bool required = false) {
  return {.name = "description",
          .required = required,
          .kind = Kind::kText,
          .max = 1024,
          .may_be_empty = true,
          .note = "free text of at most 1024 bytes"};
}

constexpr Parameter ProjectParameter(bool required, std::string_view note) {
  return IdParameter("epId", note, required);
}

inline constexpr Parameter kIamPageNumber = {.name = "pageNumber",
                                             .kind = Kind::kInteger,
                                             .min = 0,
                                             .max = 2147483647,
                                             .note = "default 0"};
inline constexpr Parameter kIamPageSize = {.name = "pageSize",
                                           .kind = Kind::kInteger,
                                           .min = 1,
                                           .max = 100,
                                           .note = "default 10"};
inline constexpr Parameter kIamPage[] = {kIamPageNumber, kIamPageSize};

constexpr Operation IamChange(std::string_view name,
                              std::span<const std::string_view> paths,
                              std::string_view action, std::string_view summary,
                              Handler handler, std::span<const Parameter> parameters,
                              std::span<const std::string_view> result = {}) {
  return {.name = name,
          .group = "iam",
          .paths = paths,
          .action = action,
          .write = true,
          .mutates = true,
          .parameters = parameters,
          .result = result,
          .section = kIamSection,
          .summary = summary,
          .handler = handler};
}

constexpr Operation IamRead(std::string_view name,
                            std::span<const std::string_view> paths,
                            std::string_view action, std::string_view summary,
                            Handler handler, std::span<const Parameter> parameters,
                            std::span<const std::string_view> result) {
  return {.name = name,
          .group = "iam",
          .paths = paths,
          .action = action,
          .parameters = parameters,
          .result = result,
          .section = kIamSection,
          .summary = summary,
          .handler = handler};
}

// NewNamedOf is the name under `parameter`, and the description.
inline NewNamed NewNamedOf(const Arguments& arguments, std::string_view parameter) {
  return {arguments.Text(parameter), arguments.Text("description")};
}

// WriteList writes a page: `write` fills the object of an item.
template <typename Item, typename Write>
boost::json::object WriteList(Call& call, const AskedPage& page, const Page<Item>& listed,
                              Write write) {
  boost::json::object result(call.storage);
  boost::json::array& content = result["content"].emplace_array();
  for (const Item& item : listed.items)
    write(call, item, content.emplace_back(boost::json::object_kind).get_object());
  PutPage(result, page, listed.total);
  return result;
}

inline void PutDate(Call& call, boost::json::object& result, std::string_view name,
                    UnixMillis time) {
  Put(result, name, time == 0 ? std::string() : call.dialect.Date(time));
}

// WriteUser writes a user: iam_users.cc has it for lists of groups, too.
void WriteUser(Call& call, const UserDescription& user, boost::json::object& result);

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPERATIONS_IAM_SHARED_H_
