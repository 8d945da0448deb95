#include "kmsctl/failure.h"
#include "kmsctl/session.h"

namespace kms::server {
namespace {

// What a server says goes to a terminal: control characters stay out.
std::string Printable(std::string_view text) {
  std::string printable(text);
  for (char& c : printable)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return printable;
}

const boost::json::object* ObjectIn(const boost::json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value ? value->if_object() : nullptr;
}

}  // namespace

std::string_view TextOf(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

Result<boost::json::object> ReadAnswer(const HttpAnswer& answer) {
  const auto parsed = ParseWiped(View(answer.body));
  const auto* whole = parsed ? (*parsed).if_object() : nullptr;
  const std::string status = "HTTP status " + std::to_string(answer.status);
  if (!whole) {
    if (answer.status == 200) return ConnectionError("the answer is not one of a KMS");
    return RefusedError(status);
  }
  const auto code = TextOf(*whole, "errorCode");
  if (answer.status != 200 || !code.empty()) {
    std::string text = code.empty() ? status : Printable(code);
    // An access point says "msg".
    for (const char* const name : {"message", "msg"})
      if (const auto message = TextOf(*whole, name); !message.empty())
        text += ": " + Printable(message);
    if (const auto id = TextOf(*whole, "requestId"); !id.empty())
      text += "\nrequest id: " + Printable(id);
    return RefusedError(text);
  }
  if (const auto* data = ObjectIn(*whole, "data"))
    return boost::json::object(*data, whole->storage());
  // encrypt answers without the outer wrapping.
  const auto* inner = ObjectIn(*whole, "returnObj");
  const auto* result = ObjectIn(inner ? *inner : *whole, "result");
  return result ? boost::json::object(*result, whole->storage())
                : boost::json::object(NewWipedStorage());
}

}  // namespace kms::server
