#include "api/request_body.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <cstring>
#include <exception>
#include <functional>
#include <utility>

#include "http/wiped_string.h"
#include "kms/secret_bytes.h"

namespace kms::server {
namespace {

constexpr std::size_t kFirstBlock = 4 * 1024;
constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxMembers = 256;

using boost::json::error_code;
using Type = RequestBody::Type;

// Collects the members at the top, and remembers the names of every object that is
// still open: nothing else tells two members of one name apart.
class Collector {
 public:
  static constexpr std::size_t max_object_size = kMaxMembers;
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  Collector(std::string_view body, Arena& arena,
            std::vector<RequestBody::Member>& members,
            std::vector<std::string_view>& items)
      : body_(body), arena_(arena), members_(members), items_(items) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code& ec) {
    NoText();
    if (AtTop()) BeginItems(Type::kTextMap);
    return Open(ec);
  }
  bool on_object_end(std::size_t, error_code&) {
    EndItems();
    return Close();
  }

  bool on_array_begin(error_code& ec) {
    // The document is an object.
    if (depth_ == 0) return Refuse(ec);
    NoText();
    if (AtTop()) BeginItems(Type::kTexts);
    return Open(ec);
  }
  bool on_array_end(std::size_t, error_code&) {
    EndItems();
    return Close();
  }

  bool on_key_part(boost::json::string_view part, std::size_t, error_code&) {
    Add(part);
    return true;
  }
  bool on_key(boost::json::string_view part, std::size_t, error_code& ec) {
    const std::string_view name = Finish(part);
    if (name.find('\0') != name.npos) return Refuse(ec);
    const auto siblings = names_.begin() + static_cast<std::ptrdiff_t>(begins_[depth_]);
    if (++seen_ > kMaxMembers || std::find(siblings, names_.end(), name) != names_.end())
      return Refuse(ec);
    names_.push_back(name);
    if (InTexts()) items_.push_back(name);
    return true;
  }

  bool on_string_part(boost::json::string_view part, std::size_t, error_code&) {
    if (AtTop() || InTexts()) Add(part);
    return true;
  }
  bool on_string(boost::json::string_view part, std::size_t, error_code& ec) {
    if (!AtTop() && !InTexts()) return Scalar(ec);
    const std::string_view text = Finish(part);
    // In no text that means something, and the end of it for many that read it.
    if (text.find('\0') != text.npos) return Refuse(ec);
    if (!InTexts()) return Took(Type::kText, text);
    items_.push_back(text);
    return true;
  }

  bool on_number_part(boost::json::string_view part, error_code&) {
    if (AtTop()) Add(part);
    return true;
  }
  bool on_int64(std::int64_t, boost::json::string_view text, error_code& ec) {
    return Number(text, ec);
  }
  bool on_uint64(std::uint64_t, boost::json::string_view text, error_code& ec) {
    return Number(text, ec);
  }
  bool on_double(double value, boost::json::string_view text, error_code& ec) {
    // Without a fraction or an exponent it is an integer that did not fit.
    if (!std::isfinite(value) || text.find_first_of(".eE") == text.npos)
      return Refuse(ec);
    return Number(text, ec);
  }

  bool on_bool(bool value, error_code& ec) {
    if (AtTop()) return Took(Type::kBoolean, value ? "true" : "false");
    return Scalar(ec);
  }
  bool on_null(error_code& ec) {
    if (AtTop()) return Took(Type::kNull, {});
    return Scalar(ec);
  }
  bool on_comment_part(boost::json::string_view, error_code&) { return true; }
  bool on_comment(boost::json::string_view, error_code&) { return true; }

