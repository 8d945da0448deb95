// RootKeyContract over the software root keys.

#include "root/root_key_contract.h"

#include "root/root_key_fixture.h"

namespace kms::testing {
namespace {

class TestedSoftware final : public TestedRootKey {
 public:
  const RootKey& root() override {
    if (root_ == nullptr) {
      internal::CreateSoftwareRootKey(folders_.get(), QuickMaking()).value();
      root_ = OpenSoftwareRootKey(folders_.get()).value();
    }
    return *root_;
  }

 private:
  const RootFolders folders_;
  std::unique_ptr<RootKey> root_;
};

class TestedEphemeral final : public TestedRootKey {
 public:
  const RootKey& root() override { return *root_; }

 private:
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
};

INSTANTIATE_TEST_SUITE_P(
    Software, RootKeyContract,
    ::testing::Values(RootKeyImplementation{"Ephemeral",
                                            [] {
                                              return std::make_unique<TestedEphemeral>();
                                            }},
                      RootKeyImplementation{
                          "Software", [] { return std::make_unique<TestedSoftware>(); }}),
    RootKeyName);

}  // namespace
}  // namespace kms::testing
