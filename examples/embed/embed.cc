// Key management inside a program of your own: no server, no network.

#include <cstdio>
#include <string>

#include "kms/kms.h"

int main() {
  // A real program opens a store and a root key on disk: OpenLmdbKeyStore,
  // OpenSoftwareRootKey.
  const auto store = kms::NewMemoryKeyStore();
  const auto root = kms::NewEphemeralRootKey();
  const auto backend = kms::NewSoftwareBackend(*root);
  const auto policy = kms::NewRootPolicy();
  const auto clock = kms::NewSystemClock();
  const auto service = kms::Kms::Open({.store = *store,
                                       .root = *root,
                                       .software = *backend,
                                       .policy = *policy,
                                       .clock = *clock});
  if (!service) return 1;
  kms::Kms& kms = **service;

  kms::RequestContext me;
  me.principal = {"my-account", "my-user", {}, true};
  me.region = "here";

  const auto key =
      kms.keys().Create(me, {.spec = kms::KeySpec::kSm4, .alias = "alias/orders"});
  const auto sealed =
      kms.compute().Encrypt(me, "alias/orders", kms::AsBytes("top secret"));
  const auto opened = kms.compute().Decrypt(me, sealed->blob);
  if (!key || !opened) return 1;
  std::printf("%zu bytes under %s came back as %zu\n", sealed->blob.size(),
              key->id.c_str(), opened->plaintext.size());
  return kms::AsText(opened->plaintext.Reveal()) == "top secret" ? 0 : 1;
}
