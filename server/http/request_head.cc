#include "http/request_head.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/none.hpp>
#include <limits>

namespace kms::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

Refusal Malformed(const char* what) { return {400, Error(Reason::kBadParameter, what)}; }

// Of every byte, whether it is a control character that no value may have.
constexpr auto kControl = [] {
  std::array<bool, 256> control{};
  for (std::size_t c = 0; c < ' '; ++c) control[c] = c != '\t';
  control[0x7f] = true;
  return control;
}();

// Hardly a value has one, so that nothing is gained by an early end.
bool HasControl(std::string_view text) {
  bool found = false;
  for (const char c : text) found |= kControl[static_cast<unsigned char>(c)];
  return found;
}

// True if a line ends in a bare LF, or goes on in the next one.
bool HasOddLines(std::string_view block) {
  for (std::size_t at = block.find('\n'); at != block.npos;
       at = block.find('\n', at + 1)) {
    if (at == 0 || block[at - 1] != '\r') return true;
    if (at + 1 < block.size() && (block[at + 1] == ' ' || block[at + 1] == '\t')) {
      return true;
    }
  }
  return false;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

// Collects what the parser of Beast finds. The body is not its business.
class RequestHead::Reader final : public http::basic_parser<true> {
 public:
  explicit Reader(RequestHead& head) : head_(head) {
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(boost::none);
  }

  bool has_transfer_encoding() const { return has_transfer_encoding_; }
  bool has_bad_length() const { return has_bad_length_; }
  bool has_control() const { return has_control_; }
  bool has_odd_expectation() const { return has_odd_expectation_; }

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target,
                       int version, beast::error_code&) override {
    head_.method_ = View(method);
    head_.target_ = View(target);
    head_.http_1_0_ = version == 10;
  }

  void on_field_impl(http::field field, beast::string_view name,
                     beast::string_view raw_value, beast::error_code&) override {
    const std::string_view value = View(raw_value);
    has_control_ = has_control_ || HasControl(value);
    if (field == http::field::content_length) {
      has_bad_length_ = has_bad_length_ || has_length_ || !IsNumber(value);
      has_length_ = true;
    } else if (field == http::field::transfer_encoding) {
      has_transfer_encoding_ = true;
    } else if (field == http::field::expect) {
      const bool known = beast::iequals(raw_value, "100-continue");
      head_.expects_continue_ = known;
      has_odd_expectation_ = has_odd_expectation_ || !known;
    }
    head_.headers_.push_back({View(name), value});
  }

  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&,
                         beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view,
                            beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view,
                                 beast::error_code&) override {
    return 0;
  }
  void on_finish_impl(beast::error_code&) override {}

  RequestHead& head_;
  bool has_length_ = false;
  bool has_bad_length_ = false;
  bool has_transfer_encoding_ = false;
  bool has_control_ = false;
  bool has_odd_expectation_ = false;
};

bool RequestHead::MayBegin(char first) {
  return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
}

std::optional<Refusal> RequestHead::Parse(std::string_view block,
                                          const HttpLimits& limits) {
  headers_.clear();
  expects_continue_ = false;
  if (HasOddLines(block)) return Malformed("folded line, or line without CR");

  Reader reader(*this);
  beast::error_code error;
  const std::size_t used =
      reader.put(boost::asio::const_buffer(block.data(), block.size()), error);

  // Beast stops at a Transfer-Encoding next to a Content-Length, before Reader sees it.
  if (reader.has_transfer_encoding() || error == http::error::bad_transfer_encoding) {
    return Refusal{411, Error(Reason::kLengthRequired)};
  }
  if (error == http::error::bad_content_length ||
      error == http::error::multiple_content_length || reader.has_bad_length()) {
    return Malformed("Content-Length");
  }
  if (error || !reader.is_header_done() || used != block.size()) {
    return Malformed("request line or header");
  }
  if (reader.has_control()) return Malformed("control character in a header");
  if (target_.size() > limits.target_bytes) {
    return Refusal{414, Error(Reason::kTooLong, "target")};
  }
  if (target_.front() != '/') return Malformed("target is not a path");
  if (reader.has_odd_expectation()) {
    return Refusal{417, Error(Reason::kBadParameter, "Expect")};
  }
  body_bytes_ = reader.content_length().value_or(0);
  if (body_bytes_ > limits.body_bytes) {
    return Refusal{413, Error(Reason::kTooLong, "body")};
  }
  keep_alive_ = reader.keep_alive();
  return std::nullopt;
}

}  // namespace kms::server
