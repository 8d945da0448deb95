#include "rules.h"

#include <sys/stat.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>

namespace kms::fault {
namespace {

enum class Argument : std::uint8_t { kNone, kCode, kMechanism, kNumber };

struct Verb {
  std::string_view name;
  Action action;
  Argument argument;
  bool state;  // of the token, not of single calls
};

constexpr Verb kVerbs[] = {
    {"return", Action::kReturn, Argument::kCode, false},
    {"hang", Action::kHang, Argument::kNone, false},
    {"delay", Action::kDelay, Argument::kNumber, false},
    {"lose-sessions", Action::kLoseSessions, Argument::kNone, false},
    {"logout", Action::kLogout, Argument::kNone, false},
    {"short", Action::kShort, Argument::kNumber, false},
    {"long", Action::kLong, Argument::kNumber, false},
    {"empty", Action::kEmpty, Argument::kNone, false},
    {"garbage", Action::kGarbage, Argument::kNone, false},
    {"full", Action::kFull, Argument::kNone, false},
    {"vanish", Action::kVanish, Argument::kNone, true},
    {"hide", Action::kHide, Argument::kMechanism, true},
    {"vendor-sm", Action::kVendorSm, Argument::kNone, true},
};

std::optional<std::uint64_t> Decimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<unsigned long> Parse(Argument kind, std::string_view word) {
  if (kind == Argument::kCode) return CodeNamed(word);
  if (kind == Argument::kMechanism) return MechanismNamed(word);
  return Decimal(word);
}

// A line that says nothing.
bool IsSilent(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#';
}

}  // namespace

std::optional<Rule> ParseRule(std::string_view line) {
  Rule rule;
  rule.text = line;
  std::istringstream words(rule.text);
  std::string function, action, word;
  if (!(words >> function >> action)) return std::nullopt;
  if (function != "*") {
    rule.function = FunctionNamed(function);
    if (!rule.function) return std::nullopt;
  }
  const Verb* verb = nullptr;
  for (const Verb& known : kVerbs)
    if (known.name == action) verb = &known;
  if (verb == nullptr || (verb->state && rule.function)) return std::nullopt;
  rule.action = verb->action;
  if (verb->argument != Argument::kNone) {
    if (!(words >> word)) return std::nullopt;
    const auto argument = Parse(verb->argument, word);
    if (!argument) return std::nullopt;
    rule.argument = *argument;
  }
  while (words >> word) {
    const std::string_view option = word;
    const std::size_t sign = option.find('=');
    if (sign == std::string_view::npos || verb->state) return std::nullopt;
    const auto number = Decimal(option.substr(sign + 1));
    if (!number) return std::nullopt;
    if (option.substr(0, sign) == "skip")
      rule.skip = *number;
    else if (option.substr(0, sign) == "times")
      rule.times = *number;
    else
      return std::nullopt;
  }
  return rule;
}

bool RuleSet::Has(Action action) const {
  for (const auto& rule : rules)
    if ((*rule)->action == action) return true;
  return false;
}

bool RuleSet::Has(std::string_view text) const {
  for (const auto& rule : rules)
    if ((*rule)->text == text) return true;
  return false;
}

bool RuleSet::Hides(CK_MECHANISM_TYPE mechanism) const {
  for (const auto& rule : rules)
    if ((*rule)->action == Action::kHide && (*rule)->argument == mechanism) return true;
  return false;
}

void RuleFile::Watch(std::string path) {
  const std::lock_guard lock(mutex_);
  if (path == path_) return;
  path_ = std::move(path);
  stamp_ = Look();
  Read();
}

std::shared_ptr<const RuleSet> RuleFile::Current() {
  const std::lock_guard lock(mutex_);
  if (const Stamp stamp = Look(); stamp != stamp_) {
    // Looked at before it is read: a change in between is seen by the next call.
    stamp_ = stamp;
    Read();
  }
  return current_;
}

RuleFile::Stamp RuleFile::Look() const {
  struct stat found{};
  if (path_.empty() || ::stat(path_.c_str(), &found) != 0) return {};
  return {true, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

void RuleFile::Read() {
  auto next = std::make_shared<RuleSet>();
  next->generation = current_->generation + 1;
  std::ifstream file;
  if (!path_.empty()) file.open(path_);
  for (std::string line; std::getline(file, line);) {
    if (IsSilent(line) || next->Has(line)) continue;
    std::shared_ptr<const LiveRule> live;
    for (const auto& old : current_->rules)
      if ((*old)->text == line) live = old;  // whose count goes on
    if (!live) {
      auto rule = ParseRule(line);
      if (!rule) {
        std::fprintf(stderr, "kms_fault_module: no rule: %s\n", line.c_str());
        next->broken = true;
        continue;
      }
      live = std::make_shared<LiveRule>(std::move(*rule));
    }
    next->rules.push_back(std::move(live));
  }
  current_ = std::move(next);
}

}  // namespace kms::fault
