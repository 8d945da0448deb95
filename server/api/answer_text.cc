#include "api/answer_text.h"

#include <algorithm>
#include <boost/json/serializer.hpp>

namespace kms::server {
namespace {

constexpr ErrorText kTexts[] = {
#define KMS_REASON(name, error_class, http, code, english, chinese) \
  {http, english, chinese},
#include "kms/error_table.def"
#undef KMS_REASON
};

// Writes what the serializer was given straight into `out`, so that no copy is left in
// a string that nobody wipes.
void AppendJson(WipedString& out, boost::json::serializer& serializer) {
  while (!serializer.done()) {
    const std::size_t size = out.size();
    out.resize(std::max(size + kAnswerChunk, out.capacity()));
    const auto written = serializer.read(out.data() + size, out.size() - size);
    out.resize(size + written.size());
  }
}

}  // namespace

const ErrorText& TextOf(Reason reason) {
  return kTexts[static_cast<std::size_t>(reason)];
}

std::string MessageOf(Reason reason, std::string_view note) {
  const ErrorText& row = TextOf(reason);
  std::string message(row.english);
  if (row.status < 500 && !note.empty()) message.append(": ").append(note);
  return message;
}

void AppendJson(WipedString& out, const boost::json::object& object) {
  // Room for what is long, so that it need not be moved on the way.
  std::size_t texts = 0;
  for (const auto& member : object)
    if (member.value().is_string()) texts += member.value().get_string().size();
  out.reserve(out.size() + texts + kAnswerChunk);
  boost::json::serializer serializer;
  serializer.reset(&object);
  AppendJson(out, serializer);
}

void AppendJson(WipedString& out, std::string_view text) {
  boost::json::serializer serializer;
  serializer.reset(boost::json::string_view(text.data(), text.size()));
  AppendJson(out, serializer);
}

}  // namespace kms::server
