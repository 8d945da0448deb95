// What the parts hold (root/key_parts.h has the files):
//   wrap     32 bytes: the symmetric key
//   private  PKCS#8 RSA-3072, sealed under it (context "private")
//   root     RSA-OAEP-SHA-256 of the root key, then HMAC-SHA-256(root key, "libkms
//            root")

#include "root/software_root_key.h"

#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crypto/botan_compat.h"
#include "crypto/message_cipher.h"
#include "kms/digest.h"
#include "kms/encoding.h"
#include "root/key_parts.h"

namespace kms {

namespace {

using internal::CipherSuite;
using internal::KeyParts;
using internal::MessageCipher;
using internal::Part;
using internal::PartFile;
using internal::RootKeyMaking;

constexpr std::size_t kRootSize = 32;
constexpr std::size_t kRsaBits = 3072;
constexpr std::size_t kRsaSize = kRsaBits / 8;

class SoftwareRootKey final : public RootKey {
 public:
  explicit SoftwareRootKey(SecretBytes key)
      : cipher_(CipherSuite::kAes256Gcm, std::move(key)) {}

  Result<Bytes> Seal(const Place& place, ByteView secret) const override {
    return cipher_.Seal({}, AsBytes(EncodePlace(place)), secret);
  }
  Result<SecretBytes> Open(const Place& place, ByteView sealed) const override {
    auto opened = cipher_.Open({}, AsBytes(EncodePlace(place)), sealed);
    if (!opened) return Reason::kKeyDecryptionFailed;
    return opened;
  }

