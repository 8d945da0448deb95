// Replays the Wycheproof files of the folder that KMS_WYCHEPROOF_DIR names; skipped if it
// names none.

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "crypto/botan_compat.h"
#include "crypto/botan_keys.h"
#include "crypto/hex.h"
#include "crypto/openssl_rsa.h"
#include "crypto/self_test.h"
#include "kms/digest.h"
#include "support/matchers.h"

namespace kms::internal {
namespace {

namespace json = boost::json;
using testing::Hex;

Bytes Member(const json::object& object, std::string_view name) {
  return Hex(std::string_view(object.at(name).as_string()));
}
std::int64_t Number(const json::object& object, std::string_view name) {
  return object.at(name).as_int64();
}
bool Has(const json::object& test, std::string_view result) {
  return std::string_view(test.at("result").as_string()) == result;
}
bool Equal(ByteView a, ByteView b) { return ConstantTimeEqual(a, b); }

class WycheproofTest : public ::testing::Test {
 protected:
  void Load(const std::string& name) {
    const char* dir = std::getenv("KMS_WYCHEPROOF_DIR");
    if (dir == nullptr) GTEST_SKIP() << "KMS_WYCHEPROOF_DIR is not set";
    std::ifstream file(std::string(dir) + "/" + name);
    if (!file) GTEST_SKIP() << name << " is not there";
    root_ = json::parse(std::string{std::istreambuf_iterator<char>(file), {}});
  }

  // Calls `check` for each test that the outcome of is certain.
  template <typename Check>
  void ForEach(Check check) const {
    int seen = 0;
    for (const auto& group : root_.as_object().at("testGroups").as_array()) {
      for (const auto& entry : group.as_object().at("tests").as_array()) {
        const json::object& test = entry.as_object();
        if (Has(test, "acceptable")) continue;
        SCOPED_TRACE(Number(test, "tcId"));
        check(group.as_object(), test, Has(test, "valid"));
        ++seen;
      }
    }
    EXPECT_GT(seen, 0);
  }

 private:
  json::value root_;
};

TEST_F(WycheproofTest, HmacSha256) {
  Load("hmac_sha256_test.json");
  if (IsSkipped()) return;
  ForEach([](const json::object& group, const json::object& test, bool valid) {
    const Digest32 mac =
        Hmac(DigestAlgorithm::kSha256, Member(test, "key"), Member(test, "msg"));
    const auto size = static_cast<std::size_t>(Number(group, "tagSize") / 8);
    EXPECT_EQ(Equal(ByteView(mac).first(size), Member(test, "tag")), valid);
  });
}

TEST_F(WycheproofTest, HkdfSha256) {
  Load("hkdf_sha256_test.json");
  if (IsSkipped()) return;
  ForEach([](const json::object&, const json::object& test, bool valid) {
    const auto size = static_cast<std::size_t>(Number(test, "size"));
    // More is outside the contract of Hkdf.
    if (size > 255 * 32) {
      EXPECT_FALSE(valid);
      return;
    }
    const SecretBytes made = Hkdf(DigestAlgorithm::kSha256, Member(test, "ikm"),
                                  Member(test, "salt"), Member(test, "info"), size);
    EXPECT_EQ(Equal(made.Reveal(), Member(test, "okm")), valid);
  });
}

TEST_F(WycheproofTest, Aes256Gcm) {
  Load("aes_gcm_test.json");
  if (IsSkipped()) return;
  ForEach([](const json::object& group, const json::object& test, bool valid) {
    // The one shape that libkms uses.
    if (Number(group, "keySize") != 256 || Number(group, "ivSize") != 96 ||
        Number(group, "tagSize") != 128) {
      return;
    }
    const auto mode =
        Botan::AEAD_Mode::create_or_throw("AES-256/GCM", botan::kDecryption);
    const Bytes key = Member(test, "key"), nonce = Member(test, "iv");
    const Bytes associated = Member(test, "aad");
    mode->set_key(key.data(), key.size());
    mode->set_associated_data(associated.data(), associated.size());
    mode->start(nonce.data(), nonce.size());
    Botan::secure_vector<std::uint8_t> text;
    for (const char* part : {"ct", "tag"}) {
      const Bytes bytes = Member(test, part);
      text.insert(text.end(), bytes.begin(), bytes.end());
    }
    bool opened = true;
    try {
      mode->finish(text);
    } catch (const std::exception&) {
      opened = false;
    }
    EXPECT_EQ(opened, valid);
    if (opened) {
      EXPECT_TRUE(Equal(text, Member(test, "msg")));
    }
  });
}

TEST_F(WycheproofTest, RsaOaepSha1) {
  Load("rsa_oaep_2048_sha1_mgf1sha1_test.json");
  if (IsSkipped()) return;
  ForEach([](const json::object& group, const json::object& test, bool valid) {
    if (!Member(test, "label").empty()) return;
    for (const PrivateKeyReader read : {ReadPrivateKey, ReadPrivateKeyForOpenSsl}) {
      const auto key = read(KeySpec::kRsa2048, Member(group, "privateKeyPkcs8"));
      ASSERT_NE(key, nullptr);
      const auto opened =
          key->Decrypt(EncryptionAlgorithm::kRsaOaepSha1, Member(test, "ct"));
      EXPECT_EQ(opened.has_value(), valid);
      if (opened) {
        EXPECT_TRUE(Equal(opened.value().Reveal(), Member(test, "msg")));
      }
    }
  });
}

}  // namespace
}  // namespace kms::internal
