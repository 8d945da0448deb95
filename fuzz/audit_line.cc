// A call of any texts makes one line of the trail that is read back as it was told, and a
// line that was changed is none, or has another hash.

#include <string>

#include "api/text.h"
#include "audit/line.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::audit;

constexpr std::size_t kLongest = 256;

// What a line keeps of a text as it is.
bool IsKept(std::string_view text) {
  return text.size() <= kLongest && server::IsUtf8(text);
}

void RequireSame(std::string_view read, std::string_view told) {
  if (IsKept(told)) Require(read == told, "a text is read back");
  Require(read.size() <= 2 * kLongest, "a line is bounded");
}

}  // namespace

// An edit of the line, and the texts of a call, one after the other up to an 0x1e.
void audit_line(ByteView bytes) {
  Input input(bytes);
  Input edit(input.Take(4));
  AuditCall call;
  for (std::string_view* const text :
       {&call.request_id, &call.account, &call.user, &call.access_key, &call.source,
        &call.operation, &call.region, &call.key, &call.version, &call.code})
    *text = input.TextUpTo('\x1e');
  std::string members;
  WriteCall(call, members);
  Sealer sealer(Link{});
  std::string line;
  sealer.Seal(members, line);
  Require(!line.empty() && line.find('\n') == line.size() - 1, "it is one line");
  line.pop_back();

  const auto read = ParseLine(line);
  Require(read.has_value(), "it is read");
  Require(read->seq == 1 && HashLine(Digest32{}, line) == read->hash, "its hash fits");
  const AuditEvent event = EventOf(*read);
  RequireSame(event.request_id, call.request_id);
  RequireSame(event.source, call.source);
  RequireSame(event.operation, call.operation);
  RequireSame(event.key, call.key);
  RequireSame(event.code, call.code);

  Bytes changed(line.begin(), line.end());
  Edit(edit, changed);
  const std::string_view text = AsText(changed);
  if (text == line) return;
  const auto other = ParseLine(text);
  Require(!other || HashLine(Digest32{}, text) != other->hash, "a change shows");
}

}  // namespace kms::fuzz::targets
