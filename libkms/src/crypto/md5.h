// MD5 (RFC 1321). Broken, and here for one reason: the signature of access points
// (libkms/src/signer/access_point_signer.cc) is defined over it.
//
// Threads: free of shared state.

#ifndef KMS_CRYPTO_MD5_H_
#define KMS_CRYPTO_MD5_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace kms {

class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;

  void Add(std::string_view text);
  // Finish may be called once.
  std::array<std::uint8_t, 16> Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms

#endif  // KMS_CRYPTO_MD5_H_
