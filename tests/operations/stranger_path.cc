// What stranger_path_test.py counts the instructions of: each operation, asked by another
// account, once about what is there and once about what is not. Runs under callgrind; the
// counts of a request are one dump, named "<operation> there" or "<operation> absent".

#include <valgrind/callgrind.h>

#include <cstdio>

#include "operations/permission_world.h"
#include "store/scratch_directory.h"

namespace kms::server::testing {
namespace {

// Their median counts: some have the tidying of the heap in them.
constexpr int kRepetitions = 16;

void Count(PermissionWorld& world, const Operation& operation, const Caller& caller,
           const std::string& label) {
  for (int i = 0; i < kRepetitions; ++i) {
    // The heap has a rhythm of its own, which must not meet that of the requests.
    for (const bool there : {i % 2 == 0, i % 2 != 0}) {
      const auto request = world.Sign(operation, caller, world.BodyOf(operation, there));
      const std::string name = label + (there ? " there" : " absent");
      world.Settle();
      CALLGRIND_ZERO_STATS;
      world.Exchange(request->http);
      world.Settle();
      CALLGRIND_DUMP_STATS_AT(name.c_str());
    }
  }
}

int Run() {
  kms::testing::ScratchDirectory folder;
  PermissionWorld world(OpenLmdbKeyStore(folder.path()).value());
  CALLGRIND_START_INSTRUMENTATION;
  for (const Operation* const operation : AllOperations())
    if (NamesSomething(*operation) &&
        world.BodyOf(*operation, true) != world.BodyOf(*operation, false))
      Count(world, *operation, world.other_account, std::string(operation->name));
  // To whom it belongs there is a difference, or nothing would be counted.
  Count(world, *FindOperation("describeKey"), world.root, "control");
  CALLGRIND_STOP_INSTRUMENTATION;
  return 0;
}

}  // namespace
}  // namespace kms::server::testing

int main() { return kms::server::testing::Run(); }
