// Each part file: one line "libkms <part> 1", then the part's bytes.
//   wrap.N     32 bytes: the symmetric key
//   private.N  PKCS#8 RSA-3072, sealed under it (context "private")
//   root.N     RSA-OAEP-SHA-256 of the root key, then HMAC-SHA-256(root key, "libkms
//   root")

#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include "crypto/botan_compat.h"
#include "crypto/message_cipher.h"
#include "kms/digest.h"
#include "kms/encoding.h"
#include "kms/root_key.h"

namespace kms {

RootKey::~RootKey() = default;

namespace {

namespace fs = std::filesystem;
using internal::CipherSuite;
using internal::MessageCipher;

constexpr std::size_t kRootSize = 32;
constexpr std::size_t kRsaBits = 3072;
constexpr std::size_t kMaxFile = 64 * 1024;

class SoftwareRootKey final : public RootKey {
 public:
  explicit SoftwareRootKey(SecretBytes key)
      : cipher_(CipherSuite::kAes256Gcm, std::move(key)) {}

  Result<Bytes> Seal(const Place& place, ByteView secret) const override {
    return cipher_.Seal({}, AsBytes(ContextOf(place)), secret);
  }
  Result<SecretBytes> Open(const Place& place, ByteView sealed) const override {
    auto opened = cipher_.Open({}, AsBytes(ContextOf(place)), sealed);
    if (!opened) return Reason::kKeyDecryptionFailed;
    return opened;
  }

