#include "bench/load/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kms::load {
namespace {

using State = AnswerReader::State;

void Give(AnswerReader& reader, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = reader.Space();
    ASSERT_FALSE(space.empty());
    const std::size_t part = std::min(space.size(), bytes.size());
    std::ranges::copy(bytes.substr(0, part), space.begin());
    reader.Added(part);
    bytes.remove_prefix(part);
  }
}

State Outcome(std::string_view bytes) {
  AnswerReader reader;
  Give(reader, bytes);
  Answer answer;
  return reader.Next(answer);
}

std::string Write(int status, const std::string& body, const std::string& more = {}) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Word\r\nServer: s\r\ncontent-LENGTH:  " + std::to_string(body.size()) +
         " \r\n" + more + "\r\n" + body;
}

// However the bytes arrive, and however many answers arrive together.
TEST(AnswerReaderTest, CutsAnswersWhereverReadsEnd) {
  const std::string long_body(40'000, 'x');
  const std::string stream = Write(200, "one") + Write(403, "") + Write(200, long_body) +
                             Write(503, "\r\n\r\n", "Connection: Close\r\n");
  for (const std::size_t step : {1ul, 2ul, 7ul, 1000ul, 4096ul, stream.size()}) {
    AnswerReader reader;
    std::vector<std::pair<int, std::string>> found;
    bool closes = false;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      Give(reader, std::string_view(stream).substr(at, step));
      Answer answer;
      State state = reader.Next(answer);
      for (; state == State::kWhole; state = reader.Next(answer)) {
        EXPECT_FALSE(closes);
        found.emplace_back(answer.status, answer.body);
        closes = answer.closes;
      }
      ASSERT_EQ(state, State::kPartial) << step;
    }
    const std::vector<std::pair<int, std::string>> wanted = {
        {200, "one"}, {403, ""}, {200, long_body}, {503, "\r\n\r\n"}};
    EXPECT_EQ(found, wanted) << step;
    EXPECT_TRUE(closes);
  }
}

TEST(AnswerReaderTest, RefusesWhatHasNoLength) {
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\n\r\n"), State::kMalformed);
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                    "Content-Length: 1\r\n\r\n"),
            State::kMalformed);
  for (const char* bad : {"-1", "1x", "", "1, 1", "99999999999999999999999"})
    EXPECT_EQ(
        Outcome("HTTP/1.1 200 OK\r\nContent-Length: " + std::string(bad) + "\r\n\r\n"),
        State::kMalformed)
        << bad;
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
            State::kMalformed);
}

TEST(AnswerReaderTest, RefusesWhatIsNoAnswer) {
  EXPECT_EQ(Outcome("\r\n\r\n"), State::kMalformed);
  EXPECT_EQ(Outcome("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), State::kMalformed);
  EXPECT_EQ(Outcome("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"), State::kMalformed);
  EXPECT_EQ(Outcome("HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"),
            State::kMalformed);
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n"),
            State::kMalformed);
  EXPECT_EQ(Outcome(std::string(100'000, 'x')), State::kMalformed);
}

}  // namespace
}  // namespace kms::load
