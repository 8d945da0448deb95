// RequestBody: the JSON object of a request, read strictly.
//
// Stricter than the usual parser: duplicate members (also by escapes), numbers that
// no double or 64-bit integer holds, invalid UTF-8, lone surrogates, U+0000, nesting
// deeper than 32, more than 256 members in all, a byte order mark, and anything after the
// object are refused. Only members at the top are kept, with the texts of an array of
// texts and of an object of texts; any other nested value is checked and known to be one,
// no more.

#ifndef KMS_SERVER_API_REQUEST_BODY_H_
#define KMS_SERVER_API_REQUEST_BODY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::server {

// Arena: memory of one request, given back and wiped all at once.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();  // wipes

  std::span<std::uint8_t> Allocate(std::size_t size);
  std::string_view Keep(std::string_view text);

 private:
  struct Block {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t size = 0;
    std::size_t used = 0;
  };
  std::vector<Block> blocks_;
};

class RequestBody {
 public:
  enum class Type : std::uint8_t {
    kText,
    kNumber,
    kBoolean,
    kNull,
    kTexts,
    kTextMap,
    kNested
  };

  struct Member {
    std::string_view name;
    Type type = Type::kNull;
    // Of a text its characters, unescaped; of a number its digits as written; of a
    // boolean "true" or "false".
    std::string_view text;
    // Of an array or an object of texts: which of the body's items are its own.
    std::size_t first_item = 0;
    std::size_t item_count = 0;
  };

  // Parse reads `body`; an empty body is an empty object. Members point into `arena`.
  // Fails: Reason::kBadJson.
  static Result<RequestBody> Parse(ByteView body, Arena& arena);

  // Find returns the member of that name, or null.
  const Member* Find(std::string_view name) const;

  const std::vector<Member>& members() const { return members_; }

  // ItemsOf returns the texts of a kTexts; of a kTextMap each name before its text.
  std::span<const std::string_view> ItemsOf(const Member& member) const {
    return std::span(items_).subspan(member.first_item, member.item_count);
  }

 private:
  std::vector<Member> members_;
  std::vector<std::string_view> items_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_REQUEST_BODY_H_
