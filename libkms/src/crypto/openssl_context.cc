#include "crypto/openssl_context.h"

#include <openssl/provider.h>

namespace kms::internal {
namespace {

struct Providers {
  Providers() : context(OSSL_LIB_CTX_new()) {
    const QuietErrors quiet;
    OSSL_PROVIDER_load(context, "default");
    legacy = OSSL_PROVIDER_load(context, "legacy") != nullptr;
  }
  OSSL_LIB_CTX* const context;
  bool legacy = false;
};

// Never destroyed: objects of other statics may still refer to it.
const Providers& TheProviders() {
  static const Providers* const providers = new Providers;
  return *providers;
}

}  // namespace

OSSL_LIB_CTX* Library() { return TheProviders().context; }
bool HasLegacyProvider() { return TheProviders().legacy; }

}  // namespace kms::internal
