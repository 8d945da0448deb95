#include <utility>

#include "api/answer_text.h"
#include "api/dialect.h"

namespace kms::server {
namespace {

// What differs from the seed dialect is how answers are wrapped.
class AccessPointDialect final : public Dialect {
 public:
  explicit AccessPointDialect(std::unique_ptr<Dialect> seed) : seed_(std::move(seed)) {}

  WipedString WriteSuccess(const Operation& /*operation*/,
                           const boost::json::object& result) const override {
    WipedString out;
    out.reserve(kAnswerChunk);
    Append(out, R"({"code":200,"msg":"success","data":)");
    AppendJson(out, result);
    Append(out, "}");
    return out;
  }

  WipedString WriteFailure(const Error& error, std::string_view request_id,
                           std::string_view note) const override {
    WipedString out;
    Append(out, R"({"code":)");
    AppendJson(out, CodeOf(error.reason()));
    Append(out, R"(,"msg":)");
    AppendJson(out, MessageOf(error.reason(), note));
    Append(out, R"(,"errorCode":)");
    AppendJson(out, CodeOf(error.reason()));
    Append(out, R"(,"requestId":)");
    AppendJson(out, request_id);
    Append(out, "}");
    return out;
  }

  int StatusOf(Reason reason) const override { return TextOf(reason).status; }
  std::string Date(UnixMillis time) const override { return seed_->Date(time); }
  std::string LongDate(UnixMillis time) const override { return seed_->LongDate(time); }
  Result<void> AllowsSpec(KeySpec spec, ProtectionLevel level) const override {
    return seed_->AllowsSpec(spec, level);
  }
  std::size_t PageIndex(const Operation& operation, std::int64_t number) const override {
    return seed_->PageIndex(operation, number);
  }

 private:
  const std::unique_ptr<Dialect> seed_;
};

}  // namespace

std::unique_ptr<Dialect> NewAccessPointDialect(int utc_offset_minutes,
                                               std::string_view zone) {
  return std::make_unique<AccessPointDialect>(NewSeedDialect(utc_offset_minutes, zone));
}

}  // namespace kms::server
