#include "bench/load/options.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace kms::load {
namespace {

Result<Options> Parse(std::initializer_list<const char*> arguments) {
  return ParseOptions(std::vector<const char*>(arguments));
}

TEST(OptionsTest, ReadsEitherSpellingOfAValue) {
  const auto read = Parse({"--url", "http://h:1", "--credentials=c=d", "--op",
                           "encrypt=9,asymmetricSign", "--size=4096", "--connections",
                           "8", "--seconds", "2.5", "--rate=1e3", "--key", "a", "--key",
                           "b", "--spec=SM4", "--pipeline", "3", "--json"});
  ASSERT_TRUE(read) << read.error().detail();
  EXPECT_EQ(read->url, "http://h:1");
  EXPECT_EQ(read->credentials, "c=d");
  ASSERT_EQ(read->operations.size(), 2u);
  EXPECT_EQ(read->operations[0].operation, "encrypt");
  EXPECT_EQ(read->operations[0].weight, 9u);
  EXPECT_EQ(read->operations[1].weight, 1u);
  EXPECT_EQ(read->size, 4096u);
  EXPECT_EQ(read->connections, 8u);
  EXPECT_EQ(read->seconds, 2.5);
  EXPECT_EQ(read->rate, 1000);
  EXPECT_EQ(read->keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read->specs, (std::vector<std::string>{"SM4"}));
  EXPECT_EQ(read->pipeline, 3u);
  EXPECT_TRUE(read->json);
}

TEST(OptionsTest, NamesTheArgumentThatIsWrong) {
  const auto refused = [](std::string_view name,
                          std::initializer_list<const char*> arguments) {
    const auto read = Parse(arguments);
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().error_class(), ErrorClass::kInvalidArgument);
    EXPECT_TRUE(read.error().detail().starts_with(name)) << read.error().detail();
  };
  refused("--bogus", {"--bogus", "1"});
  refused("extra", {"extra"});
  refused("--size", {"--size", "0"});
  refused("--size", {"--size", "1k"});
  refused("--size", {"--size"});
  refused("--seconds", {"--seconds", "nan"});
  refused("--rate", {"--rate", "-1"});
  refused("--op", {"--op", "a=0"});
  refused("--op", {"--op", "a,,b"});
  refused("--op", {"--op", "a,a"});
  refused("--spec", {"--spec", "DES"});
  refused("--op is missing", {"--url", "http://h:1"});
  refused("--url is missing", {"--op", "healthz"});
  refused("--credentials is missing", {"--op", "encrypt", "--url", "http://h:1"});
  refused("--threads",
          {"--op=healthz", "--url=http://h", "--threads=3", "--connections=2"});
}

}  // namespace
}  // namespace kms::load
