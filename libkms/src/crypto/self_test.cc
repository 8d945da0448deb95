#include "crypto/self_test.h"

#include <botan/hex.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string_view>

#include "crypto/botan_compat.h"
#include "kms/digest.h"

namespace kms::internal {
namespace {

Bytes Hex(std::string_view text) { return Botan::hex_decode(text.data(), text.size()); }

Result<void> Expect(bool right, std::string_view what) {
  if (right) return {};
  return Error(Reason::kInternal, "known answer test failed: " + std::string(what));
}

bool Equal(ByteView a, std::string_view hex) { return std::ranges::equal(a, Hex(hex)); }

Result<void> TestGcm(const char* name, std::string_view key, std::string_view nonce,
                     std::string_view associated, std::string_view plain,
                     std::string_view sealed) {
  const auto mode = Botan::AEAD_Mode::create_or_throw(name, botan::kEncryption);
  const Bytes key_bytes = Hex(key), nonce_bytes = Hex(nonce), data = Hex(associated);
  const Bytes text = Hex(plain);
  mode->set_key(key_bytes.data(), key_bytes.size());
  mode->set_associated_data(data.data(), data.size());
  mode->start(nonce_bytes.data(), nonce_bytes.size());
  Botan::secure_vector<std::uint8_t> buffer(text.begin(), text.end());
  mode->finish(buffer);
  return Expect(Equal(buffer, sealed), name);
}

Result<void> TestHashes() {
  KMS_CHECK_OK(
      Expect(Equal(Digest(DigestAlgorithm::kSha256, AsBytes("abc")),
                   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
             "SHA-256"));
  KMS_CHECK_OK(
      Expect(Equal(Digest(DigestAlgorithm::kSm3, AsBytes("abc")),
                   "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
             "SM3"));
  KMS_CHECK_OK(
      Expect(Equal(Hmac(DigestAlgorithm::kSha256, AsBytes("Jefe"),
                        AsBytes("what do ya want for nothing?")),
                   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
             "HMAC-SHA-256"));
  const Bytes key(22, 0x0b);
  return Expect(
      Equal(Hkdf(DigestAlgorithm::kSha256, key, Hex("000102030405060708090a0b0c"),
                 Hex("f0f1f2f3f4f5f6f7f8f9"), 42)
                .Reveal(),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
            "34007208d5b887185865"),
      "HKDF-SHA-256");
}

}  // namespace

Result<void> RunSelfTest() {
  try {
    KMS_CHECK_OK(TestHashes());
    KMS_CHECK_OK(TestGcm(
        "AES-256/GCM", "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"));
    return TestGcm("SM4/GCM", "0123456789ABCDEFFEDCBA9876543210",
                   "00001234567800000000ABCD", "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
                   "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
                   "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
                   "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
                   "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
                   "83DE3541E4C2B58177E065A9BF7B62EC");
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    return Error(Reason::kInternal, failure.what());
  }
}

}  // namespace kms::internal
