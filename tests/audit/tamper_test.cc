// Whatever is done to a trail is found, and the first bad line is named: every kind of
// change to every line, also by somebody who computes all hashes anew.

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>

#include "audit/fixture.h"
#include "kms/encoding.h"

namespace kms {
namespace {

using testing::AuditTest;
using testing::ExpectSound;
using testing::Lines;
using testing::ReadLines;

using Files = std::vector<Lines>;

struct Place {
  std::size_t file = 0;
  std::size_t line = 0;
};

class TamperTest : public AuditTest {
 protected:
  // Three files of two runs: heads, calls, batches of several lines, checkpoints.
  void SetUp() override {
    settings.checkpoint_lines = 4;
    settings.segment_bytes = 3500;
    int id = 0;
    for (int run = 0; run < 2; ++run) {
      Open();
      for (int batch = 0; batch < 4; ++batch) {
        Queue(Call("id-" + std::to_string(id++)));
        ASSERT_OK(Tell(Call("id-" + std::to_string(id++))));
      }
    }
    log.reset();
    for (const auto& segment : audit::ListSegments(folder()).value())
      files_.push_back(ReadLines(segment.path));
    ASSERT_GE(files_.size(), 3U);
    whole_ = Verify();
    ExpectSound(whole_);
  }

  void Store(const Files& files) const {
    std::filesystem::remove_all(folder());
    std::filesystem::create_directory(folder());
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::string text;
      for (const std::string& line : files[i]) text += line + "\n";
      testing::WriteFile(Path(i + 1), text);
    }
  }

  // Numbers and hashes, and what heads say of the file before, computed anew from the
  // first line on: what anybody can do who has no key.
  static Files Forged(Files files) {
    audit::Link before;
    bool first = true;
    for (Lines& lines : files) {
      for (std::string& line : lines) {
        boost::json::object members = boost::json::parse(line).as_object();
        const auto hash = members.find("prev");
        if (hash != members.end() && !first) hash->value() = ToHex(before.hash);
        first = false;
        std::string text;
        for (const auto& [name, value] : members) {
          if (name == "seq" || name == "hash") continue;
          if (!text.empty()) text += ',';
          text += "\"" + std::string(name) + "\":" + boost::json::serialize(value);
        }
        audit::Sealer sealer(before);
        std::string sealed;
        sealer.Seal(text, sealed);
        before = sealer.last();
        line = sealed.substr(0, sealed.size() - 1);
      }
    }
    return files;
  }

  void ForEachLine(const std::function<void(Place)>& visit) const {
    for (std::size_t file = 0; file < files_.size(); ++file)
      for (std::size_t line = 0; line < files_[file].size(); ++line) {
        SCOPED_TRACE("file " + std::to_string(file + 1) + " line " +
                     std::to_string(line + 1) + ": " + files_[file][line]);
        visit({file, line});
      }
  }
  bool IsLast(Place at) const {
    return at.file + 1 == files_.size() && at.line + 1 == files_[at.file].size();
  }

  AuditEvidence PublicKeyAlone() const {
    AuditEvidence evidence;
    evidence.public_key = Evidence().public_key;
    return evidence;
  }

  // The trail as it is now has its first bad line at `at`.
  void ExpectFaultAt(Place at) const {
    for (const AuditEvidence& evidence : {PublicKeyAlone(), Evidence()}) {
      const AuditReport report = VerifyAuditLog(folder(), evidence).value();
      ASSERT_TRUE(report.fault);
      EXPECT_EQ(report.fault->file, Path(at.file + 1)) << report.fault->reason;
      EXPECT_EQ(report.fault->line, at.line + 1) << report.fault->reason;
    }
  }

  // Somewhere, at or behind `at`: a forger's lines fit each other up to the next MAC or
  // signature.
  void ExpectForgeryFound(const Files& files, Place at) const {
    Store(Forged(files));
    for (const AuditEvidence& evidence : {PublicKeyAlone(), Evidence()}) {
      const AuditReport report = VerifyAuditLog(folder(), evidence).value();
      ASSERT_TRUE(report.fault);
      EXPECT_GE(std::pair(report.fault->file, report.fault->line),
                std::pair(Path(at.file + 1), at.line == 0 ? 0 : at.line))
          << report.fault->reason;
    }
  }

  // The last lines are missing: nothing in the trail shows that, a note does.
  void ExpectShortButSound() const {
    const AuditReport report = Verify();
    ExpectSound(report);
    EXPECT_LT(report.last_seq, whole_.last_seq);
    AuditEvidence noted = Evidence();
    noted.seq = whole_.last_seq;
    noted.hash = whole_.last_hash;
    EXPECT_TRUE(VerifyAuditLog(folder(), noted).value().fault);
  }

