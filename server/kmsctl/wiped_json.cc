#include "kmsctl/wiped_json.h"

#include <boost/json/memory_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "kms/encoding.h"
#include "kms/secret_bytes.h"
#include "kmsctl/failure.h"

namespace kms::server {
namespace {

class WipingResource final : public boost::json::memory_resource {
  // Boost.JSON gives keys back with another alignment than it asked for, and needs none
  // beyond the usual.
  void* do_allocate(std::size_t size, std::size_t) override {
    return ::operator new(size);
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t) override {
    Wipe(std::span(static_cast<std::uint8_t*>(memory), size));
    ::operator delete(memory);
  }
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

void AppendLine(WipedString& text, int level) {
  text.push_back('\n');
  text.insert(text.end(), static_cast<std::size_t>(level) * 2, ' ');
}

void AppendValue(WipedString& text, const boost::json::value& value, int level) {
  if (const auto* object = value.if_object(); object && !object->empty()) {
    text.push_back('{');
    for (bool first = true; const auto& member : *object) {
      if (!std::exchange(first, false)) text.push_back(',');
      AppendLine(text, level + 1);
      AppendQuoted(text, {member.key().data(), member.key().size()});
      Append(text, ": ");
      AppendValue(text, member.value(), level + 1);
    }
    AppendLine(text, level);
    text.push_back('}');
  } else if (const auto* array = value.if_array(); array && !array->empty()) {
    text.push_back('[');
    for (bool first = true; const auto& item : *array) {
      if (!std::exchange(first, false)) text.push_back(',');
      AppendLine(text, level + 1);
      AppendValue(text, item, level + 1);
    }
    AppendLine(text, level);
    text.push_back(']');
  } else if (const auto* string = value.if_string()) {
    AppendQuoted(text, {string->data(), string->size()});
  } else {
    Append(text, boost::json::serialize(value));
  }
}

}  // namespace

void AppendQuoted(WipedString& text, std::string_view value) {
  constexpr char kDigits[] = "0123456789abcdef";
  text.push_back('"');
  for (const char c : value) {
    if (const auto code = static_cast<unsigned char>(c); code < 0x20) {
      Append(text, "\\u00");
      text.push_back(kDigits[code >> 4]);
      text.push_back(kDigits[code & 15]);
    } else {
      if (c == '"' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
  }
  text.push_back('"');
}

void AppendPretty(WipedString& text, const boost::json::value& value) {
  AppendValue(text, value, 0);
}

boost::json::storage_ptr NewWipedStorage() {
  return boost::json::make_shared_resource<WipingResource>();
}

Result<boost::json::value> ParseWiped(std::string_view text) {
  boost::json::error_code error;
  auto value = boost::json::parse({text.data(), text.size()}, error, NewWipedStorage());
  if (error) return UsageError("not JSON: " + error.message());
  return value;
}

void JsonObject::Name(std::string_view name) {
  text_.push_back(text_.empty() ? '{' : ',');
  AppendQuoted(text_, name);
  text_.push_back(':');
}

JsonObject& JsonObject::Text(std::string_view name, std::string_view value) {
  Name(name);
  AppendQuoted(text_, value);
  return *this;
}

JsonObject& JsonObject::Base64(std::string_view name, ByteView bytes) {
  Name(name);
  text_.push_back('"');
  const std::size_t begin = text_.size();
  text_.resize(begin + Base64Size(bytes.size()));
  WriteBase64(bytes, text_.data() + begin);
  text_.push_back('"');
  return *this;
}

JsonObject& JsonObject::Raw(std::string_view name, std::string_view json) {
  Name(name);
  Append(text_, json);
  return *this;
}

WipedString JsonObject::Take() {
  WipedString taken = std::exchange(text_, {});
  if (taken.empty()) taken.push_back('{');
  taken.push_back('}');
  return taken;
}

}  // namespace kms::server
