// OperationsTest: calls handlers by name with a JSON body, on a Kms in memory.

#ifndef KMS_TESTS_OPERATIONS_FIXTURE_H_
#define KMS_TESTS_OPERATIONS_FIXTURE_H_

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/arguments.h"
#include "api/call.h"
#include "keys/fixture.h"
#include "kms/encoding.h"

namespace kms::server::testing {

using boost::json::object;

class OperationsTest : public kms::testing::KmsTest {
 protected:
  OperationsTest() { me.region = "region-1"; }

  // Reads `parameters` by the row of the operation, and calls its handler. The object
  // stays in memory that lives as long as the test.
  Result<object> Ask(std::string_view name, const object& parameters) {
    const Operation* const operation = FindOperation(name);
    EXPECT_NE(operation, nullptr) << name;
    const std::string body = boost::json::serialize(parameters);
    KMS_TRY(const RequestBody parsed, RequestBody::Parse(AsBytes(body), arena));
    KMS_TRY(const Arguments arguments,
            Arguments::Read(*operation, parsed, {}, {}, arena));
    lane = operation->choose_lane != nullptr ? operation->choose_lane(arguments)
                                             : operation->lane;
    Call call{*kms, *dialect, *operation, me, storage, site};
    return operation->handler(call, arguments);
  }

  // The result of what must succeed.
  object Must(std::string_view name, const object& parameters) {
    Result<object> result = Ask(name, parameters);
    EXPECT_THAT(result, kms::testing::IsOk()) << name;
    if (!result) return object(storage);
    EXPECT_EQ(*result->storage(), *storage) << "the result left the wiped memory";
    return std::move(result).value();
  }

  object NewKeyParameters() const {
    return {{"protectionLevel", "1"},
            {"keySpec", "AES_256"},
            {"regionId", "region-1"},
            {"keyUsage", "1"},
            {"enableAutomaticRotation", "false"},
            {"origin", "KMS"}};
  }
  std::string Create(const object& changes = {}) {
    object parameters = NewKeyParameters();
    for (const auto& [name, value] : changes) parameters[name] = value;
    return Text(Must("createKey", parameters), "cmkUuid");
  }
  std::string FirstVersion(const std::string& key) {
    return Text(Must("listKeyVersions", {{"cmkUuid", key}})
                    .at("content")
                    .as_array()
                    .at(0)
                    .as_object(),
                "primaryKeyVersion");
  }

  static std::string Text(const object& result, std::string_view name) {
    return std::string(result.at(name).as_string());
  }
  static std::string Base64(std::string_view text) { return ToBase64(AsBytes(text)); }

  Arena arena;
  const boost::json::storage_ptr storage =
      boost::json::make_shared_resource<boost::json::monotonic_resource>();
  const std::unique_ptr<Dialect> dialect = NewSeedDialect();
  Site site;
  Lane lane = Lane::kCommit;  // of the last call
};

}  // namespace kms::server::testing

#endif  // KMS_TESTS_OPERATIONS_FIXTURE_H_
