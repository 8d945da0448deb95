// Cryptoki's names (PKCS#11 2.40), and templates of attributes that own their values.

#ifndef KMS_PKCS11_CRYPTOKI_H_
#define KMS_PKCS11_CRYPTOKI_H_

#include <p11-kit/pkcs11.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/bytes.h"
#include "kms/secret_bytes.h"

namespace kms::pkcs11 {

inline constexpr CK_ULONG kAesSize = 32;
inline constexpr std::size_t kGcmTagSize = 16;
using GcmNonce = std::array<std::uint8_t, 12>;

// Points to both, which stay the caller's. The lengths of nonce and tag are ours to say:
// tokens let any pass.
inline CK_GCM_PARAMS GcmParameters(GcmNonce& nonce, std::span<std::uint8_t> associated) {
  CK_GCM_PARAMS parameters{};
  parameters.pIv = nonce.data();
  parameters.ulIvLen = nonce.size();
  parameters.ulIvBits = nonce.size() * 8;
  parameters.pAAD = associated.data();
  parameters.ulAADLen = associated.size();
  parameters.ulTagBits = kGcmTagSize * 8;
  return parameters;
}

// A template under construction. Attribute values that were added are copied and stay
// where they are as long as the template.
class Template {
 public:
  Template() = default;
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;
  Template(Template&&) = default;
  Template& operator=(Template&&) = default;

  Template& Flag(CK_ATTRIBUTE_TYPE type, bool value) {
    const CK_BBOOL flag = value ? CK_TRUE : CK_FALSE;
    return Add(type, &flag, sizeof flag);
  }
  Template& Number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    return Add(type, &value, sizeof value);
  }
  Template& Data(CK_ATTRIBUTE_TYPE type, ByteView value) {
    return Add(type, value.data(), value.size());
  }
  Template& Text(CK_ATTRIBUTE_TYPE type, std::string_view value) {
    return Add(type, value.data(), value.size());
  }
  // As Data, wiped with the template.
  Template& Secret(CK_ATTRIBUTE_TYPE type, ByteView value) {
    secrets_.push_back(SecretBytes::CopyOf(value));
    const ByteView kept = secrets_.back().Reveal();
    attributes_.push_back({type, const_cast<std::uint8_t*>(kept.data()), kept.size()});
    return *this;
  }
  // An attribute whose value is a template of its own.
  Template& Nested(CK_ATTRIBUTE_TYPE type, Template nested) {
    nested_.push_back(std::move(nested));
    Template& kept = nested_.back();
    attributes_.push_back({type, kept.data(), kept.size() * sizeof(CK_ATTRIBUTE)});
    return *this;
  }

  CK_ATTRIBUTE* data() { return attributes_.data(); }
  CK_ULONG size() const { return attributes_.size(); }

 private:
  Template& Add(CK_ATTRIBUTE_TYPE type, const void* value, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(value);
    values_.emplace_back(bytes, bytes + size);
    attributes_.push_back({type, values_.back().data(), size});
    return *this;
  }

  std::vector<CK_ATTRIBUTE> attributes_;
  // Deques, whose elements never move.
  std::deque<Bytes> values_;
  std::deque<SecretBytes> secrets_;
  std::deque<Template> nested_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_CRYPTOKI_H_
