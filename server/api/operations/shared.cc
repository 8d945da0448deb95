#include "api/operations/shared.h"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <utility>
#include <vector>

#include "kms/encoding.h"

namespace kms::server {

Result<std::optional<int>> RotationDays(const Arguments& arguments) {
  if (!arguments.Boolean("enableAutomaticRotation")) return std::optional<int>();
  if (!arguments.Has("rotationInterval"))
    return Error(Reason::kRotationIntervalMissing).About("rotationInterval");
  return std::optional<int>(static_cast<int>(arguments.Integer("rotationInterval")));
}

Result<EncryptionContext> ContextOf(const Arguments& arguments, std::string_view name) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  const auto items = arguments.Texts(name);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2)
    pairs.emplace_back(items[i], items[i + 1]);
  auto context = EncryptionContext::Of(std::move(pairs));
  if (!context) return std::move(context).error().About(name);
  return context;
}

Result<void> CheckUser(const Call& call, const Arguments& arguments) {
  // Not said, where an access point implies it.
  if (!arguments.Has("userId")) return {};
  const std::string_view user = arguments.Text("userId");
  const Principal& caller = call.context.principal;
  if (user != caller.user && user != caller.account)
    return Error(Reason::kDenied).About("userId");
  return {};
}

TagFilter TagFilterOf(const Arguments& arguments, std::string_view key,
                      std::string_view value) {
  TagFilter filter;
  if (arguments.Has(key)) filter.key = arguments.Text(key);
  if (arguments.Has(value)) filter.value = arguments.Text(value);
  return filter;
}

std::optional<TagFilter> TagFilterOf(const Arguments& arguments) {
  if (!arguments.Has(kTagKeyFilter) && !arguments.Has(kTagValueFilter)) return {};
  return TagFilterOf(arguments, kTagKeyFilter, kTagValueFilter);
}

std::string_view SpellingOf(KeySpec spec) {
  for (const Choice& choice : kKeySpecChoices)
    if (choice.value == static_cast<int>(spec)) return choice.spelling;
  return {};
}

void Put(boost::json::object& result, std::string_view name, std::string_view text) {
  result[name].emplace_string().assign(text.data(), text.size());
}

void Put(boost::json::object& result, std::string_view name, std::int64_t number) {
  result[name].emplace_int64() = number;
}

void PutBase64(boost::json::object& result, std::string_view name, ByteView bytes) {
  // In place: a short text would leave a copy in a string of its own.
  boost::json::string& text = result[name].emplace_string();
  text.resize(Base64Size(bytes.size()));
  WriteBase64(bytes, text.data());
}

void PutTags(boost::json::object& result, std::string_view name,
             std::span<const Tag> tags) {
  boost::json::array& list = result[name].emplace_array();
  for (const Tag& tag : tags) {
    boost::json::object& item = list.emplace_back(boost::json::object_kind).get_object();
    Put(item, "labelId", tag.id);
    Put(item, "key", tag.key);
    Put(item, "value", tag.value);
  }
}

AskedPage PageOf(const Call& call, const Arguments& arguments, std::int64_t first) {
  AskedPage page;
  page.number = arguments.Integer("pageNumber", first);
  page.size = arguments.Integer("pageSize", 10);
  page.request.number = call.dialect.PageIndex(call.operation, page.number);
  page.request.size = static_cast<std::size_t>(page.size);
  return page;
}

void PutPage(boost::json::object& result, const AskedPage& page, std::size_t total) {
  const auto count = static_cast<std::int64_t>(total);
  for (const std::string_view name : {"pageNumber", "number"})
    Put(result, name, page.number);
  for (const std::string_view name : {"pageSize", "size"}) Put(result, name, page.size);
  for (const std::string_view name : {"totalCount", "totalElements"})
    Put(result, name, count);
}

}  // namespace kms::server
