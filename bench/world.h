// World: what kmsd wires together, in this process, for benchmarks of whole requests.

#ifndef KMS_BENCH_WORLD_H_
#define KMS_BENCH_WORLD_H_

#include <memory>
#include <string>

#include "api/dispatcher.h"
#include "kms/access_point_rules.h"
#include "kms/identity.h"
#include "kms/kms.h"

namespace kms::bench {

// A folder of its own under the system's for temporary files, removed at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct WorldOptions {
  bool on_disk = false;  // the store; otherwise in memory
  bool audit = false;
  // The caller is the root user, or one in three groups with a policy each.
  bool as_user = false;
};

class World {
 public:
  explicit World(const WorldOptions& options = {});
  ~World();

  const ScratchFolder folder;
  std::unique_ptr<KeyStore> store;
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewSoftwareBackend(*root);
  std::unique_ptr<Clock> clock = NewSystemClock();
  const ActionTable actions;
  std::unique_ptr<Policy> users;
  std::unique_ptr<Policy> access_points = NewAccessPointPolicy();
  std::unique_ptr<Policy> policy;
  std::unique_ptr<Kms> kms;
  std::unique_ptr<Identity> identity;
  std::unique_ptr<Signer> signer = NewEopSigner();
  server::ReplayGuard guard{std::size_t{64} << 20, Digest32{}};
  std::unique_ptr<server::Authenticator> authenticator;
  std::unique_ptr<server::Dialect> dialect = server::NewSeedDialect();
  std::unique_ptr<AuditLog> audit;
  server::Metrics metrics{server::AllOperations()};
  server::Lanes lanes{{}};
  std::unique_ptr<server::Dispatcher> dispatcher;

  RequestContext me;   // the caller
  SecretBytes secret;  // its access key's
  std::string key;     // of AES_256
};

}  // namespace kms::bench

#endif  // KMS_BENCH_WORLD_H_
