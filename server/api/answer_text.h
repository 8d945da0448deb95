// What the dialects share in writing answers: the texts of the error table, and JSON that
// goes straight into memory that is wiped.

#ifndef KMS_SERVER_API_ANSWER_TEXT_H_
#define KMS_SERVER_API_ANSWER_TEXT_H_

#include <boost/json/object.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "http/wiped_string.h"
#include "kms/result.h"

namespace kms::server {

inline constexpr std::size_t kAnswerChunk = 1024;

// A row of the error table, as clients are told.
struct ErrorText {
  int status;
  std::string_view english;
  std::string_view chinese;
};

const ErrorText& TextOf(Reason reason);

// The English text, with `note` unless the service itself failed.
std::string MessageOf(Reason reason, std::string_view note);

void AppendJson(WipedString& out, const boost::json::object& object);
// Quoted.
void AppendJson(WipedString& out, std::string_view text);

}  // namespace kms::server

#endif  // KMS_SERVER_API_ANSWER_TEXT_H_
