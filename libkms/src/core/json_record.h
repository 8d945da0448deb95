// Records as JSON objects. A record type names its members once, in a function
//
//   template <typename Archive> void Members(Archive& archive, MyRecord& record);
//
// in namespace kms, which both writes and reads them. Every record carries its format
// version "v"; reading refuses a newer version and anything malformed as corrupt.
// Empty bytes and absent optionals are left out. An enumeration has a function
// Values(MyEnum) that tells how many values it has.

#ifndef KMS_CORE_JSON_RECORD_H_
#define KMS_CORE_JSON_RECORD_H_

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kms/encoding.h"
#include "kms/result.h"

namespace kms {

// The format of every record and index in the store.
inline constexpr int kRecordFormat = 1;

namespace record_internal {

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

struct Writer {
  boost::json::object& object;

  template <typename T>
  void operator()(std::string_view name, const T& value) {
    if constexpr (IsOptional<T>::value) {
      if (value) (*this)(name, *value);
    } else if constexpr (std::is_same_v<T, Bytes>) {
      if (!value.empty()) object[name] = ToBase64(value);
    } else if constexpr (std::is_enum_v<T>) {
      object[name] = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      object[name] = boost::json::value_from(value);
    } else {
      object[name] = value;
    }
  }
};

// Throws std::exception on anything unexpected; ReadRecord catches it.
struct MemberReader {
  const boost::json::object& object;

  template <typename T>
  void operator()(std::string_view name, T& value) {
    if constexpr (IsOptional<T>::value) {
      if (object.contains(name)) (*this)(name, value.emplace());
    } else if constexpr (std::is_same_v<T, Bytes>) {
      const boost::json::value* found = object.if_contains(name);
      if (found == nullptr) return;
      auto bytes = FromBase64(found->as_string());
      if (!bytes) throw std::invalid_argument("base64");
      value = *std::move(bytes);
    } else if constexpr (std::is_enum_v<T>) {
      const auto number = boost::json::value_to<std::int64_t>(object.at(name));
      if (number < 0 || number >= Values(T{})) throw std::out_of_range("enumeration");
      value = static_cast<T>(number);
    } else {
      value = boost::json::value_to<T>(object.at(name));
    }
  }
};

inline Error Corrupt(std::string detail) {
  return Error(ErrorClass::kCorrupt, Reason::kInternal, std::move(detail));
}

}  // namespace record_internal

template <typename Record>
std::string WriteRecord(const Record& record) {
  boost::json::object object;
  object["v"] = kRecordFormat;
  record_internal::Writer writer{object};
  // Members takes what it could also read into; a writer changes nothing.
  Members(writer, const_cast<Record&>(record));
  return boost::json::serialize(object);
}

template <typename Record>
Result<Record> ReadRecord(std::string_view text) {
  using record_internal::Corrupt;
  try {
    boost::system::error_code error;
    const boost::json::value value =
        boost::json::parse({text.data(), text.size()}, error);
    if (error || !value.is_object()) return Corrupt("a record is no JSON object");
    const boost::json::object& object = value.as_object();
    if (boost::json::value_to<int>(object.at("v")) > kRecordFormat)
      return Corrupt("a record has a newer format");
    Record record;
    record_internal::MemberReader reader{object};
    Members(reader, record);
    return record;
  } catch (const std::exception& e) {
    return Corrupt(std::string("a record is malformed: ") + e.what());
  }
}

}  // namespace kms

#endif  // KMS_CORE_JSON_RECORD_H_
