#include "kmsctl/rsa_wrap.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

#include "kmsctl/failure.h"

namespace kms::server {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

}  // namespace

Result<Bytes> WrapWithRsa(ByteView public_key, ByteView material) {
  const unsigned char* at = public_key.data();
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return ConnectionError("the answer holds no RSA key to wrap with");
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(
      EVP_PKEY_CTX_new(key.get(), nullptr));
  std::size_t size = 0;
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_encrypt(context.get(), nullptr, &size, material.data(), material.size()) !=
          1)
    return Error(Reason::kInternal, "RSA-OAEP of OpenSSL failed");
  Bytes wrapped(size);
  if (EVP_PKEY_encrypt(context.get(), wrapped.data(), &size, material.data(),
                       material.size()) != 1)
    return UsageError("the key material is too long");
  wrapped.resize(size);
  return wrapped;
}

}  // namespace kms::server