 private:
  static bool Refuse(error_code& ec) {
    ec = boost::json::error::syntax;
    return false;
  }
  bool AtTop() const { return depth_ == 1; }
  // Directly inside an array or object that is a member at the top, and of texts so far.
  bool InTexts() const { return in_texts_ && depth_ == 2; }
  void BeginItems(Type type) {
    Took(type, {});
    members_.back().first_item = items_.size();
    in_texts_ = true;
  }
  void EndItems() {
    if (!InTexts()) return;
    members_.back().item_count = items_.size() - members_.back().first_item;
    in_texts_ = false;
  }
  // What comes now is no text: then what is around it is none of texts.
  void NoText() {
    if (!InTexts()) return;
    members_.back().type = Type::kNested;
    in_texts_ = false;
  }
  bool Scalar(error_code& ec) {
    NoText();
    return depth_ != 0 || Refuse(ec);
  }

  bool Open(error_code& ec) {
    if (depth_ == kMaxDepth) return Refuse(ec);
    begins_[++depth_] = names_.size();
    return true;
  }
  bool Close() {
    names_.resize(begins_[depth_--]);
    return true;
  }

  void Add(std::string_view part) {
    pending_.insert(pending_.end(), part.begin(), part.end());
  }

  // The whole of a text whose last part this is. What the parser hands over is in the
  // body itself, or in a buffer of its own if there were escapes.
  std::string_view Finish(std::string_view part) {
    if (pending_.empty()) return InBody(part) ? part : arena_.Keep(part);
    Add(part);
    const std::string_view kept = arena_.Keep({pending_.data(), pending_.size()});
    Wipe({reinterpret_cast<std::uint8_t*>(pending_.data()), pending_.size()});
    pending_.clear();
    return kept;
  }
  bool InBody(std::string_view part) const {
    const std::less_equal<const char*> before;
    return before(body_.data(), part.data()) &&
           before(part.data() + part.size(), body_.data() + body_.size());
  }

  bool Number(std::string_view text, error_code& ec) {
    if (AtTop()) return Took(Type::kNumber, Finish(text));
    return Scalar(ec);
  }

  bool Took(Type type, std::string_view text) {
    if (AtTop()) members_.push_back({names_.back(), type, text});
    return true;
  }

  const std::string_view body_;
  Arena& arena_;
  std::vector<RequestBody::Member>& members_;
  std::vector<std::string_view>& items_;
  bool in_texts_ = false;
  std::size_t depth_ = 0;
  std::size_t seen_ = 0;
  std::array<std::size_t, kMaxDepth + 1> begins_{};
  std::vector<std::string_view> names_;
  WipedString pending_;
};

}  // namespace

Arena::~Arena() {
  for (const Block& block : blocks_) Wipe({block.bytes.get(), block.used});
}

std::span<std::uint8_t> Arena::Allocate(std::size_t size) {
  if (blocks_.empty() || blocks_.back().size - blocks_.back().used < size) {
    Block block;
    block.size = std::max(size, blocks_.empty() ? kFirstBlock : 2 * blocks_.back().size);
    block.bytes.reset(new std::uint8_t[block.size]);
    blocks_.push_back(std::move(block));
  }
  Block& block = blocks_.back();
  std::uint8_t* const begin = block.bytes.get() + block.used;
  block.used += size;
  return {begin, size};
}

std::string_view Arena::Keep(std::string_view text) {
  const std::span<std::uint8_t> kept = Allocate(text.size());
  if (!text.empty()) std::memcpy(kept.data(), text.data(), text.size());
  return AsText(kept);
}

Result<RequestBody> RequestBody::Parse(ByteView body, Arena& arena) {
  RequestBody parsed;
  if (body.empty()) return parsed;
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  try {
    const std::string_view text = AsText(body);
    boost::json::basic_parser<Collector> parser(options, text, arena, parsed.members_,
                                                parsed.items_);
    error_code error;
    const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
    if (error || read != text.size() || !parser.done()) return Reason::kBadJson;
  } catch (const std::exception&) {
    return Error(Reason::kBadJson, "not enough memory to read it");
  }
  return parsed;
}

const RequestBody::Member* RequestBody::Find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &Member::name);
  return found == members_.end() ? nullptr : &*found;
}

}  // namespace kms::server
