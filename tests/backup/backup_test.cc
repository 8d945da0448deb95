// Backups of a store that is in use, and stores made of them.

#include "kms/backup.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "keys/fixture.h"
#include "keys/records.h"
#include "keys/token_records.h"
#include "kms/encoding.h"
#include "store/scratch_directory.h"

namespace kms {
namespace {

using testing::FailsAs;
using testing::Holds;

std::map<std::string, Record> RecordsOf(const KeyStore& store) {
  std::map<std::string, Record> all;
  const auto snapshot = store.Read().value();
  for (Record& record : snapshot->Scan({}, {}, SIZE_MAX).value())
    all[record.key] = record;
  return all;
}

class BackupTest : public testing::KmsTest {
 protected:
  Bytes Read(StoreBackup& backup, std::size_t piece = 1000) {
    Bytes all;
    Bytes room(piece);
    for (;;) {
      const std::size_t n = backup.Read(room).value();
      if (n == 0) return all;
      all.insert(all.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }
  Bytes Backup() { return Read(*StoreBackup::Begin(store, clock).value()); }

  Result<BackupManifest> Restore(ByteView stream, const std::string& directory,
                                 std::size_t piece = 777) {
    KMS_TRY(const auto restore, StoreRestore::Begin(clock, directory));
    for (std::size_t at = 0; at < stream.size(); at += piece)
      KMS_CHECK_OK(
          restore->Write(stream.subspan(at, std::min(piece, stream.size() - at))));
    return restore->Finish();
  }
  std::unique_ptr<Kms> Open(KeyStore& restored) {
    return Kms::Open({.store = restored,
                      .root = *root,
                      .software = *backend,
                      .policy = *policy,
                      .clock = clock,
                      .limits = limits})
        .value();
  }

  testing::ScratchDirectory scratch_;
};

TEST_F(BackupTest, RestoresEveryRecordWithItsRevision) {
  for (const KeySpec spec :
       {KeySpec::kAes256, KeySpec::kSm4, KeySpec::kRsa2048, KeySpec::kSm2})
    MakeKey(
        {.spec = spec,
         .usage = IsSymmetric(spec) ? KeyUsage::kEncryptDecrypt : KeyUsage::kSignVerify});
  for (int i = 0; i < 100; ++i) MakeKey();  // more than one batch
  auto before = RecordsOf(store);

  const auto backup = StoreBackup::Begin(store, clock).value();
  const Bytes stream = Read(*backup);
  const auto restored = Restore(stream, scratch_.path());
  ASSERT_OK(restored);
  EXPECT_EQ(restored->created, clock.Now());
  EXPECT_EQ(restored->revision, store.Read().value()->revision());
  EXPECT_EQ(restored->epoch, 1u);
  EXPECT_EQ(restored->records, backup->manifest().records);
  EXPECT_EQ(restored->records.at("key"), 104u);
  EXPECT_EQ(restored->digest, backup->manifest().digest);

  const auto opened = OpenLmdbKeyStore(scratch_.path()).value();
  const auto after = RecordsOf(*opened);
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [key, record] : before) {
    EXPECT_EQ(after.at(key).value, record.value);
    EXPECT_EQ(after.at(key).revision, record.revision);
  }
}

TEST_F(BackupTest, IsOfOneMomentWhileTheStoreChanges) {
  const std::string key = MakeKey();
  const auto before = RecordsOf(store);
  const auto backup = StoreBackup::Begin(store, clock).value();
  Bytes room(10);
  ASSERT_EQ(backup->Read(room).value(), 8u);  // no record yet
  Bytes stream(room.begin(), room.begin() + 8);
  MakeKey();
  EXPECT_OK(kms->keys().Disable(me, key));
  const Bytes rest = Read(*backup, 100);
  stream.insert(stream.end(), rest.begin(), rest.end());
  ASSERT_OK(Restore(stream, scratch_.path()));
  const auto after = RecordsOf(*OpenLmdbKeyStore(scratch_.path()).value());
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, record] : before) EXPECT_EQ(after.at(name).value, record.value);
}

// Whatever the old store went on to do, the restored one repeats nothing of it.
TEST_F(BackupTest, NoNonceComesTwiceAfterwards) {
  const std::string key = MakeKey();
  const Bytes stream = Backup();
  ASSERT_OK(Restore(stream, scratch_.path()));
  const auto restored = OpenLmdbKeyStore(scratch_.path()).value();
  const auto again = Open(*restored);
  std::set<Bytes> nonces;  // salt and nonce, behind head, format and suite
  const auto take = [&](Kms& of) {
    for (int i = 0; i < 200; ++i) {
      const auto sealed = of.compute().Encrypt(me, key, testing::View("text"));
      ASSERT_OK(sealed);
      const auto begin = sealed->blob.begin() + 104 + 2;
      EXPECT_TRUE(nonces.emplace(begin, begin + 16 + 12).second);
      EXPECT_TRUE(Holds(again->compute().Decrypt(me, sealed->blob)->plaintext, "text"));
    }
  };
  take(*kms);
  take(*again);
  Reopen();
  take(*kms);
  EXPECT_EQ(nonces.size(), 600u);

  // The same for what the root key seals.
  const Bytes one = root->Seal({"a", "b", "c", "d"}, testing::View("text")).value();
  const Bytes other = root->Seal({"a", "b", "c", "d"}, testing::View("text")).value();
  EXPECT_FALSE(std::equal(one.begin() + 2, one.begin() + 30, other.begin() + 2));
}

TEST_F(BackupTest, CountedNoncesAreNotCountedTwice) {
  constexpr Place kPlace = {"account-1", "key-1", "version-1", "material"};
  constexpr Place kNew = {"account-1", "key-1", "version-2", "material"};
  const auto count = [](std::uint64_t reserved) {
    return WriteRecord(NonceCountRecord{reserved});
  };
  ASSERT_OK(store.Update([&](Transaction& transaction) -> Result<void> {
    for (const Place& place : {kPlace, kNew}) {
      VersionRecord version;
      version.id = place.version;
      version.key = place.object;
      version.account = place.account;
      version.instance = "instance";
      transaction.Put(place::Version(place.account, place.object, place.version),
                      ToJson(version));
    }
    transaction.Put(place::TokenNonces(kPlace), count(kMostNonces / 2));
    transaction.Put(place::HsmRoot(1),
                    WriteRecord(HsmRootRecord{.index = 1, .made = true}));
    transaction.Put(place::HsmRoot(2),
                    WriteRecord(HsmRootRecord{.index = 2, .made = true}));
    transaction.Put(place::HsmRoot(3), WriteRecord(HsmRootRecord{.index = 3}));
    transaction.Put(place::HsmRootNonces(2), count(kMostNonces));
    return {};
  }));
  ASSERT_OK(Restore(Backup(), scratch_.path()));
  const auto after = RecordsOf(*OpenLmdbKeyStore(scratch_.path()).value());
  EXPECT_EQ(after.at(place::TokenNonces(kPlace)).value,
            count(kMostNonces - kMostNonces / 32));
  const std::string unused = count(kMostNonces - kMostNonces / 16);
  EXPECT_EQ(after.at(place::TokenNonces(kNew)).value, unused);
  EXPECT_EQ(after.at(place::HsmRootNonces(1)).value, unused);
  EXPECT_EQ(after.at(place::HsmRootNonces(2)).value, count(kMostNonces));
  EXPECT_FALSE(after.contains(place::HsmRootNonces(3))) << "it was never made";
}

TEST_F(BackupTest, RevisionsOfTwoRestorationsNeverMeet) {
  MakeKey();
  const Bytes stream = Backup();
  const auto revision_after = [&](const Bytes& of) {
    testing::ScratchDirectory place;
    EXPECT_OK(Restore(of, place.path()));
    const auto opened = OpenLmdbKeyStore(place.path()).value();
    const Revision newest = opened->Read().value()->revision();
    EXPECT_EQ(opened
                  ->Update([](Transaction& transaction) -> Result<void> {
                    transaction.Put("new", "value");
                    return {};
                  })
                  .value(),
              newest + 1);
    return newest;
  };
  const Revision old = store.Read().value()->revision();
  const Revision first = revision_after(stream);
  clock.Advance(1000);
  const Revision second = revision_after(stream);
  EXPECT_GE(first, old + (Revision{1} << 40));
  EXPECT_GE(second, first + (Revision{1} << 20));
}

TEST_F(BackupTest, RefusesWhatWasCutOrChanged) {
  MakeKey();
  const Bytes stream = Backup();
  for (std::size_t cut = 0; cut < stream.size(); cut += 37) {
    testing::ScratchDirectory place;
    EXPECT_THAT(Restore(ByteView(stream).first(cut), place.path()),
                FailsAs(ErrorClass::kCorrupt))
        << cut;
  }
  for (std::size_t at = 0; at < stream.size(); at += 37) {
    testing::ScratchDirectory place;
    Bytes changed = stream;
    changed[at] ^= 1;
    EXPECT_FALSE(Restore(changed, place.path()).has_value()) << at;
  }
  testing::ScratchDirectory place;
  Bytes longer = stream;
  longer.push_back(0);
  EXPECT_THAT(Restore(longer, place.path()), FailsAs(ErrorClass::kCorrupt));
}

TEST_F(BackupTest, RefusesNewerFormatsAndFullFolders) {
  Bytes stream = Backup();
  std::filesystem::create_directory(scratch_.path() + "/something");
  EXPECT_THAT(Restore(stream, scratch_.path()), FailsAs(ErrorClass::kAlreadyExists));
  stream[7] = 2;
  testing::ScratchDirectory place;
  EXPECT_THAT(Restore(stream, place.path()), FailsAs(ErrorClass::kUnsupported));
  const auto unused = NewMemoryKeyStore();
  EXPECT_THAT(StoreBackup::Begin(*unused, clock), FailsAs(ErrorClass::kNotFound));
}

}  // namespace
}  // namespace kms
