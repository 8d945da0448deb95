// World: a store with records of every kind, made through the services as far as they
// make them; and MapStore, which holds the same records and lets a test change any of
// them.

#ifndef KMS_TESTS_CHECK_WORLD_H_
#define KMS_TESTS_CHECK_WORLD_H_

#include <map>
#include <memory>
#include <string>

#include "check/remembering_backend.h"
#include "iam/fixture.h"
#include "keys/fake_hsm.h"
#include "kms/store_check.h"
#include "support/ready_pairs.h"

namespace kms::testing {

using Records = std::map<std::string, Record>;

Records RecordsOf(const KeyStore& store);

// Reads `records`, which outlive it.
class MapStore final : public KeyStore {
 public:
  explicit MapStore(const Records& records) : records_(records) {}

  Result<std::unique_ptr<Snapshot>> Read() const override;
  Result<Revision> Update(const std::function<Result<void>(Transaction&)>&) override {
    return Reason::kStoreUnavailable;
  }
  Result<void> Check() const override { return {}; }
  Result<Revision> WaitForChange(Revision seen,
                                 std::chrono::milliseconds) const override {
    return seen;
  }

 private:
  const Records& records_;
};

class World : public IamTest {
 protected:
  World();

  // What a check of these records finds, as lines.
  std::vector<std::string> FindingsIn(const Records& records) const;
  StoreCheckParts PartsOf(const KeyStore& of) const {
    return {of, *root, remembering, IamActions()};
  }

  mutable ReadyPairs software{NewSoftwareBackend(*root)};
  mutable RememberingBackend remembering{software};
  FakeHsm hsm;
  Records records;

 private:
  // Each makes what its name says, in the account of root_context.
  void MakeKeys();
  void MakeImports();
  void MakeIdentities();
  void MakeCertificates();
  void MakeTrail();
  void MakeTokenRecords(const std::string& hsm_key);

  RequestContext Request();

  int requests_ = 0;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_CHECK_WORLD_H_
