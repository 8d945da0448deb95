#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "kms/placement.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/offline_store.h"

namespace kms::server {
namespace {

struct InspectOptions {
  std::string key;
  std::string data;
};

std::string_view NameOf(KeySpec spec) {
  switch (spec) {
    case KeySpec::kAes256:
      return "AES_256";
    case KeySpec::kSm4:
      return "Ctyun_SM4";
    case KeySpec::kRsa2048:
      return "RSA_2048";
    case KeySpec::kSm2:
      return "Ctyun_SM2";
  }
  return {};
}

std::string Whereabouts(const KeyPlacement& version) {
  if (!version.has_material) return "no material: it was deleted or has expired";
  const std::string root = "HSM root key " + std::to_string(version.root);
  if (version.in_token) return "an object in the token of " + root;
  return "in the store, " + std::to_string(version.sealed_bytes) + " bytes under " +
         (version.root == 0 ? "the software root key" : root);
}

boost::json::object ToRow(const KeyPlacement& version) {
  boost::json::object row;
  row["account"] = version.account;
  row["region"] = version.region;
  row["key"] = version.key;
  row["spec"] = NameOf(version.spec);
  row["level"] = version.level == ProtectionLevel::kHsm ? "hsm" : "software";
  row["version"] = version.version;
  row["primary"] = version.primary;
  row["material"] = Whereabouts(version);
  return row;
}

// Reads the store, beside a running kmsd or without one.
Result<void> Inspect(Format format, const InspectOptions& options) {
  KMS_TRY(const auto store, OpenStoreOf(options.data));
  const auto found = FindKeyPlacement(*store, options.key);
  if (!found && found.error().reason() == Reason::kKeyNotFound)
    return RefusedError("there is no such key: " + options.key);
  if (!found) return found.error();
  boost::json::array versions;
  for (const KeyPlacement& version : *found) versions.push_back(ToRow(version));
  boost::json::object result;
  result["versions"] = std::move(versions);
  return WriteOutput(AsBytes(View(FormatResult(result, format))));
}

}  // namespace

void AddInspectCommand(CLI::App& group, Order& order) {
  auto options = std::make_shared<InspectOptions>();
  auto* command = group.add_subcommand(
      "inspect", "Tell where a key's material lives, on the machine and as kmsd's user");
  command->add_option("key", options->key, "Id or alias of the key")->required();
  command->add_option("--data", options->data, "Data directory of kmsd")->required();
  command->callback([&order, options] {
    order.offline_task = [&order, options] { return Inspect(order.format, *options); };
  });
}

}  // namespace kms::server
