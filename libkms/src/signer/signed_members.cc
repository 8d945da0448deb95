#include "signer/signed_members.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace kms {
namespace {

constexpr std::size_t kMaxMembers = 256;

bool IsJsonBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Reader {
 public:
  // `space` has room for whatever of `text` is not taken as it stands.
  Reader(std::string_view text, std::span<std::uint8_t> space)
      : text_(text), space_(space) {}

  bool ReadObject(std::vector<SignedMember>& members) {
    SkipBlanks();
    if (!Take('{')) return false;
    SkipBlanks();
    if (!Take('}')) {
      do {
        SignedMember member;
        SkipBlanks();
        if (members.size() == kMaxMembers || !ReadText(member.name)) return false;
        SkipBlanks();
        if (!Take(':')) return false;
        SkipBlanks();
        if (!ReadValue(member.value)) return false;
        members.push_back(member);
        SkipBlanks();
      } while (Take(','));
      if (!Take('}')) return false;
    }
    SkipBlanks();
    return at_ == text_.size();
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (!AtEnd() && IsJsonBlank(text_[at_])) ++at_;
  }

  void Write(char c) { space_[used_++] = static_cast<std::uint8_t>(c); }
  std::string_view WrittenSince(std::size_t begin) const {
    return AsText(ByteView(space_).subspan(begin, used_ - begin));
  }

  bool ReadValue(std::string_view& value) {
    if (AtEnd()) return false;
    const char first = text_[at_];
    if (first == '"') return ReadText(value);
    if (first == '{' || first == '[') return ReadNested(value);
    const std::size_t begin = at_;
    while (!AtEnd() && !IsJsonBlank(text_[at_]) && text_[at_] != ',' && text_[at_] != '}')
      ++at_;
    value = text_.substr(begin, at_ - begin);
    if (value == "null") value = {};
    return at_ != begin;
  }

  // The end of the text that begins here, past its quotation mark; npos: it has none.
  std::size_t EndOfText(std::size_t at) const {
    for (++at; at < text_.size(); ++at) {
      if (text_[at] == '"') return at + 1;
      if (text_[at] == '\\') ++at;
    }
    return std::string_view::npos;
  }

  bool ReadText(std::string_view& value) {
    if (AtEnd() || text_[at_] != '"') return false;
    const std::size_t end = EndOfText(at_);
    if (end == std::string_view::npos) return false;
    const std::string_view inner = text_.substr(at_ + 1, end - at_ - 2);
    at_ = end;
    if (inner.find('\\') != std::string_view::npos) return Unescape(inner, value);
    value = inner;
    return true;
  }

  bool ReadNested(std::string_view& value) {
    const std::size_t begin = used_;
    std::size_t depth = 0;
    while (!AtEnd()) {
      const char c = text_[at_];
      if (c == '"') {
        const std::size_t end = EndOfText(at_);
        if (end == std::string_view::npos) return false;
        while (at_ < end) Write(text_[at_++]);
        continue;
      }
      ++at_;
      if (IsJsonBlank(c)) continue;
      Write(c);
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) {
        value = WrittenSince(begin);
        return true;
      }
    }
    return false;
  }

  bool Unescape(std::string_view text, std::string_view& value) {
    const std::size_t begin = used_;
    while (!text.empty()) {
      const char c = text.front();
      text.remove_prefix(1);
      if (c != '\\') {
        Write(c);
        continue;
      }
      if (text.empty()) return false;
      const char escape = text.front();
      text.remove_prefix(1);
      constexpr std::string_view kEscapes = "\"\\/bfnrt";
      constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
      if (const auto at = kEscapes.find(escape); at != kEscapes.npos) {
        Write(kMeanings[at]);
      } else if (escape != 'u' || !UnescapeCodePoint(text)) {
        return false;
      }
    }
    value = WrittenSince(begin);
    return true;
  }

  static bool TakeHex(std::string_view& text, std::uint32_t& number) {
    if (text.size() < 4) return false;
    number = 0;
    for (const char c : text.substr(0, 4)) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto digit =
          kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == kDigits.npos) return false;
      number = number << 4 | static_cast<std::uint32_t>(digit);
    }
    text.remove_prefix(4);
    return true;
  }

  // What follows "\u". UTF-8 is never longer than the escapes that it stands for.
  bool UnescapeCodePoint(std::string_view& text) {
    std::uint32_t code = 0;
    if (!TakeHex(text, code) || (code >= 0xdc00 && code <= 0xdfff)) return false;
    if (code >= 0xd800 && code <= 0xdbff) {
      if (!text.starts_with("\\u")) return false;
      text.remove_prefix(2);
      std::uint32_t low = 0;
      if (!TakeHex(text, low) || low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    const auto part = [&](std::uint32_t bits) {
      space_[used_++] = static_cast<std::uint8_t>(bits);
    };
    if (code < 0x80) {
      part(code);
    } else if (code < 0x800) {
      part(0xc0 | code >> 6);
      part(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      part(0xe0 | code >> 12);
      part(0x80 | (code >> 6 & 0x3f));
      part(0x80 | (code & 0x3f));
    } else {
      part(0xf0 | code >> 18);
      part(0x80 | (code >> 12 & 0x3f));
      part(0x80 | (code >> 6 & 0x3f));
      part(0x80 | (code & 0x3f));
    }
    return true;
  }

  const std::string_view text_;
  const std::span<std::uint8_t> space_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

std::optional<SignedMembers> SignedMembers::Read(ByteView body) {
  SignedMembers read;
  if (body.empty()) return read;
  const std::string_view text = AsText(body);
  // Most bodies need no space: their texts have no escapes, and nothing is nested.
  const bool plain = text.find('\\') == text.npos && text.find('[') == text.npos &&
                     text.find('{', text.find('{') + 1) == text.npos;
  bool good = false;
  read.unescaped_ =
      SecretBytes::Filled(plain ? 0 : text.size(), [&](std::span<std::uint8_t> space) {
        good = Reader(text, space).ReadObject(read.members_);
      });
  if (!good) return std::nullopt;
  return read;
}

}  // namespace kms
