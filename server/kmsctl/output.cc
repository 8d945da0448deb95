#include "kmsctl/output.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstring>
#include <string>

#include "kmsctl/failure.h"
#include "kmsctl/wiped_json.h"

namespace kms::server {
namespace {

// A value of one line: what would break lines, columns or the terminal is blanked.
void AppendCell(WipedString& text, const boost::json::value& value) {
  const auto* string = value.if_string();
  if (!string) {
    Append(text, boost::json::serialize(value));
    return;
  }
  for (const char c : *string)
    text.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
}

void AppendTable(WipedString& text, const boost::json::array& items) {
  if (items.empty()) return;
  const auto* first = items.front().if_object();
  if (first) {
    for (const auto& column : *first) {
      if (&column != &*first->begin()) text.push_back('\t');
      Append(text, {column.key().data(), column.key().size()});
    }
    text.push_back('\n');
  }
  for (const auto& item : items) {
    const auto* object = item.if_object();
    if (!first || !object) {
      AppendCell(text, item);
    } else {
      for (const auto& column : *first) {
        if (&column != &*first->begin()) text.push_back('\t');
        if (const auto* value = object->if_contains(column.key()))
          AppendCell(text, *value);
      }
    }
    text.push_back('\n');
  }
}

void AppendText(WipedString& text, const boost::json::object& result) {
  for (const auto& member : result) {
    if (const auto* object = member.value().if_object()) {
      AppendText(text, *object);
    } else if (const auto* array = member.value().if_array()) {
      AppendTable(text, *array);
    } else {
      Append(text, {member.key().data(), member.key().size()});
      text.push_back('\t');
      AppendCell(text, member.value());
      text.push_back('\n');
    }
  }
}

}  // namespace

WipedString FormatResult(const boost::json::object& result, Format format) {
  WipedString text;
  if (format == Format::kText) {
    AppendText(text, result);
  } else {
    AppendPretty(text, boost::json::value(result, result.storage()));
    text.push_back('\n');
  }
  return text;
}

Result<void> WriteOutput(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return LocalFileError(std::string("standard output: ") + std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace kms::server
