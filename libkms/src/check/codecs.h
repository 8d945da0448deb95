// How the record of each type is read and written, under one name.

#ifndef KMS_CHECK_CODECS_H_
#define KMS_CHECK_CODECS_H_

#include <string>
#include <string_view>

#include "access/access_point_record.h"
#include "certificates/certificate_record.h"
#include "core/json_record.h"
#include "identity/access_key_record.h"
#include "identity/records.h"
#include "keys/records.h"
#include "keys/token_records.h"
#include "tags/tag_record.h"

namespace kms::check {

template <typename R>
struct Codec {  // the members stand in the header
  static Result<R> Read(std::string_view json) { return ReadRecord<R>(json); }
  static std::string Write(const R& record) { return WriteRecord(record); }
};

template <typename R>
struct KeysCodec {
  static Result<R> Read(std::string_view json) { return FromJson<R>(json); }
  static std::string Write(const R& record) { return ToJson(record); }
};
template <>
struct Codec<KeyRecord> : KeysCodec<KeyRecord> {};
template <>
struct Codec<VersionRecord> : KeysCodec<VersionRecord> {};
template <>
struct Codec<AliasRecord> : KeysCodec<AliasRecord> {};
template <>
struct Codec<TokenRecord> : KeysCodec<TokenRecord> {};
template <>
struct Codec<DiscardRecord> : KeysCodec<DiscardRecord> {};
template <>
struct Codec<RequestRecord> : KeysCodec<RequestRecord> {};
template <>
struct Codec<CounterRecord> : KeysCodec<CounterRecord> {};
template <>
struct Codec<PointerRecord> : KeysCodec<PointerRecord> {};
template <>
struct Codec<HeaderRecord> : KeysCodec<HeaderRecord> {};

template <typename R>
struct CertificateCodec {
  static Result<R> Read(std::string_view json) { return ReadCertificateAs<R>(json); }
  static std::string Write(const R& record) { return WriteCertificate(record); }
};
template <>
struct Codec<CertificateRecord> : CertificateCodec<CertificateRecord> {};
template <>
struct Codec<CertificateTextsRecord> : CertificateCodec<CertificateTextsRecord> {};

template <>
struct Codec<AccessKeyRecord> {
  static Result<AccessKeyRecord> Read(std::string_view json) {
    return ReadAccessKey(json);
  }
  static std::string Write(const AccessKeyRecord& record) {
    return WriteAccessKey(record);
  }
};
template <>
struct Codec<AccessPointRecord> {
  static Result<AccessPointRecord> Read(std::string_view json) {
    return ReadAccessPoint(json);
  }
  static std::string Write(const AccessPointRecord& record) {
    return WriteAccessPoint(record);
  }
};
template <>
struct Codec<TagRecord> {
  static Result<TagRecord> Read(std::string_view json) { return ReadTag(json); }
  static std::string Write(const TagRecord& record) { return WriteTag(record); }
};

}  // namespace kms::check

#endif  // KMS_CHECK_CODECS_H_
