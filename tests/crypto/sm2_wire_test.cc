// SM2 from outside: every form of ciphertext and signature that is understood, and many
// that are not.

#include <vector>

#include "crypto/botan_keys.h"
#include "crypto/hex.h"
#include "crypto/self_test_vectors.h"
#include "crypto/sm2_der.h"
#include "support/matchers.h"

namespace kms::internal {
namespace {

using testing::Hex;

constexpr std::string_view kPrime =
    "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";
constexpr std::string_view kOrder =
    "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes joined;
  for (const Bytes& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

// An element of DER, its length minimal.
Bytes Element(std::uint8_t tag, const Bytes& content) {
  Bytes length = {static_cast<std::uint8_t>(content.size())};
  if (content.size() >= 0x80) length.insert(length.begin(), 0x81);
  return Join({{tag}, length, content});
}

Bytes Integer(Bytes digits) {
  while (digits.size() > 1 && digits[0] == 0) digits.erase(digits.begin());
  if (digits[0] >= 0x80) digits.insert(digits.begin(), 0);
  return Element(0x02, digits);
}

class Sm2WireTest : public ::testing::Test {
 protected:
  Result<SecretBytes> Decrypt(const Bytes& ciphertext) const {
    return secret_->Decrypt(EncryptionAlgorithm::kSm2, ciphertext);
  }
  void ExpectDecrypts(const Bytes& ciphertext) const {
    const auto plaintext = Decrypt(ciphertext);
    ASSERT_OK(plaintext);
    EXPECT_EQ(AsText(plaintext.value().Reveal()), "encryption standard");
  }
  void ExpectRefused(const Bytes& ciphertext) const {
    EXPECT_THAT(Decrypt(ciphertext), testing::Fails(Reason::kBadCiphertext));
  }
  Bytes Der(const Bytes& x, const Bytes& y) const {
    return Element(0x30, Join({x, y, Element(4, hash_), Element(4, masked_)}));
  }
  bool Verify(const Bytes& signature) const {
    return open_->Verify(SignatureAlgorithm::kSm2, digest_, signature).value();
  }

  const std::shared_ptr<PrivateKey> secret_ =
      ReadPrivateKey(KeySpec::kSm2, Hex(self_test::kSm2TestKey));
  const std::shared_ptr<PublicKey> open_ =
      ReadPublicKey(Sm2PublicKeyInfo(Hex(self_test::kSm2TestPoint)));
  const Bytes digest_ = Hex(self_test::kSm2Digest);
  const Bytes raw_ = Hex(self_test::kSm2Ciphertext);
  const Bytes x_{raw_.begin() + 1, raw_.begin() + 33};
  const Bytes y_{raw_.begin() + 33, raw_.begin() + 65};
  const Bytes hash_{raw_.begin() + 65, raw_.begin() + 97};
  const Bytes masked_{raw_.begin() + 97, raw_.end()};
};

TEST_F(Sm2WireTest, ThreeFormsOfCiphertextDecrypt) {
  ExpectDecrypts(raw_);
  ExpectDecrypts(Der(Integer(x_), Integer(y_)));
  ASSERT_GE(y_[0], 0x80);  // so that this one lacks its padding
  ExpectDecrypts(Der(Element(2, x_), Element(2, y_)));
}

// Whoever knows no sign writes a coordinate that begins with zeros in one of two ways, and
// one in 128 does.
TEST_F(Sm2WireTest, ShortCoordinatesDecryptInEverySpelling) {
  const Bytes text = {1, 2, 3};
  int seen[2][2] = {};  // which coordinate, and whether its digits begin with a one
  for (int tries = 0; tries < 20000; ++tries) {
    if (seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]) break;
    const Bytes made = open_->Encrypt(EncryptionAlgorithm::kSm2, text).value();
    const Sm2Ciphertext read = ReadSm2Ciphertext(made).value();
    const Bytes x(read.point.begin() + 1, read.point.begin() + 33);
    const Bytes y(read.point.begin() + 33, read.point.end());
    const auto stripped = [](const Bytes& number) {
      return Bytes(std::ranges::find_if(number, [](auto b) { return b != 0; }),
                   number.end());
    };
    for (const int which : {0, 1}) {
      const Bytes& number = which == 0 ? x : y;
      if (number[0] != 0) continue;
      ++seen[which][stripped(number)[0] >= 0x80];
      for (const Bytes& spelling : {number, stripped(number)}) {
        const Bytes x_then = which == 0 ? Element(2, spelling) : Integer(x);
        const Bytes y_then = which == 1 ? Element(2, spelling) : Integer(y);
        const auto opened = Decrypt(Element(
            0x30, Join({x_then, y_then, Element(4, read.hash), Element(4, read.masked)})));
        ASSERT_OK(opened);
        EXPECT_TRUE(std::ranges::equal(opened->Reveal(), text));
      }
    }
  }
  for (const auto& which : seen)
    for (const int count : which) EXPECT_GT(count, 0);
}

TEST_F(Sm2WireTest, OtherFormsAreRefused) {
  const Bytes x = Integer(x_), y = Integer(y_);
  const Bytes c3 = Element(4, hash_), c2 = Element(4, masked_);
  const Bytes der = Der(x, y);
  for (const Bytes& right : {der, raw_}) {
    for (std::size_t size = 0; size < right.size(); ++size) {
      ExpectRefused({right.begin(), right.begin() + static_cast<std::ptrdiff_t>(size)});
    }
    ExpectRefused(Join({right, {0}}));
    for (std::size_t bit = 0; bit < right.size() * 8; bit += 5) {
      Bytes changed = right;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      ExpectRefused(changed);
    }
  }
  ExpectRefused(Element(0x30, Join({x, y, c2, c3})));
  ExpectRefused(Join({{4}, x_, y_, masked_, hash_}));              // raw C1 C2 C3
  ExpectRefused(Element(0x30, Join({x, y, c3, c2, c2})));          // one too many
  ExpectRefused(Element(0x30, Join({x, y, c3})));                  // one too few
  ExpectRefused(Element(0x30, Join({x, y, c3, Element(4, {})})));  // nothing in it
  ExpectRefused(Element(0x31, Join({x, y, c3, c2})));
  const Bytes two_zeros = Element(2, Join({{0, 0}, x_}));
  ExpectRefused(Der(two_zeros, y));
  ExpectRefused(Der(Element(2, Join({{0}, x_})), y));  // a needless zero
  ExpectRefused(Der(Element(2, {}), y));
  Bytes long_length = der;  // 81 len as 82 00 len
  long_length.insert(long_length.begin() + 2, 0);
  long_length[1] = 0x82;
  ExpectRefused(long_length);
  Bytes endless = der;
  endless[1] = 0x80;
  ExpectRefused(endless);
}

TEST_F(Sm2WireTest, PointsOffTheCurveAreRefused) {
  Bytes other_y = y_;
  other_y.back() ^= 1;
  ExpectRefused(Der(Integer(x_), Integer(other_y)));
  ExpectRefused(Der(Integer(Hex(kPrime)), Integer(y_)));
  ExpectRefused(Der(Integer(Bytes(32, 0xff)), Integer(y_)));
  ExpectRefused(Der(Integer({0}), Integer({0})));
  ExpectRefused(Der(Integer(y_), Integer(x_)));
  ExpectRefused(Join({{4}, x_, other_y, hash_, masked_}));
  ExpectRefused(Join({{6}, x_, y_, hash_, masked_}));
}

TEST_F(Sm2WireTest, OnlyTheCanonicalSignatureIsOne) {
  const Bytes r = Hex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3");
  const Bytes s = Hex("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa");
  const auto pair = [](const Bytes& a, const Bytes& b) {
    return Element(0x30, Join({a, b}));
  };
  const Bytes right = pair(Integer(r), Integer(s));
  EXPECT_TRUE(Verify(right));
  EXPECT_FALSE(Verify(Join({right, {0}})));
  EXPECT_FALSE(Verify(Join({r, s})));
  EXPECT_FALSE(Verify({}));
  EXPECT_FALSE(Verify(pair(Integer(s), Integer(r))));
  EXPECT_FALSE(Verify(pair(Element(2, r), Element(2, s))));
  EXPECT_FALSE(Verify(pair(Element(2, Join({{0, 0}, r})), Integer(s))));
  EXPECT_FALSE(Verify(Element(0x30, Join({Integer(r), Integer(s), Integer({1})}))));
  EXPECT_FALSE(Verify(Element(0x30, Integer(r))));
  Bytes long_length = right;
  long_length.insert(long_length.begin() + 1, 0x81);
  EXPECT_FALSE(Verify(long_length));
  for (std::size_t size = 0; size < right.size(); ++size) {
    EXPECT_FALSE(
        Verify({right.begin(), right.begin() + static_cast<std::ptrdiff_t>(size)}));
  }
  for (std::size_t bit = 0; bit < right.size() * 8; bit += 5) {
    Bytes changed = right;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(Verify(changed)) << bit;
  }
  EXPECT_TRUE(Verify(right));
}

TEST_F(Sm2WireTest, NumbersOutOfRangeAreNoSignature) {
  const Bytes r = Hex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3");
  const Bytes n = Hex(kOrder);
  Bytes n1 = n;
  n1.back() += 1;
  Bytes complement(32);  // n - r
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int digit = n[i] - r[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    complement[i] = static_cast<std::uint8_t>(digit + 256 * borrow);
  }
  const std::vector<Bytes> wrong = {{0}, n, n1, Bytes(32, 0xff), Join({{1}, Bytes(32)})};
  for (const Bytes& number : wrong) {
    EXPECT_FALSE(Verify(Element(0x30, Join({Integer(number), Integer(r)}))));
    EXPECT_FALSE(Verify(Element(0x30, Join({Integer(r), Integer(number)}))));
  }
  EXPECT_FALSE(Verify(Element(0x30, Join({Integer(r), Integer(complement)}))));
}

TEST_F(Sm2WireTest, DigestsHave32Bytes) {
  for (const std::size_t size : {0, 31, 33, 64}) {
    EXPECT_THAT(secret_->Sign(SignatureAlgorithm::kSm2, Bytes(size)),
                testing::Fails(Reason::kBadParameter));
    EXPECT_THAT(open_->Verify(SignatureAlgorithm::kSm2, Bytes(size),
                              Hex(self_test::kSm2Signature)),
                testing::Fails(Reason::kBadParameter));
  }
}

TEST_F(Sm2WireTest, NoPlaintextStaysUnmasked) {
  // Without the step that prevents it, one in 256 would.
  for (int i = 0; i < 3000; ++i) {
    const Bytes plaintext = {static_cast<std::uint8_t>(i)};
    const Bytes made = open_->Encrypt(EncryptionAlgorithm::kSm2, plaintext).value();
    EXPECT_NE(made.back(), plaintext[0]);
    if (i % 100 == 0) {
      EXPECT_EQ(Decrypt(made).value().Reveal()[0], plaintext[0]);
    }
  }
}

TEST_F(Sm2WireTest, PlaintextHas1To6144Bytes) {
  const Bytes longest(6144, 7);
  const auto made = open_->Encrypt(EncryptionAlgorithm::kSm2, longest);
  ASSERT_OK(made);
  EXPECT_TRUE(ConstantTimeEqual(Decrypt(made.value()).value().Reveal(), longest));
  EXPECT_THAT(open_->Encrypt(EncryptionAlgorithm::kSm2, Bytes(6145)),
              testing::Fails(Reason::kTooLong));
  EXPECT_THAT(open_->Encrypt(EncryptionAlgorithm::kSm2, {}),
              testing::FailsAs(ErrorClass::kInvalidArgument));
}

TEST_F(Sm2WireTest, PublicKeysAreOnTheCurveByName) {
  const Bytes right = Sm2PublicKeyInfo(Hex(self_test::kSm2TestPoint));
  ASSERT_NE(ReadPublicKey(right), nullptr);
  Bytes off_curve = right;
  off_curve.back() ^= 1;
  EXPECT_EQ(ReadPublicKey(off_curve), nullptr);
}

}  // namespace
}  // namespace kms::internal
