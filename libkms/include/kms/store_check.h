// Checks of a whole store that nobody uses at the same time: whether its records fit
// together, and whether every key in it can be used. Both only read.
//
// What a check finds is told as it is found, and never has a secret in it. Nothing is
// repaired: a store with findings is told of, or replaced by a backup (kms/backup.h).
//
// Threads: free of shared state; a check runs in the thread that calls it.

#ifndef KMS_STORE_CHECK_H_
#define KMS_STORE_CHECK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/policy_document.h"
#include "kms/result.h"
#include "kms/root_key.h"

namespace kms {

// What is wrong with one record.
struct StoreFinding {
  std::string
      place;  // the parts of its store key (docs/record_format.md), between slashes
  std::string fault;
};

using TellFinding = std::function<void(const StoreFinding&)>;

struct StoreCheckSummary {
  std::map<std::string, std::uint64_t> records;  // of each kind, such as "key"
  std::uint64_t findings = 0;
  std::uint64_t opened = 0;  // secrets that opened under the root key
  std::uint64_t in_hsm = 0;  // secrets that only a token could open: none was tried
};

// What store and root key are checked with. All of it outlives the call.
struct StoreCheckParts {
  const KeyStore& store;
  const RootKey& root;
  CryptoBackend& software;       // over `root`
  const ActionTable& actions;    // that policies may speak of
  CryptoBackend* hsm = nullptr;  // null: TryEveryVersion leaves out keys of HSM level
};

// CheckStore reads every record of one moment, and finds: records that do not parse, or
// stand where their content does not belong; references to what is not there; index
// entries that are missing, or follow from nothing; counters that do not count what is
// there; secrets that do not open at their place; facts that no call of the services
// leads to. It cannot find what nothing else in the store tells of, such as a changed
// description, or an event of the outbox that is missing.
//
// Takes memory for each region and access point, and about 40 bytes for each request id
// that is kept. Fails: kUnavailable if the store cannot be read; kCorrupt.
Result<StoreCheckSummary> CheckStore(const StoreCheckParts& parts,
                                     const TellFinding& tell);

// CheckedKinds are the kinds of records that CheckStore knows, in the order of their
// names. A record of any other is a finding.
std::vector<std::string_view> CheckedKinds();

struct CanarySummary {
  std::uint64_t symmetric = 0;  // versions that sealed and opened a message
  std::uint64_t pairs = 0;      // that signed and verified, encrypted and decrypted
  std::uint64_t without_material = 0;  // of which there is nothing to use
  std::uint64_t in_hsm = 0;            // of HSM level, which were not tried
  std::uint64_t findings = 0;
};

// TryEveryVersion uses every version of every key and certificate, also those of keys
// that are disabled; those of HSM level only with a backend for them, which may be that
// of a token that is open for use only (kms/pkcs11.h).
// Fails: as CheckStore; kUnavailable, whose detail begins with the version's place, if
// the token is not there or lacks what a version needs: no version is blamed for that.
Result<CanarySummary> TryEveryVersion(const StoreCheckParts& parts,
                                      const TellFinding& tell);

}  // namespace kms

#endif  // KMS_STORE_CHECK_H_