 private:
  mutable MessageCipher cipher_;
};

SecretBytes RandomKey() {
  return SecretBytes::Filled(kRootSize, [](std::span<std::uint8_t> out) {
    Botan::System_RNG rng;
    rng.randomize(out.data(), out.size());
  });
}

Error Unavailable(const std::string& what) {
  return Error(ErrorClass::kUnavailable, Reason::kStoreUnavailable, what);
}
Error Corrupt(const std::string& what) {
  return Error(ErrorClass::kCorrupt, Reason::kKeyDecryptionFailed, what);
}

Digest32 CheckOf(const SecretBytes& root) {
  return Hmac(DigestAlgorithm::kSha256, root.Reveal(), AsBytes("libkms root"));
}

Result<void> WriteGeneration(const KeyParts& parts, std::uint64_t n,
                             const SecretBytes& root, const RootKeyMaking& making) {
  try {
    Botan::System_RNG rng;
    const Botan::RSA_PrivateKey pair = making.new_pair();
    SecretBytes wrapping = RandomKey();
    KMS_CHECK_OK(parts.WriteTemporary(Part::kWrap, n, wrapping.Reveal()));
    MessageCipher cipher(CipherSuite::kAes256Gcm, std::move(wrapping));
    KMS_TRY(const Bytes sealed,
            cipher.Seal({}, AsBytes("private"), Botan::PKCS8::BER_encode(pair)));
    KMS_CHECK_OK(parts.WriteTemporary(Part::kPrivate, n, sealed));
    Botan::PK_Encryptor_EME encryptor(pair, rng, "OAEP(SHA-256)");
    Bytes body = encryptor.encrypt(root.Reveal().data(), root.size(), rng);
    const Digest32 check = CheckOf(root);
    body.insert(body.end(), check.begin(), check.end());
    KMS_CHECK_OK(parts.WriteTemporary(Part::kRoot, n, body));
    return parts.PutInPlace(n);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    return Unavailable(failure.what());
  }
}

Result<SecretBytes> OpenGeneration(const KeyParts& parts, std::uint64_t n) {
  KMS_TRY(SecretBytes wrapping, parts.Read(Part::kWrap, n));
  KMS_TRY(const SecretBytes sealed, parts.Read(Part::kPrivate, n));
  KMS_TRY(const SecretBytes body, parts.Read(Part::kRoot, n));
  if (wrapping.size() != kRootSize || body.size() != kRsaSize + sizeof(Digest32)) {
    return Corrupt("wrong length");
  }
  MessageCipher cipher(CipherSuite::kAes256Gcm, std::move(wrapping));
  const auto encoded = cipher.Open({}, AsBytes("private"), sealed.Reveal());
  if (!encoded) return Corrupt("the private key does not open");
  try {
    Botan::System_RNG rng;
    Botan::DataSource_Memory source(encoded.value().Reveal().data(),
                                    encoded.value().size());
    const auto pair = Botan::PKCS8::load_key(source);
    Botan::PK_Decryptor_EME decryptor(*pair, rng, "OAEP(SHA-256)");
    SecretBytes root =
        SecretBytes::CopyOf(decryptor.decrypt(body.Reveal().data(), kRsaSize));
    if (root.size() != kRootSize ||
        !ConstantTimeEqual(CheckOf(root), body.Reveal().subspan(kRsaSize))) {
      return Corrupt("the root key does not check out");
    }
    return root;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return Corrupt("the root key does not open");
  }
}

bool IsUsed(const PartFile& file) { return file.part == Part::kRoot && !file.temporary; }

// Falls back to an older generation only where the newer one is damaged.
Result<SecretBytes> OpenNewest(const KeyParts& parts,
                               const std::vector<PartFile>& files) {
  std::set<std::uint64_t, std::greater<>> used;
  for (const PartFile& file : files) {
    if (IsUsed(file)) used.insert(file.generation);
  }
  std::optional<Error> newest;
  for (const std::uint64_t n : used) {
    auto root = OpenGeneration(parts, n);
    if (root || root.error().error_class() != ErrorClass::kCorrupt) return root;
    if (!newest) newest = root.error();
  }
  if (newest) return *newest;
  return Error(ErrorClass::kNotFound, Reason::kInternal, "there is no root key");
}

RootKeyMaking Making() {
  return {[] {
            Botan::System_RNG rng;
            return Botan::RSA_PrivateKey(rng, kRsaBits);
          },
          [] {}};
}

}  // namespace

namespace internal {

Result<std::unique_ptr<RootKey>> CreateSoftwareRootKey(
    const SoftwareRootKeyFolders& folders, const RootKeyMaking& making) {
  const KeyParts parts(folders, making.after_step);
  KMS_TRY(std::vector<PartFile> leftovers, parts.List());
  if (std::ranges::any_of(leftovers, IsUsed)) {
    return Error(ErrorClass::kAlreadyExists, Reason::kInternal,
                 "there is a root key already");
  }
  // An interrupted creation leaves its temporary root part. Without one, parts in place
  // belong to a root part that is elsewhere, perhaps on a disk that is not mounted.
  const bool interrupted = std::ranges::any_of(
      leftovers, [](const PartFile& file) { return file.part == Part::kRoot; });
  const bool in_place = std::ranges::any_of(
      leftovers, [](const PartFile& file) { return !file.temporary; });
  if (in_place && !interrupted) {
    return Error(ErrorClass::kAlreadyExists, Reason::kInternal,
                 "parts of a root key are there, but no root part in " + folders.root);
  }
  // That evidence goes last.
  std::ranges::sort(leftovers, {}, [](const PartFile& file) {
    return std::pair(file.temporary, file.part);
  });
  KMS_CHECK_OK(parts.Remove(leftovers));
  SecretBytes root = RandomKey();
  KMS_CHECK_OK(WriteGeneration(parts, 1, root, making));
  return std::unique_ptr<RootKey>(std::make_unique<SoftwareRootKey>(std::move(root)));
}

Result<void> RewrapSoftwareRootKey(const SoftwareRootKeyFolders& folders,
                                   const RootKeyMaking& making) {
  const KeyParts parts(folders, making.after_step);
  KMS_TRY(const std::vector<PartFile> files, parts.List());
  KMS_TRY(const SecretBytes root, OpenNewest(parts, files));
  std::uint64_t newest_used = 0;
  for (const PartFile& file : files) {
    if (IsUsed(file)) newest_used = std::max(newest_used, file.generation);
  }
  std::vector<PartFile> leftovers, old;
  for (const PartFile& file : files) {
    const bool leftover = file.temporary || file.generation > newest_used;
    (leftover ? leftovers : old).push_back(file);
  }
  KMS_CHECK_OK(parts.Remove(leftovers));
  const std::uint64_t next = newest_used + 1;
  KMS_CHECK_OK(WriteGeneration(parts, next, root, making));
  KMS_TRY(const SecretBytes again, OpenGeneration(parts, next));
  if (!(again == root)) return Corrupt("the new generation holds another key");
  // Root parts first, so that no generation looks usable that is not.
  std::ranges::sort(old, std::greater<>(), &PartFile::part);
  return parts.Remove(old);
}

}  // namespace internal

Result<std::unique_ptr<RootKey>> CreateSoftwareRootKey(
    const SoftwareRootKeyFolders& folders) {
  return internal::CreateSoftwareRootKey(folders, Making());
}

Result<std::unique_ptr<RootKey>> OpenSoftwareRootKey(
    const SoftwareRootKeyFolders& folders) {
  const KeyParts parts(folders, [] {});
  KMS_TRY(const std::vector<PartFile> files, parts.List());
  KMS_TRY(SecretBytes root, OpenNewest(parts, files));
  return std::unique_ptr<RootKey>(std::make_unique<SoftwareRootKey>(std::move(root)));
}

Result<void> RewrapSoftwareRootKey(const SoftwareRootKeyFolders& folders) {
  return internal::RewrapSoftwareRootKey(folders, Making());
}

std::unique_ptr<RootKey> NewEphemeralRootKey() {
  return std::make_unique<SoftwareRootKey>(RandomKey());
}

}  // namespace kms
