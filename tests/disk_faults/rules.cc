#include "rules.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "system_calls.h"

namespace kms::disk_faults {
namespace {

struct Name {
  std::string_view text;
  Action action;
};
constexpr Name kActions[] = {
    {"enospc", Action::kNoSpace}, {"eio", Action::kError}, {"short", Action::kShort},
    {"full", Action::kFull},      {"lose", Action::kLose}, {"kill", Action::kKill},
    {"cut", Action::kCut},        {"tear", Action::kTear},
};

std::string_view TextOf(Action action) {
  for (const Name& name : kActions)
    if (name.action == action) return name.text;
  return "none";
}

bool Ends(Action action) {
  return action == Action::kKill || action == Action::kCut || action == Action::kTear;
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    if (end > at) words.emplace_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

unsigned CallsOf(std::string_view text) {
  return text == "write" ? kWrite : text == "sync" ? kSync : text == "name" ? kName : 7;
}

}  // namespace

void Rules::Refresh() {
  struct stat now{};
  if (stat(file_.c_str(), &now) != 0) {
    rules_.clear();
    version_ = 0;
    return;
  }
  const std::uint64_t version =
      now.st_ino ^ static_cast<std::uint64_t>(now.st_mtim.tv_nsec) << 32;
  if (version == version_) return;
  version_ = version;
  const int file = system_calls::Open(file_.c_str(), O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return;
  std::string text(static_cast<std::size_t>(now.st_size), '\0');
  const ssize_t n = read(file, text.data(), text.size());
  close(file);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  Parse(text);
}

void Rules::Parse(const std::string& text) {
  rules_.clear();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::vector<std::string> words =
        Words(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (words.size() == 2 && words[0] == "seed") {
      random_ = std::strtoull(words[1].c_str(), nullptr, 10);
      continue;
    }
    if (words.size() < 4) continue;
    Rule rule{Action::kNone, CallsOf(words[1]), words[2], 0, 0};
    for (const Name& name : kActions)
      if (name.text == words[0]) rule.action = name.action;
    rule.first = rule.last = std::strtoull(words[3].c_str(), nullptr, 10);
    if (words.size() > 4)
      rule.last =
          words[4] == "*" ? UINT64_MAX : std::strtoull(words[4].c_str(), nullptr, 10);
    rules_.push_back(rule);
  }
}

Action Rules::Decide(unsigned calls, std::string_view path) {
  Refresh();
  Action action = Action::kNone;
  for (Rule& rule : rules_) {
    if ((rule.calls & calls) == 0 || !rule.Matches(path)) continue;
    ++rule.seen;
    if (rule.seen < rule.first || rule.seen > rule.last) continue;
    // The end comes first, whatever fails besides.
    if (action != Action::kNone && !Ends(rule.action)) continue;
    action = rule.action;
    // A full disk would tell of each attempt.
    if (rule.seen == rule.first) Log(TextOf(action), path, rule.seen);
  }
  return action;
}

bool Rules::IsFull(std::string_view path) {
  Refresh();
  for (const Rule& rule : rules_)
    if ((rule.action == Action::kFull || rule.action == Action::kNoSpace) &&
        rule.Matches(path))
      return true;
  return false;
}

// SplitMix64.
std::uint64_t Rules::Random(std::uint64_t bound) {
  random_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return bound == 0 ? 0 : z % bound;
}

void Rules::Log(std::string_view what, std::string_view path,
                std::uint64_t number) const {
  std::string line(what);
  if (!path.empty()) line += " " + std::string(path) + " " + std::to_string(number);
  line += "\n";
  const int file = system_calls::Open((file_ + ".log").c_str(),
                                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  (void)system_calls::Write(file, line.data(), line.size());
  close(file);
}

}  // namespace kms::disk_faults
