#include "http/self_signed.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "kms/bytes.h"

namespace kms::server {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Freer<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using AddressPtr = std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>>;

constexpr std::int64_t kDay = 24 * 60 * 60;
constexpr std::int64_t kLifetime = 3650 * kDay;

Error FileError(const std::string& path) {
  return Error(ErrorClass::kUnavailable, Reason::kInternal,
               path + ": " + std::strerror(errno));
}

Error OpenSslError(const char* what) {
  return Error(Reason::kInternal, std::string("OpenSSL: ") + what);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool WriteAll(int file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

// Writes `bytes` under another name first, so that the file is whole or absent.
Result<void> WriteFile(const std::string& directory, const std::string& path, mode_t mode,
                       ByteView bytes) {
  const std::string unfinished = path + ".new";
  unlink(unfinished.c_str());
  const int file =
      open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return FileError(unfinished);
  const bool written = WriteAll(file, bytes) && fsync(file) == 0;
  const bool closed = close(file) == 0;
  if (!written || !closed || rename(unfinished.c_str(), path.c_str()) != 0) {
    Error error = FileError(path);
    unlink(unfinished.c_str());
    return error;
  }
  const int folder = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  return {};
}

// A memory BIO whose bytes are wiped when it goes.
BioPtr NewSecretBio() { return BioPtr(BIO_new(BIO_s_secmem())); }

ByteView BytesOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return AsBytes({data, size > 0 ? static_cast<std::size_t>(size) : 0});
}

Result<KeyPtr> NewKey(const std::string& directory, const std::string& path) {
  KeyPtr key(EVP_EC_gen("P-256"));
  const BioPtr text = NewSecretBio();
  if (!key || !text ||
      PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                               nullptr) != 1) {
    return OpenSslError("making a P-256 key");
  }
  KMS_CHECK_OK(WriteFile(directory, path, 0600, BytesOf(text.get())));
  return key;
}

Result<KeyPtr> ReadKey(const std::string& path) {
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (!file) return FileError(path);
  KeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr));
  if (!key) return Error(Reason::kBadParameter, path + ": not a private key in PEM");
  return key;
}

bool IsAddress(const std::string& host) {
  return AddressPtr(a2i_IPADDRESS(host.c_str())) != nullptr;
}

// True if `host` can stand in an extension without changing its meaning.
bool IsHost(std::string_view host) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:";
  return !host.empty() && host.find_first_not_of(kAllowed) == host.npos;
}

std::string AlternativeNames(const std::string& host) {
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  if (host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1") {
    return names;
  }
  return names + (IsAddress(host) ? ",IP:" : ",DNS:") + host;
}

bool AddExtension(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool FillCertificate(X509* certificate, EVP_PKEY* key, const std::string& host,
                     UnixMillis now) {
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof(serial)) != 1) return false;
  serial[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(
      BN_bin2bn(serial, sizeof(serial), nullptr));
  const std::int64_t seconds = now / 1000;
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto* const common_name = reinterpret_cast<const unsigned char*>("kmsd");
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) &&
         X509_set_version(certificate, X509_VERSION_3) == 1 &&
         // A day earlier, for clients whose clock is behind.
         ASN1_TIME_set(X509_getm_notBefore(certificate), seconds - kDay) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds + kLifetime) &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) ==
             1 &&
         X509_set_issuer_name(certificate, name) == 1 &&
         X509_set_pubkey(certificate, key) == 1 &&
         AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         AddExtension(certificate, NID_key_usage,
                      "critical,digitalSignature,keyCertSign") &&
         AddExtension(certificate, NID_ext_key_usage, "serverAuth") &&
         AddExtension(certificate, NID_subject_key_identifier, "hash") &&
         AddExtension(certificate, NID_subject_alt_name,
                      AlternativeNames(host).c_str()) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

Result<CertificateFiles> EnsureCertificate(const std::string& directory,
                                           const std::string& host, UnixMillis now) {
  CertificateFiles files{directory + "/server.crt", directory + "/server.key"};
  const bool has_key = Exists(files.key);
  if (Exists(files.certificate)) {
    if (has_key) return files;
    return Error(ErrorClass::kWrongState, Reason::kInternal,
                 files.certificate + " is there without " + files.key);
  }
  if (!host.empty() && !IsHost(host)) {
    return Error(Reason::kBadParameter, "not a host name: " + host);
  }
  // The key first: a crash in between leaves what the next start goes on with.
  KMS_TRY(const KeyPtr key, has_key ? ReadKey(files.key) : NewKey(directory, files.key));
  const CertificatePtr certificate(X509_new());
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (!certificate || !text ||
      !FillCertificate(certificate.get(), key.get(), host, now) ||
      PEM_write_bio_X509(text.get(), certificate.get()) != 1) {
    return OpenSslError("making a certificate");
  }
  KMS_CHECK_OK(WriteFile(directory, files.certificate, 0644, BytesOf(text.get())));
  return files;
}

}  // namespace kms::server
