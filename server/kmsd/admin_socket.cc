#include "kmsd/admin_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <utility>

#include "kmsd/admin_address.h"
#include "kmsd/log.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::size_t kMaxRequest = 4096;
constexpr std::size_t kMaxName = 64;
constexpr timeval kPatience = {.tv_sec = 5, .tv_usec = 0};

WipedString Wiped(const object& answer) {
  const std::string text = boost::json::serialize(answer);
  WipedString wiped(text.begin(), text.end());
  wiped.push_back('\n');
  return wiped;
}

bool IsTrusted(int connection) {
  ucred other{};
  socklen_t size = sizeof other;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &other, &size) != 0) return false;
  return other.uid == 0 || other.uid == ::geteuid();
}

// The line without its end; what comes late or is too long is none.
std::string ReadLine(int connection) {
  std::string line;
  std::array<char, 512> part{};
  while (line.size() < kMaxRequest) {
    const ssize_t n = ::recv(connection, part.data(), part.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    line.append(part.data(), static_cast<std::size_t>(n));
    if (const std::size_t end = line.find('\n'); end != line.npos)
      return line.substr(0, end);
  }
  return {};
}

void WriteAll(int connection, const WipedString& text) {
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t n =
        ::send(connection, text.data() + written, text.size() - written, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    written += static_cast<std::size_t>(n);
  }
}

Error BadRequest(std::string what) {
  return Error(ErrorClass::kInvalidArgument, Reason::kBadParameter, std::move(what));
}

// The text of a member; empty if there is none.
Result<std::string> TextOf(const object& request, std::string_view name) {
  const auto* const value = request.if_contains(name);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return BadRequest(std::string(name) + " is no text");
  const auto& text = value->get_string();
  if (text.size() > kMaxName ||
      std::ranges::any_of(text, [](char c) { return c < ' ' || c == 0x7f; }))
    return BadRequest(std::string(name) + " is too long, or has control characters");
  return std::string(text.begin(), text.end());
}

}  // namespace

Result<std::unique_ptr<AdminSocket>> AdminSocket::Open(const std::string& path,
                                                       Identity& identity,
                                                       CredentialsContent content,
                                                       spdlog::logger& log) {
  KMS_TRY(const AdminAddress address, AdminAddress::Of(path));
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int stopping = ::eventfd(0, EFD_CLOEXEC);
  std::unique_ptr<AdminSocket> opened(
      new AdminSocket(path, listening, stopping, identity, std::move(content), log));
  // The lock of the data directory is held: nobody else listens there.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(path);
  // Before there is anything to open, so that there is no moment at which others could.
  if (listening < 0 || stopping < 0 || ::fchmod(listening, 0600) != 0 ||
      ::bind(listening, address.get(), address.size()) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(listening, 8) != 0)
    return FileError(path);
  opened->thread_ = std::thread([socket = opened.get()] { socket->Run(); });
  return opened;
}

AdminSocket::AdminSocket(std::string path, int listening, int stopping,
                         Identity& identity, CredentialsContent content,
                         spdlog::logger& log)
    : path_(std::move(path)),
      listening_(listening),
      stopping_(stopping),
      identity_(identity),
      content_(std::move(content)),
      log_(log) {}

AdminSocket::~AdminSocket() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stopping_.get(), &one, sizeof one);
  thread_.join();
  ::unlink(path_.c_str());
}

void AdminSocket::Run() {
  for (;;) {
    std::array<pollfd, 2> ready = {
        {{listening_.get(), POLLIN, 0}, {stopping_.get(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    if (ready[0].revents == 0) continue;
    const OwnedFile connection(
        ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() < 0) continue;
    Serve(connection.get());
  }
}

void AdminSocket::Serve(int connection) {
  if (!IsTrusted(connection)) {
    LogMessage(log_, spdlog::level::warn, "another user tried to use the admin socket");
    return;
  }
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const auto answer = Answer(ReadLine(connection));
  if (answer) {
    WriteAll(connection, *answer);
    return;
  }
  object refusal;
  refusal["error"] =
      std::string(CodeOf(answer.error().reason())) + " " + answer.error().detail();
  WriteAll(connection, Wiped(refusal));
}

Result<WipedString> AdminSocket::Answer(std::string_view line) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(line, error);
  if (error || !parsed.is_object()) return BadRequest("the request is no JSON object");
  const object& request = parsed.get_object();
  KMS_TRY(const std::string command, TextOf(request, "command"));
  WipedString answer;
  const auto keep = [&](const NewAccessKey& key) -> Result<void> {
    answer = CredentialsText(key, content_);
    return {};
  };
  if (command == "createAccount") {
    KMS_TRY(const std::string name, TextOf(request, "name"));
    KMS_CHECK_OK(identity_.CreateAccount(keep, name));
  } else if (command == "rotateRootKey") {
    KMS_TRY(const std::string account, TextOf(request, "account"));
    KMS_CHECK_OK(identity_.RotateRootAccessKey(keep, account));
  } else if (command == "listAccounts") {
    KMS_TRY(const auto accounts, identity_.ListAccounts());
    object listed;
    boost::json::array& all = listed["accounts"].emplace_array();
    for (const AccountDescription& account : accounts) {
      object item;
      item["accountId"] = account.id;
      item["name"] = account.name;
      item["rootUserId"] = account.root_user;
      all.push_back(std::move(item));
    }
    return Wiped(listed);
  } else {
    return BadRequest("there is no such command");
  }
  LogMessage(log_, spdlog::level::info, "the operator used " + command);
  return answer;
}

}  // namespace kms::server
