#include "kmsctl/supervisor.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string>

#include "kmsctl/failure.h"

namespace kms::server {
namespace {

Error Broken(const std::string& what) {
  return ConnectionError(what + ": " + std::strerror(errno));
}

// What the child tells at its end: the class of the error, and its text, as far as a pipe
// takes it before anybody reads.
void TellError(int pipe, const Error& error) {
  std::string text(1, static_cast<char>(error.error_class()));
  text += error.detail().empty() ? std::string(CodeOf(error.reason())) : error.detail();
  [[maybe_unused]] const ssize_t told =
      ::write(pipe, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
}

[[noreturn]] void BeChild(const std::function<Result<void>()>& work, int pipe,
                          pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kRefused);
  try {
    const auto done = work();
    if (done) ::_exit(kSuccess);
    TellError(pipe, done.error());
  } catch (const std::exception& failure) {
    TellError(pipe, LocalFileError(failure.what()));
  }
  ::_exit(kRefused);
}

Result<void> ToldBy(int pipe) {
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t n = ::read(pipe, piece, sizeof(piece));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Broken("pipe");
    if (n == 0) break;
    text.append(piece, static_cast<std::size_t>(n));
  }
  if (text.empty()) return {};
  return Error(static_cast<ErrorClass>(text.front()), Reason::kInternal, text.substr(1));
}

}  // namespace

Supervisor::Supervisor() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &standard, &child_before_);
  ::sigemptyset(&waited_);
  ::sigaddset(&waited_, SIGCHLD);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    // What nohup, or a shell for what runs in the background, has ignored stays so.
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
      ::sigaddset(&waited_, signal);
  }
  ::sigprocmask(SIG_BLOCK, &waited_, &before_);
}

Supervisor::~Supervisor() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  ::sigaction(SIGCHLD, &child_before_, nullptr);
}

Result<void> Supervisor::Run(const std::function<Result<void>()>& work) const {
  int ends[2];
  if (::pipe(ends) != 0) return Broken("pipe");
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    BeChild(work, ends[1], parent);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return ConnectionError("no process could be made");
  }
  // SIGCHLD wakes this up; that it may also come when the child is only stopped, or
  // before it can be waited for, is why the child is looked at every now and then as
  // well.
  constexpr timespec kPatience{.tv_sec = 0, .tv_nsec = 200'000'000};
  int signal = 0;
  int status = 0;
  pid_t ended = 0;
  while (ended == 0) {
    signal = ::sigtimedwait(&waited_, nullptr, &kPatience);
    const bool interrupts = signal > 0 && signal != SIGCHLD;
    if (interrupts) ::kill(child, SIGKILL);
    ended = ::waitpid(child, &status, interrupts ? 0 : WNOHANG);
  }
  auto told = ToldBy(ends[0]);
  ::close(ends[0]);
  if (ended != child) return ConnectionError("its end is not known");
  if (signal > 0 && signal != SIGCHLD)
    return ConnectionError(std::string("interrupted: ") + ::strsignal(signal));
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
    return ConnectionError("a mapped file could not be written: is the disk full?");
  if (WIFSIGNALED(status))
    return ConnectionError(std::string("ended by a signal: ") +
                           ::strsignal(WTERMSIG(status)));
  if (told && WEXITSTATUS(status) != kSuccess)
    return ConnectionError("ended without a word");
  return told;
}

}  // namespace kms::server