 private:
  static std::string ContextOf(const Place& place) {
    return JoinKey({place.account, place.object, place.version, place.purpose});
  }
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

struct Part {
  std::string_view name;
  std::string folder;
  std::string Path(std::uint64_t n) const {
    return folder + "/" + std::string(name) + "." + std::to_string(n);
  }
  std::string Header() const { return "libkms " + std::string(name) + " 1\n"; }
};

struct Parts {
  explicit Parts(const SoftwareRootKeyFolders& folders)
      : wrap{"wrap", folders.wrapping_key},
        secret{"private", folders.private_key},
        root{"root", folders.root} {}
  Part wrap, secret, root;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Result<void> SyncFolder(const std::string& folder) {
  const Descriptor dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.get() < 0 || ::fsync(dir.get()) != 0)
    return Unavailable("cannot sync " + folder);
  return {};
}

Result<void> WritePart(const Part& part, std::uint64_t n, ByteView content) {
  const std::string temporary = part.Path(n) + ".tmp";
  {
    const Descriptor file(::open(
        temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return Unavailable("cannot create " + temporary);
    const std::string header = part.Header();
    for (ByteView left : {AsBytes(header), content}) {
      while (!left.empty()) {
        const ssize_t written = ::write(file.get(), left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return Unavailable("cannot write " + temporary);
        left = left.subspan(static_cast<std::size_t>(written));
      }
    }
    if (::fsync(file.get()) != 0) return Unavailable("cannot sync " + temporary);
  }
  if (::rename(temporary.c_str(), part.Path(n).c_str()) != 0) {
    return Unavailable("cannot rename " + temporary);
  }
  return SyncFolder(part.folder);
}

Result<SecretBytes> ReadPart(const Part& part, std::uint64_t n) {
  const std::string path = part.Path(n);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    return errno == ENOENT ? Corrupt("missing " + path)
                           : Unavailable("cannot open " + path);
  }
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return Unavailable("cannot stat " + path);
  if ((status.st_mode & 077) != 0) {
    return Error(ErrorClass::kDenied, Reason::kInternal, "others may read " + path);
  }
  if (!S_ISREG(status.st_mode) || status.st_size > off_t{kMaxFile}) return Corrupt(path);
  bool complete = true;
  const SecretBytes all = SecretBytes::Filled(
      static_cast<std::size_t>(status.st_size), [&](std::span<std::uint8_t> out) {
        while (!out.empty()) {
          const ssize_t got = ::read(file.get(), out.data(), out.size());
          if (got < 0 && errno == EINTR) continue;
          if (got <= 0) {
            complete = false;
            return;
          }
          out = out.subspan(static_cast<std::size_t>(got));
        }
      });
  if (!complete) return Unavailable("cannot read " + path);
  const std::string header = part.Header();
  if (!AsText(all.Reveal()).starts_with(header))
    return Corrupt("not a key part: " + path);
  return SecretBytes::CopyOf(all.Reveal().subspan(header.size()));
}

Result<void> FindGenerations(const Part& part, std::set<std::uint64_t>* found) {
  std::error_code failure;
  fs::directory_iterator at(part.folder, failure), end;
  if (failure == std::errc::no_such_file_or_directory) return {};
  for (; !failure && at != end; at.increment(failure)) {
    const std::string name = at->path().filename().string();
    const std::string prefix = std::string(part.name) + ".";
    if (!name.starts_with(prefix)) continue;
    std::uint64_t n = 0;
    const char* last = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + prefix.size(), last, n);
    if (error == std::errc() && stop == last) found->insert(n);
  }
  if (failure) return Unavailable("cannot list " + part.folder);
  return {};
}

Result<std::set<std::uint64_t>> Generations(const Parts& parts) {
  std::set<std::uint64_t> found;
  for (const Part* part : {&parts.wrap, &parts.secret, &parts.root}) {
    KMS_CHECK_OK(FindGenerations(*part, &found));
  }
  return found;
}

Digest32 CheckOf(const SecretBytes& root) {
  return Hmac(DigestAlgorithm::kSha256, root.Reveal(), AsBytes("libkms root"));
}

Result<void> WriteGeneration(const Parts& parts, std::uint64_t n,
                             const SecretBytes& root) {
  Botan::System_RNG rng;
  const Botan::RSA_PrivateKey pair(rng, kRsaBits);
  SecretBytes wrapping = RandomKey();
  KMS_CHECK_OK(WritePart(parts.wrap, n, wrapping.Reveal()));
  MessageCipher cipher(CipherSuite::kAes256Gcm, std::move(wrapping));
  KMS_TRY(const Bytes sealed,
          cipher.Seal({}, AsBytes("private"), Botan::PKCS8::BER_encode(pair)));
  KMS_CHECK_OK(WritePart(parts.secret, n, sealed));
  Botan::PK_Encryptor_EME encryptor(pair, rng, "OAEP(SHA-256)");
  Bytes body = encryptor.encrypt(root.Reveal().data(), root.size(), rng);
  const Digest32 check = CheckOf(root);
  body.insert(body.end(), check.begin(), check.end());
  return WritePart(parts.root, n, body);
}

Result<SecretBytes> OpenGeneration(const Parts& parts, std::uint64_t n) {
  KMS_TRY(SecretBytes wrapping, ReadPart(parts.wrap, n));
  KMS_TRY(const SecretBytes sealed, ReadPart(parts.secret, n));
  KMS_TRY(const SecretBytes body, ReadPart(parts.root, n));
  if (wrapping.size() != kRootSize || body.size() != kRsaBits / 8 + 32) {
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
        SecretBytes::CopyOf(decryptor.decrypt(body.Reveal().data(), kRsaBits / 8));
    if (root.size() != kRootSize ||
        !ConstantTimeEqual(CheckOf(root), body.Reveal().subspan(kRsaBits / 8))) {
      return Corrupt("the root key does not check out");
    }
    return root;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return Corrupt("the root key does not open");
  }
}

Result<SecretBytes> OpenNewest(const Parts& parts) {
  KMS_TRY(const auto generations, Generations(parts));
  if (generations.empty()) return Error(ErrorClass::kNotFound, Reason::kInternal);
  std::optional<Error> last;
  for (auto n = generations.rbegin(); n != generations.rend(); ++n) {
    auto root = OpenGeneration(parts, *n);
    if (root || root.error().error_class() != ErrorClass::kCorrupt) return root;
    last = root.error();
  }
  return *last;
}

}  // namespace

Result<std::unique_ptr<RootKey>> CreateSoftwareRootKey(
    const SoftwareRootKeyFolders& folders) {
  const Parts parts(folders);
  KMS_TRY(const auto generations, Generations(parts));
  if (!generations.empty()) return Error(ErrorClass::kAlreadyExists, Reason::kInternal);
  try {
    SecretBytes root = RandomKey();
    KMS_CHECK_OK(WriteGeneration(parts, 1, root));
    return std::unique_ptr<RootKey>(std::make_unique<SoftwareRootKey>(std::move(root)));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    return Unavailable(failure.what());
  }
}

Result<std::unique_ptr<RootKey>> OpenSoftwareRootKey(
    const SoftwareRootKeyFolders& folders) {
  KMS_TRY(SecretBytes root, OpenNewest(Parts(folders)));
  return std::unique_ptr<RootKey>(std::make_unique<SoftwareRootKey>(std::move(root)));
}

Result<void> RewrapSoftwareRootKey(const SoftwareRootKeyFolders& folders) {
  const Parts parts(folders);
  KMS_TRY(const SecretBytes root, OpenNewest(parts));
  KMS_TRY(const auto generations, Generations(parts));
  const std::uint64_t next = *generations.rbegin() + 1;
  try {
    KMS_CHECK_OK(WriteGeneration(parts, next, root));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    return Unavailable(failure.what());
  }
  KMS_TRY(const SecretBytes again, OpenGeneration(parts, next));
  if (!(again == root)) return Corrupt("the new generation holds another key");
  for (const std::uint64_t old : generations) {
    for (const Part* part : {&parts.root, &parts.secret, &parts.wrap}) {
      if (::unlink(part->Path(old).c_str()) != 0 && errno != ENOENT) {
        return Unavailable("cannot remove " + part->Path(old));
      }
      KMS_CHECK_OK(SyncFolder(part->folder));
    }
  }
  return {};
}

std::unique_ptr<RootKey> NewEphemeralRootKey() {
  return std::make_unique<SoftwareRootKey>(RandomKey());
}

}  // namespace kms
