#include "bench/load/answer.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace kms::load {
namespace {

constexpr std::size_t kFirstBuffer = 8 * 1024;
constexpr std::size_t kLeastSpace = 1024;
constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::size_t kMaxBody = 64 * 1024 * 1024;
constexpr std::string_view kLine = "\r\n";

bool Same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

template <typename Number>
std::optional<Number> WholeNumber(std::string_view text) {
  Number number{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::span<char> AnswerReader::Space() {
  if (begin_ == end_) begin_ = end_ = 0;
  const std::size_t whole = head_size_ == 0 ? 0 : head_size_ + body_size_;
  const std::size_t wanted = std::max(end_ - begin_ + kLeastSpace, whole);
  if (buffer_.size() - begin_ < wanted) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (buffer_.size() < wanted)
      buffer_.resize(std::max({kFirstBuffer, wanted, 2 * buffer_.size()}));
  }
  return std::span(buffer_).subspan(end_);
}

AnswerReader::State AnswerReader::Next(Answer& answer) {
  const std::string_view text(buffer_.data() + begin_, end_ - begin_);
  if (head_size_ == 0) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos)
      return text.size() > kMaxHead ? State::kMalformed : State::kPartial;
    if (!ReadHead(text.substr(0, end + kLine.size()))) return State::kMalformed;
    head_size_ = end + 2 * kLine.size();
  }
  if (text.size() < head_size_ + body_size_) return State::kPartial;
  answer = head_;
  answer.body = text.substr(head_size_, body_size_);
  begin_ += head_size_ + body_size_;
  head_size_ = 0;
  return State::kWhole;
}

// `head` is whole lines.
bool AnswerReader::ReadHead(std::string_view head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  constexpr std::size_t kStatusDigits = 3;
  const auto status = WholeNumber<int>(
      head.substr(std::min(kVersion.size(), head.size()), kStatusDigits));
  if (!head.starts_with(kVersion) || !status || *status < 200) return false;
  head_ = {.status = *status};
  bool has_length = false;
  head.remove_prefix(head.find(kLine) + kLine.size());
  while (!head.empty()) {
    const std::size_t end = head.find(kLine);
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + kLine.size());
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = Trim(line.substr(colon + 1));
    if (Same(name, "Content-Length")) {
      const auto size = WholeNumber<std::size_t>(value);
      if (has_length || !size || *size > kMaxBody) return false;
      has_length = true;
      body_size_ = *size;
    } else if (Same(name, "Transfer-Encoding")) {
      return false;
    } else if (Same(name, "Connection")) {
      head_.closes = Same(value, "close");
    }
  }
  return has_length;
}

}  // namespace kms::load
