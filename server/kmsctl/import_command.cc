#include <memory>

#include "kms/encoding.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/input_file.h"
#include "kmsctl/rsa_wrap.h"

namespace kms::server {
namespace {

struct ImportOptions {
  std::string key;
  std::string file;
  std::string expires = "0";
};

Result<void> Import(Session& session, Format format, const ImportOptions& options) {
  KMS_TRY(const WipedString material, ReadInput(options.file, 4096));
  JsonObject ask;
  ask.Text("cmkUuid", options.key)
      .Text("wrappingAlgorithm", "RSAES_OAEP_SHA_256")
      .Text("wrappingKeySpec", "RSA_2048");
  KMS_TRY(const auto parameters, session.Call("getParametersForImport", std::move(ask)));
  const auto public_key = FromBase64(TextOf(parameters, "publicKey"));
  if (!public_key) return ConnectionError("the answer holds no key to wrap with");
  KMS_TRY(const Bytes wrapped, WrapWithRsa(*public_key, AsBytes(View(material))));
  JsonObject body;
  body.Text("cmkUuid", options.key)
      .Text("keyMaterialExpireUnix", options.expires)
      .Text("importToken", TextOf(parameters, "importToken"))
      .Base64("encryptedKeyMaterial", wrapped);
  return Show(session, format, "importKeyMaterial", std::move(body));
}

}  // namespace

void AddImportCommand(CLI::App& app, Order& order) {
  auto options = std::make_shared<ImportOptions>();
  auto* command =
      app.add_subcommand("import", "Bring the material of a key made with --external");
  command->add_option("key", options->key, "Id or alias of the key")->required();
  command->add_option("file", options->file, "The material: 32 bytes, not encoded")
      ->required();
  command->add_option("--expires", options->expires, "Unix time; 0: never")
      ->capture_default_str();
  command->callback([&order, options] {
    order.task = [&order, options](Session& session) {
      return Import(session, order.format, *options);
    };
  });
}

}  // namespace kms::server
