#include <memory>

#include "kms/encoding.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/file_commands.h"
#include "kmsctl/input_file.h"
#include "kmsctl/output_file.h"

namespace kms::server {
namespace {

struct EncryptionOptions {
  std::string key;
  std::string input = "-";
  int bytes = 32;
  bool without_plaintext = false;
  FileJob file;
};

Result<void> Encrypt(Session& session, Format format, const EncryptionOptions& options) {
  KMS_TRY(const WipedString plaintext, ReadInput(options.input));
  JsonObject body;
  body.Text("cmkUuid", options.key).Base64("plaintext", AsBytes(View(plaintext)));
  if (format == Format::kJson) return Show(session, format, "encrypt", std::move(body));
  KMS_TRY(const auto result, session.Call("encrypt", std::move(body)));
  WipedString line;
  Append(line, TextOf(result, "ciphertextBlob"));
  line.push_back('\n');
  return WriteOutput(AsBytes(View(line)));
}

Result<void> Decrypt(Session& session, Format format, const EncryptionOptions& options) {
  KMS_TRY(const WipedString blob, ReadInput(options.input));
  std::string_view text = View(blob);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  JsonObject body;
  body.Text("ciphertextBlob", text);
  if (format == Format::kJson) return Show(session, format, "decrypt", std::move(body));
  KMS_TRY(const auto result, session.Call("decrypt", std::move(body)));
  const auto plaintext = SecretFromBase64(TextOf(result, "plaintext"));
  if (!plaintext) return ConnectionError("the answer holds no plaintext");
  return WriteOutput(plaintext->Reveal());
}

Result<void> DataKey(Session& session, Format format, const EncryptionOptions& options) {
  JsonObject body;
  body.Text("cmkUuid", options.key).Raw("numberOfBytes", std::to_string(options.bytes));
  return Show(
      session, format,
      options.without_plaintext ? "generateDataKeyWithoutPlaintext" : "generateDataKey",
      std::move(body));
}

using Run = Result<void> (*)(Session&, Format, const EncryptionOptions&);

void AddFileCommand(CLI::App& app, Order& order, bool encrypts) {
  auto job = std::make_shared<FileJob>();
  auto* command =
      encrypts ? app.add_subcommand("encrypt-file",
                                    "Encrypt a file of any size under a data key")
               : app.add_subcommand("decrypt-file", "Decrypt what encrypt-file made");
  if (encrypts)
    command->add_option("key", job->key, "Id or alias of the key")->required();
  command->add_option("in", job->input, "File to read")->required();
  command->add_option("out", job->output, "File to make")->required();
  command->add_flag("--force", job->replace, "Replace a file that is there");
  command->callback([&order, job, encrypts] {
    order.task = [job, encrypts](Session& session) {
      return encrypts ? EncryptFile(session, *job) : DecryptFile(session, *job);
    };
  });
}

}  // namespace

void AddEncryptionCommands(CLI::App& app, Order& order) {
  auto options = std::make_shared<EncryptionOptions>();
  const auto add = [&](const char* name, const char* help, Run run) {
    auto* command = app.add_subcommand(name, help);
    command->callback([&order, options, run] {
      order.task = [&order, options, run](Session& session) {
        return run(session, order.format, *options);
      };
    });
    return command;
  };
  const auto take_key = [&](CLI::App* command) {
    command->add_option("key", options->key, "Id or alias of the key")->required();
    return command;
  };
  take_key(add("encrypt", "Encrypt up to 6144 bytes; prints base64", Encrypt))
      ->add_option("--in", options->input, "File to read instead of the standard input");
  add("decrypt", "Decrypt what encrypt printed; prints the plaintext", Decrypt)
      ->add_option("--in", options->input, "File to read instead of the standard input");
  auto* data_key = take_key(add("data-key", "Make a data key", DataKey));
  data_key->add_option("--bytes", options->bytes, "Its length, 1 to 1024")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  data_key->add_flag("--without-plaintext", options->without_plaintext,
                     "Print it in its encrypted form only");
  AddFileCommand(app, order, true);
  AddFileCommand(app, order, false);
}

}  // namespace kms::server
