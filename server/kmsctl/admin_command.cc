// The commands of the machine's operator, over the socket of the kmsd on it.

#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <memory>
#include <string>

#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/output.h"
#include "kmsctl/output_file.h"
#include "kmsctl/wiped_json.h"
#include "kmsd/admin_address.h"
#include "kmsd/layout.h"

namespace kms::server {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

struct AdminOptions {
  std::string data;
  std::string name;
  std::string account;
  std::string out;
};

Result<WipedString> Exchange(const std::string& path, const std::string& line) {
  const auto address = AdminAddress::Of(path);
  const OwnedFile socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!address || socket.get() < 0 ||
      ::connect(socket.get(), address->get(), address->size()) != 0)
    return ConnectionError(path + ": no kmsd listens there for this user");
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n =
        ::send(socket.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ConnectionError(path + ": kmsd does not listen to this user");
    sent += static_cast<std::size_t>(n);
  }
  WipedString answer;
  for (;;) {
    const std::size_t had = answer.size();
    if (had > kMaxAnswer) return ConnectionError(path + ": the answer is too long");
    answer.resize(had + 4096);
    const ssize_t n = ::recv(socket.get(), answer.data() + had, 4096, 0);
    answer.resize(had + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ConnectionError(path + ": the connection broke");
    if (n == 0) break;
  }
  if (answer.empty())
    return ConnectionError(path + ": kmsd does not listen to this user");
  return answer;
}

Result<WipedString> Ask(const AdminOptions& options, const boost::json::object& request) {
  KMS_TRY(WipedString answer, Exchange(DataLayout(options.data).admin_socket(),
                                       boost::json::serialize(request) + "\n"));
  const auto parsed = ParseWiped(View(answer));
  const auto* const object = parsed ? (*parsed).if_object() : nullptr;
  if (object == nullptr) return ConnectionError("the answer of kmsd is no JSON");
  if (const auto* const error = object->if_contains("error"))
    return RefusedError(error->is_string() ? std::string(error->get_string())
                                           : "refused");
  return answer;
}

ByteView BytesOf(const WipedString& text) { return AsBytes(View(text)); }

Result<void> ShowCredentials(const AdminOptions& options,
                             const boost::json::object& request) {
  if (options.out.empty()) {
    KMS_TRY(const WipedString answer, Ask(options, request));
    return WriteOutput(BytesOf(answer));
  }
  // Before anything is made whose secret could not be kept.
  KMS_TRY(const auto file, OutputFile::Create(options.out, false));
  KMS_TRY(const WipedString answer, Ask(options, request));
  KMS_CHECK_OK(file->Write(BytesOf(answer)));
  KMS_CHECK_OK(file->Commit());
  return WriteOutput(AsBytes("credentials in " + options.out + "\n"));
}

Result<void> ListAccounts(const AdminOptions& options) {
  KMS_TRY(const WipedString answer, Ask(options, {{"command", "listAccounts"}}));
  return WriteOutput(BytesOf(answer));
}

}  // namespace

void AddAdminCommand(CLI::App& app, Order& order) {
  auto options = std::make_shared<AdminOptions>();
  auto* const group =
      app.add_subcommand("admin", "Accounts; on the machine and as the user of kmsd");
  group->require_subcommand(1);
  group->add_option("--data", options->data, "Data directory of kmsd")
      ->default_val("./data");
  auto* const create =
      group->add_subcommand("create-account", "Make an account; prints its credentials");
  create->add_option("--name", options->name, "A name, for the operator");
  auto* const list = group->add_subcommand("list-accounts", "All accounts");
  auto* const rotate = group->add_subcommand(
      "rotate-root-key", "Replace the access keys of an account's root user");
  rotate->add_option("account", options->account, "The account's id")->required();
  for (auto* const command : {create, rotate})
    command->add_option("--out", options->out,
                        "A new file for the credentials, mode 0600, instead of printing");
  create->callback([&order, options] {
    order.offline_task = [options] {
      return ShowCredentials(*options,
                             {{"command", "createAccount"}, {"name", options->name}});
    };
  });
  rotate->callback([&order, options] {
    order.offline_task = [options] {
      return ShowCredentials(
          *options, {{"command", "rotateRootKey"}, {"account", options->account}});
    };
  });
  list->callback([&order, options] {
    order.offline_task = [options] { return ListAccounts(*options); };
  });
}

}  // namespace kms::server
