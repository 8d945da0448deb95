// A body that is read as a request, a parser without our rules reads too, as the same
// members; and what access points sign of it are the same values.

#include "api/request_body.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "signer/signed_members.h"
#include "target.h"

namespace kms::fuzz::targets {
namespace {

using Type = server::RequestBody::Type;

bool SameTexts(const boost::json::value& value, std::span<const std::string_view> items) {
  std::size_t at = 0;
  if (value.is_array()) {
    for (const auto& item : value.get_array())
      if (at == items.size() || !item.is_string() || item.get_string() != items[at++])
        return false;
  } else {
    for (const auto& item : value.get_object())
      if (at + 2 > items.size() || item.key() != items[at++] ||
          !item.value().is_string() || item.value().get_string() != items[at++])
        return false;
  }
  return at == items.size();
}

bool Same(const server::RequestBody& body, const server::RequestBody::Member& member,
          const boost::json::value& value) {
  switch (member.type) {
    case Type::kText:
      return value.is_string() && value.get_string() == member.text;
    case Type::kNumber:
      return value.is_number() && boost::json::parse(member.text) == value;
    case Type::kBoolean:
      return value.is_bool() && (value.get_bool() ? "true" : "false") == member.text;
    case Type::kNull:
      return value.is_null() && member.text.empty();
    case Type::kTexts:
      return value.is_array() && SameTexts(value, body.ItemsOf(member));
    case Type::kTextMap:
      return value.is_object() && SameTexts(value, body.ItemsOf(member));
    case Type::kNested:
      return value.is_structured();
  }
  return false;
}

}  // namespace

// The body as it is.
void request_body(ByteView bytes) {
  server::Arena arena;
  const auto body = server::RequestBody::Parse(bytes, arena);
  if (!body || bytes.empty()) return;
  boost::system::error_code error;
  const auto value = boost::json::parse(AsText(bytes), error);
  Require(!error && value.is_object(), "another parser reads an object");
  Require(value.get_object().size() == body->members().size(), "of as many members");
  const auto signed_members = SignedMembers::Read(bytes);
  Require(signed_members.has_value(), "access points can sign it");
  const auto& of_signer = signed_members->members();
  Require(of_signer.size() == body->members().size(), "they sign every member");
  for (std::size_t i = 0; i < of_signer.size(); ++i) {
    const auto& member = body->members()[i];
    const auto* const found = value.get_object().if_contains(member.name);
    Require(found != nullptr && Same(*body, member, *found), "a member is the same");
    Require(of_signer[i].name == member.name, "its name is signed");
    if (found->is_structured()) {
      Require(boost::json::parse(of_signer[i].value) == *found, "its value is signed");
    } else {
      Require(of_signer[i].value == member.text, "its text is signed");
    }
  }
}

}  // namespace kms::fuzz::targets
