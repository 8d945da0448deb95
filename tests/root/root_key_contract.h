// What every RootKey does: the tests are in root_key_contract.cc, and each implementation
// is put to them by an INSTANTIATE_TEST_SUITE_P of its own.

#ifndef KMS_TESTS_ROOT_ROOT_KEY_CONTRACT_H_
#define KMS_TESTS_ROOT_ROOT_KEY_CONTRACT_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "kms/root_key.h"

namespace kms::testing {

// A root key with whatever it needs, alive as long as this; each is another one.
class TestedRootKey {
 public:
  virtual ~TestedRootKey() = default;
  virtual const RootKey& root() = 0;
};

struct RootKeyImplementation {
  const char* name;
  std::function<std::unique_ptr<TestedRootKey>()> make;
};

class RootKeyContract : public ::testing::TestWithParam<RootKeyImplementation> {
 protected:
  // There may be room for one at a time.
  void MakeAnother() {
    tested_.reset();
    tested_ = GetParam().make();
    root_ = &tested_->root();
  }
  std::unique_ptr<TestedRootKey> tested_ = GetParam().make();
  const RootKey* root_ = &tested_->root();
};

inline std::string RootKeyName(
    const ::testing::TestParamInfo<RootKeyImplementation>& tested) {
  return tested.param.name;
}

}  // namespace kms::testing

#endif  // KMS_TESTS_ROOT_ROOT_KEY_CONTRACT_H_
