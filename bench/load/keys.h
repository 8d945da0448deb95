// LoadKeys: the keys that requests name: those that were given, and others made for this
// run, whose deletion is scheduled at its end.

#ifndef KMS_BENCH_LOAD_KEYS_H_
#define KMS_BENCH_LOAD_KEYS_H_

#include <string>
#include <vector>

#include "bench/load/options.h"
#include "kms/result.h"
#include "kmsctl/session.h"

namespace kms::load {

enum class KeyUse { kNone, kSymmetric, kSign, kDecrypt };

struct LoadKey {
  KeyUse use = KeyUse::kNone;
  std::string id;
  std::string version;
  bool sm2 = false;  // otherwise RSA, if it is a pair
};

class LoadKeys {
 public:
  // Both outlive this.
  LoadKeys(const Options& options, server::Session& session)
      : options_(options), session_(session) {}
  // A refusal to delete is told to the standard error.
  ~LoadKeys();
  LoadKeys(const LoadKeys&) = delete;
  LoadKeys& operator=(const LoadKeys&) = delete;

  // ReadGiven looks at the keys of the command line. Fails: as the server does.
  Result<void> ReadGiven();

  // For returns a key for `use`, a given one if there is one, and otherwise makes it.
  // Fails: as the server does.
  Result<LoadKey> For(KeyUse use);

 private:
  std::string SpecFor(KeyUse use) const;
  Result<void> Keep(LoadKey key);

  const Options& options_;
  server::Session& session_;
  std::vector<LoadKey> keys_;
  std::vector<std::string> made_;
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_KEYS_H_
