// JSON that may hold plaintext: text that is written into wiped memory, and parsed
// values that live in it.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_WIPED_JSON_H_
#define KMS_SERVER_KMSCTL_WIPED_JSON_H_

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "http/wiped_string.h"
#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::server {

// AppendQuoted appends `value` as a JSON string. UTF-8 stays as it is.
void AppendQuoted(WipedString& text, std::string_view value);

// AppendPretty appends `value` over several lines, indented by two blanks a level.
void AppendPretty(WipedString& text, const boost::json::value& value);

inline std::string_view View(const WipedString& text) {
  return {text.data(), text.size()};
}

// NewWipedStorage returns memory for parsed values, wiped when it is given back.
boost::json::storage_ptr NewWipedStorage();

// ParseWiped parses a whole document.
// Fails: kInvalidArgument.
Result<boost::json::value> ParseWiped(std::string_view text);

// JsonObject writes the body of a request member by member.
class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view value);
  JsonObject& Base64(std::string_view name, ByteView bytes);
  JsonObject& Raw(std::string_view name, std::string_view json);  // known to be JSON
  // The finished object; the writer is empty afterwards.
  WipedString Take();

 private:
  void Name(std::string_view name);
  WipedString text_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_WIPED_JSON_H_
