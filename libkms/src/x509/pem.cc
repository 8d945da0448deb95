#include "x509/pem.h"

#include <algorithm>
#include <utility>

#include "kms/encoding.h"

namespace kms::x509 {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kLine = 64;

std::string Boundary(std::string_view which, std::string_view label) {
  return std::string("-----").append(which).append(label).append("-----");
}

void SkipBlanks(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
}

}  // namespace

std::optional<std::vector<Bytes>> ReadPem(std::string_view text, std::string_view label,
                                          std::size_t most) {
  if (text.size() > kMaxPemSize) return std::nullopt;
  const std::string begin = Boundary("BEGIN ", label), end = Boundary("END ", label);
  std::vector<Bytes> blocks;
  for (SkipBlanks(&text); !text.empty(); SkipBlanks(&text)) {
    if (blocks.size() == most || !text.starts_with(begin)) return std::nullopt;
    text.remove_prefix(begin.size());
    const std::size_t size = text.find(end);
    if (size == text.npos) return std::nullopt;
    std::string body(text.substr(0, size));
    text.remove_prefix(size + end.size());
    // Boundaries have lines of their own.
    if (!body.starts_with('\n') && !body.starts_with("\r\n")) return std::nullopt;
    if (!body.ends_with('\n')) return std::nullopt;
    if (!text.empty() && !text.starts_with('\n') && !text.starts_with("\r\n"))
      return std::nullopt;
    std::erase_if(body, [](char c) { return c == '\n' || c == '\r'; });
    auto content = FromBase64(body);
    if (!content || content->empty()) return std::nullopt;
    blocks.push_back(*std::move(content));
  }
  return blocks;
}

std::string WritePem(std::string_view label, ByteView content) {
  const std::string body = ToBase64(content);
  std::string text = Boundary("BEGIN ", label) + "\n";
  for (std::size_t at = 0; at < body.size(); at += kLine)
    text.append(body, at, kLine).append("\n");
  return text + Boundary("END ", label) + "\n";
}

}  // namespace kms::x509