  Files files_;
  AuditReport whole_;
};

TEST_F(TamperTest, ForgingChangesNothingInAnUnchangedTrail) {
  EXPECT_EQ(Forged(files_), files_);
}

TEST_F(TamperTest, AFlippedBitIsFound) {
  ForEachLine([&](Place at) {
    const std::size_t size = files_[at.file][at.line].size();
    for (const std::size_t byte :
         {std::size_t{0}, size / 3, size / 2, size - 20, size - 1}) {
      Files files = files_;
      files[at.file][at.line][byte] ^= 1;
      Store(files);
      ExpectFaultAt(at);
    }
  });
}

TEST_F(TamperTest, AnotherTextInALineIsFound) {
  ForEachLine([&](Place at) {
    Files files = files_;
    std::string& line = files[at.file][at.line];
    const std::size_t found = line.find("192.0.2.1");
    if (found == std::string::npos) return;
    line.replace(found, 9, "192.0.2.9");
    Store(files);
    ExpectFaultAt(at);
    ExpectForgeryFound(files, at);
  });
}

TEST_F(TamperTest, ADeletedLineIsFound) {
  ForEachLine([&](Place at) {
    Files files = files_;
    files[at.file].erase(files[at.file].begin() + static_cast<std::ptrdiff_t>(at.line));
    Store(files);
    if (IsLast(at)) {
      ExpectShortButSound();
      return;
    }
    ExpectFaultAt(at.line < files[at.file].size() ? at : Place{at.file + 1, 0});
    // Without the keys the file's end cannot be signed again: see the next test.
    if (at.file + 1 < files_.size() || at.line > 0) ExpectForgeryFound(files, at);
  });
}

TEST_F(TamperTest, ASwappedPairIsFound) {
  ForEachLine([&](Place at) {
    if (at.line + 1 == files_[at.file].size()) return;
    Files files = files_;
    std::swap(files[at.file][at.line], files[at.file][at.line + 1]);
    Store(files);
    ExpectFaultAt(at);
    ExpectForgeryFound(files, at);
  });
}

TEST_F(TamperTest, AnInsertedLineIsFound) {
  ForEachLine([&](Place at) {
    Files files = files_;
    Lines& lines = files[at.file];
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at.line), files_[0][1]);
    Store(files);
    // Only in its own place is a line where it was; the one after it is then too many.
    ExpectFaultAt(at.file == 0 && at.line == 1 ? Place{0, 2} : at);
    ExpectForgeryFound(files, at);
  });
}

TEST_F(TamperTest, AReplacedLineIsFound) {
  ForEachLine([&](Place at) {
    Files files = files_;
    if (at.file == 0 && at.line == 1) return;
    files[at.file][at.line] = files_[0][1];
    Store(files);
    ExpectFaultAt(at);
    if (!IsLast(at)) ExpectForgeryFound(files, at);
  });
}

TEST_F(TamperTest, ATruncatedFileIsFound) {
  ForEachLine([&](Place at) {
    Files files = files_;
    files[at.file].resize(at.line);
    Store(files);
    if (at.file + 1 == files_.size()) {
      if (at.line > 0) ExpectShortButSound();
      return;
    }
    const AuditReport report = Verify();
    ASSERT_TRUE(report.fault);
    if (at.line == 0) {
      EXPECT_EQ(report.fault->file, Path(at.file + 1));
    } else {
      ExpectFaultAt({at.file + 1, 0});
    }
  });
}

TEST_F(TamperTest, AMissingFileIsFound) {
  for (std::size_t file = 0; file < files_.size(); ++file) {
    SCOPED_TRACE(file);
    Store(files_);
    std::filesystem::remove(Path(file + 1));
    const AuditReport report = Verify();
    if (file == 0) {  // archived, for all that anybody can tell
      ExpectSound(report);
      EXPECT_GT(report.first_seq, 1U);
    } else if (file + 1 == files_.size()) {
      ExpectShortButSound();
    } else {
      ASSERT_TRUE(report.fault);
      EXPECT_EQ(report.fault->file, Path(file + 2));
    }
  }
}

TEST_F(TamperTest, SwappedFilesAreFound) {
  Files files = files_;
  std::swap(files[0], files[1]);
  Store(files);
  ExpectFaultAt({0, 0});
}

TEST_F(TamperTest, AnotherTrailUnderItsOwnKeysIsFound) {
  const AuditEvidence evidence = Evidence();
  std::filesystem::remove_all(folder());
  store = NewMemoryKeyStore();
  Open();
  ASSERT_OK(Tell(Call("forged")));
  log.reset();
  ExpectSound(Verify());
  const AuditReport report = VerifyAuditLog(folder(), evidence).value();
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->line, 1U);
}

TEST_F(TamperTest, ANotedLineIsComparedWhereverItIs) {
  AuditEvidence evidence = Evidence();
  const auto line = audit::ParseLine(files_[1][2]);
  evidence.seq = line->seq;
  evidence.hash = ToHex(line->hash);
  ExpectSound(VerifyAuditLog(folder(), evidence).value());
  evidence.hash = ToHex(Digest32{});
  const AuditReport report = VerifyAuditLog(folder(), evidence).value();
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->file, Path(2));
  EXPECT_EQ(report.fault->line, 3U);
}

}  // namespace
}  // namespace kms
