#include "bench/load/request.h"

#include "kms/digest.h"
#include "kms/encoding.h"

namespace kms::load {

bool IsRight(const Target& target, int status, std::string_view body) {
  constexpr std::string_view kSuccess = "\"success\":1}";
  if (status != 200) return false;
  if (target.is_signed() && body.rfind(kSuccess) == std::string_view::npos) return false;
  return body.find(target.expected) != std::string_view::npos;
}

RequestForm::RequestForm(const Target& target, const Addressing& addressing) {
  if (!target.is_signed()) {
    text_ =
        "GET " + target.path + " HTTP/1.1\r\nHost: " + addressing.authority + "\r\n\r\n";
    return;
  }
  body_hash_ = ToHex(Digest(DigestAlgorithm::kSha256, AsBytes(target.body)));
  text_ = "POST " + target.path + " HTTP/1.1\r\nHost: " + addressing.authority +
          "\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(target.body.size()) + "\r\nregionId: " + addressing.region +
          "\r\n";
  const auto leave = [this](std::string_view before, std::size_t size) {
    text_ += before;
    const std::size_t at = text_.size();
    text_.append(size, '-');
    return at;
  };
  id_at_ = leave("ctyun-eop-request-id: ", kRequestIdSize);
  date_at_ = leave("\r\neop-date: ", kDateSize);
  text_ += "\r\nEop-Authorization: " + addressing.access_key;
  signature_at_ =
      leave(" Headers=ctyun-eop-request-id;eop-date Signature=", kSignatureSize);
  text_ += "\r\n\r\n" + target.body;
}

void RequestForm::Write(EopStamp* stamp, UnixMillis now, std::string& out) {
  if (!body_hash_.empty()) {
    stamp->Next(now, body_hash_);
    text_.replace(id_at_, kRequestIdSize, stamp->request_id());
    text_.replace(date_at_, kDateSize, stamp->date());
    text_.replace(signature_at_, kSignatureSize, stamp->signature());
  }
  out += text_;
}

}  // namespace kms::load
