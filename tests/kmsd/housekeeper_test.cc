#include "kmsd/housekeeper.h"

#include <spdlog/sinks/null_sink.h>

#include <chrono>
#include <latch>
#include <memory>
#include <thread>

#include "keys/fake_hsm.h"
#include "keys/fixture.h"
#include "store/scratch_directory.h"

namespace kms::server {
namespace {

using testing::FakeHsm;
using testing::kDay;

class HousekeeperTest : public testing::KmsTest {
 protected:
  HousekeeperTest() {
    hsm = &token;
    Reopen();
  }

  FakeHsm token;
  const testing::ScratchDirectory folder;
  const std::unique_ptr<AuditLog> audit =
      OpenAuditLog({.folder = folder.path() + "/audit",
                    .store = store,
                    .root = *root,
                    .backend = *backend,
                    .clock = clock})
          .value();
  spdlog::logger log{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
};

// Far more is due than is done before a stop is heard, and each thing takes a while.
TEST_F(HousekeeperTest, ItsEndDoesNotWaitForAllThatIsDue) {
  constexpr std::size_t kDue = 500;
  for (std::size_t i = 0; i < kDue; ++i)
    (void)MakeKey({.level = ProtectionLevel::kHsm, .rotation_days = 7});
  clock.Advance(7 * kDay);
  std::latch begun(1), ending(1);
  std::size_t made = 0;
  token.on_generate = [&] {
    if (++made == 1) {
      begun.count_down();
      ending.wait();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  {
    const Housekeeper housekeeper(*kms, *audit, log);
    begun.wait();
    ending.count_down();
  }
  EXPECT_LT(made, kDue);
  token.on_generate = nullptr;
  EXPECT_EQ(kms->RunDueWork()->rotated, kDue - made) << "and nothing is lost";
}

}  // namespace
}  // namespace kms::server
