#include <memory>

#include "kms/encoding.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/file_digest.h"
#include "kmsctl/input_file.h"

namespace kms::server {
namespace {

struct SignatureOptions {
  std::string key;
  std::string version;
  std::string algorithm = "RSA_PSS_SHA_256";
  std::string file;
  std::string digest;  // hexadecimal
  std::string signature;
};

using Options = std::shared_ptr<SignatureOptions>;

Result<boost::json::object> GetPublicKey(Session& session, const std::string& key,
                                         const std::string& version) {
  JsonObject body;
  body.Text("cmkUuid", key).Text("keyVersionId", version);
  return session.Call("getPublicKey", std::move(body));
}

// For RSA the SHA-256 of the file; for SM2 the e of GB/T 32918.2, which depends on the
// public key.
Result<Digest32> DigestOf(Session& session, const SignatureOptions& options,
                          const std::string& version) {
  if (!options.digest.empty()) return DigestFromHex(options.digest);
  if (options.file.empty()) return UsageError("a file or --digest is needed");
  if (!options.algorithm.starts_with("SM2")) return Sha256OfFile(options.file);
  KMS_TRY(const auto key, GetPublicKey(session, options.key, version));
  return Sm2DigestOfFile(options.file, TextOf(key, "publicKey"));
}

Result<JsonObject> Begin(Session& session, const SignatureOptions& options) {
  KMS_TRY(const std::string version,
          NewestVersion(session, options.key, options.version));
  KMS_TRY(const Digest32 digest, DigestOf(session, options, version));
  JsonObject body;
  body.Text("cmkUuid", options.key)
      .Text("keyVersionId", version)
      .Text("algorithm", options.algorithm)
      .Base64("digest", digest);
  return body;
}

Result<void> Sign(Session& session, Format format, const SignatureOptions& options) {
  KMS_TRY(JsonObject body, Begin(session, options));
  if (format == Format::kJson)
    return Show(session, format, "asymmetricSign", std::move(body));
  KMS_TRY(const auto result, session.Call("asymmetricSign", std::move(body)));
  return WriteOutput(AsBytes(std::string(TextOf(result, "value")) + "\n"));
}

// The value is a text or a boolean.
bool IsTrue(const boost::json::object& result) {
  const auto* value = result.if_contains("value");
  return value &&
         ((value->is_bool() && value->get_bool()) || TextOf(result, "value") == "true");
}

Result<void> Verify(Session& session, Format format, const SignatureOptions& options) {
  KMS_TRY(JsonObject body, Begin(session, options));
  KMS_TRY(const WipedString signature, ReadInput(options.signature));
  std::string_view text = View(signature);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  body.Text("value", text);
  KMS_TRY(const auto result, session.Call("asymmetricVerify", std::move(body)));
  KMS_CHECK_OK(WriteOutput(AsBytes(View(FormatResult(result, format)))));
  if (!IsTrue(result)) return RefusedError("the signature is not valid");
  return {};
}

Result<void> PublicKey(Session& session, Format format, const SignatureOptions& options) {
  KMS_TRY(const std::string version,
          NewestVersion(session, options.key, options.version));
  if (format == Format::kJson) {
    JsonObject body;
    body.Text("cmkUuid", options.key).Text("keyVersionId", version);
    return Show(session, format, "getPublicKey", std::move(body));
  }
  KMS_TRY(const auto result, GetPublicKey(session, options.key, version));
  std::string pem(TextOf(result, "publicKey"));
  if (!pem.ends_with('\n')) pem.push_back('\n');
  return WriteOutput(AsBytes(pem));
}

using Run = Result<void> (*)(Session&, Format, const SignatureOptions&);

CLI::App* Add(CLI::App& app, Order& order, const Options& options, const char* name,
              const char* help, Run run) {
  auto* command = app.add_subcommand(name, help);
  command->add_option("key", options->key, "Id or alias of the key")->required();
  command->add_option("--version", options->version, "Its version; default: the newest");
  command->callback([&order, options, run] {
    order.task = [&order, options, run](Session& session) {
      return run(session, order.format, *options);
    };
  });
  return command;
}

void TakeMessage(CLI::App* command, const Options& options) {
  command->add_option("file", options->file,
                      "File; its SHA-256 is signed, or the e of SM2");
  command->add_option("--digest", options->digest, "The digest instead, hexadecimal");
  command
      ->add_option("--algorithm", options->algorithm,
                   "RSA_PSS_SHA_256, RSA_PKCS1_SHA_256 or SM2DSA")
      ->capture_default_str();
}

}  // namespace

void AddSignatureCommands(CLI::App& app, Order& order) {
  auto options = std::make_shared<SignatureOptions>();
  TakeMessage(
      Add(app, order, options, "sign", "Sign a file or a digest; prints base64", Sign),
      options);
  auto* verify = Add(app, order, options, "verify",
                     "Verify a signature; the exit status tells", Verify);
  TakeMessage(verify, options);
  verify
      ->add_option("--signature", options->signature,
                   "File with the base64 of the signature; - is the standard input")
      ->required();
  Add(app, order, options, "public-key", "Print the public key (PEM)", PublicKey);
}

}  // namespace kms::server
