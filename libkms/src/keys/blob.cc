#include "keys/blob.h"

#include "kms/encoding.h"

namespace kms {
namespace {

constexpr std::string_view kLength = "0064";
constexpr std::size_t kUuidSize = 36;

}  // namespace

std::string WriteBlobHead(std::string_view key, std::string_view version) {
  std::string names(key);
  names += '&';
  names += version;
  return std::string(kLength) + ToBase64(AsBytes(names));
}

std::optional<BlobHead> ReadBlobHead(ByteView blob) {
  if (blob.size() < kBlobHeadSize) return std::nullopt;
  const std::string_view head = AsText(blob.first(kBlobHeadSize));
  if (!head.starts_with(kLength)) return std::nullopt;
  const auto names = FromBase64(head.substr(kLength.size()));
  if (!names || names->size() != 2 * kUuidSize + 1) return std::nullopt;
  const std::string_view text = AsText(*names);
  const std::string_view key = text.substr(0, kUuidSize);
  const std::string_view version = text.substr(kUuidSize + 1);
  if (text[kUuidSize] != '&' || !IsUuid(key) || !IsUuid(version)) return std::nullopt;
  return BlobHead{std::string(key), std::string(version)};
}

}  // namespace kms
