// A check of a whole store: silent about a store that the services made, and not about
// one in which anything was changed.

#include "kms/store_check.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "backup/backup_stream.h"
#include "check/world.h"
#include "keys/records.h"
#include "kms/encoding.h"
#include "store/scratch_directory.h"

namespace kms {
namespace {

using testing::MapStore;
using testing::Records;

class StoreCheckTest : public testing::World {
 protected:
  // Has `change` change each record in turn, and expects a finding unless the kind is in
  // `silent`. A change that does nothing returns false.
  template <typename Change>
  void ExpectFindings(const std::set<std::string>& silent, Change change) {
    std::set<std::string> unnoticed;
    std::size_t tried = 0;
    for (const auto& [key, record] : records) {
      Records changed = records;
      if (!change(changed, record)) continue;
      ++tried;
      const std::string kind = KindOf(key);
      const bool found = !FindingsIn(changed).empty();
      if (!found) unnoticed.insert(kind);
      EXPECT_TRUE(found || silent.contains(kind)) << kind << " " << record.value;
    }
    EXPECT_EQ(unnoticed, silent);
    EXPECT_GT(tried, 0u);
  }

  // The record under another store key: the last part of the key is another one. Of an
  // event it is another commit: which numbers within one there were, nothing tells.
  static Record Elsewhere(Record record) {
    record.key[record.key.size() - (KindOf(record.key) == "outbox" ? 3 : 2)] ^= 1;
    return record;
  }

  std::string KeyWith(const std::function<bool(const KeyRecord&)>& wanted) const {
    for (const auto& [place, record] : records)
      if (KindOf(place) == "key" && wanted(FromJson<KeyRecord>(record.value).value()))
        return place;
    ADD_FAILURE() << "no such key";
    return {};
  }
};

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST_F(StoreCheckTest, FindsNothingInWhatTheServicesMade) {
  EXPECT_EQ(Joined(FindingsIn(records)), "");
  const auto checked = CheckStore(PartsOf(*store), [](const StoreFinding&) {}).value();
  std::set<std::string> kinds;
  for (const auto& [kind, count] : checked.records) kinds.insert(kind);
  // So that what follows is about every kind.
  const auto known = CheckedKinds();
  EXPECT_EQ(kinds, std::set<std::string>(known.begin(), known.end()));
  std::uint64_t all = 0;
  for (const auto& [kind, count] : checked.records) all += count;
  EXPECT_EQ(all, records.size());
  EXPECT_EQ(checked.in_hsm, 2u);  // one version, and the sealing key of the root
  EXPECT_GT(checked.opened, 20u);
}

TEST_F(StoreCheckTest, KnowsTheKindsThatAreWrittenDown) {
  std::ifstream file(std::string(KMS_DOCS_FOLDER) + "/record_format.md");
  std::stringstream text;
  text << file.rdbuf();
  std::string line;
  bool in_table = false;
  std::set<std::string> written;
  while (std::getline(text, line)) {
    if (line.starts_with("## ")) in_table = line.starts_with("## 3.");
    if (in_table && line.starts_with("| `"))
      written.insert(line.substr(3, line.find('`', 3) - 3));
  }
  const auto known = CheckedKinds();
  EXPECT_EQ(written, std::set<std::string>(known.begin(), known.end()));
}

TEST_F(StoreCheckTest, NoticesEveryRecordThatIsMissing) {
  ExpectFindings(
      {
          "audit",  // the mark: there is none before the first line either; the keys are
                    // missed (below)
          "grant",  // what a group holds, is told nowhere else
          "discard",          // only the token knows what is to be destroyed
          "hsm-root-nonces",  // absent, until the first nonce was given away
          "outbox",           // nothing tells how many events there were
          "token-nonces",     // as those of a root
      },
      [](Records& changed, const Record& record) {
        return changed.erase(record.key) == 1;
      });
}

TEST_F(StoreCheckTest, NoticesTheLossOfTheKeysOfTheTrail) {
  Records changed = records;
  changed.erase(JoinKey({"audit", "keys"}));
  EXPECT_NE(Joined(FindingsIn(changed)), "");
}

TEST_F(StoreCheckTest, NoticesAChangedByteInEveryRecord) {
  ExpectFindings({}, [](Records& changed, const Record& record) {
    changed[record.key].value[0] ^= 1;
    return true;
  });
}

// Of all sealed bytes and public keys, wherever they are.
TEST_F(StoreCheckTest, NoticesAChangedByteInEverySecret) {
  for (const std::string& member : std::set<std::string>{
           "sealed", "fingerprint", "mac", "signing", "rootCheck", "publicKey"}) {
    std::size_t tried = 0;
    for (const auto& [key, record] : records) {
      const std::string kind = KindOf(key);
      const std::string start = "\"" + member + "\":\"";
      const auto at = record.value.find(start);
      if (at == std::string::npos || kind == "request" || kind == "outbox") continue;
      const bool in_hsm = record.value.find("\"instance\"") != std::string::npos;
      if (in_hsm && member == "sealed") continue;  // only the token could tell
      Records changed = records;
      char& c = changed[key].value[at + start.size() + (member == "publicKey" ? 4 : 60)];
      c = c == 'A' ? 'B' : 'A';
      EXPECT_NE(Joined(FindingsIn(changed)), "") << member << " of " << kind;
      ++tried;
    }
    EXPECT_GT(tried, 0u) << member;
  }
}

TEST_F(StoreCheckTest, NoticesEveryRecordThatWasMoved) {
  ExpectFindings({}, [](Records& changed, const Record& record) {
    const Record moved = Elsewhere(record);
    changed.erase(record.key);
    changed[moved.key] = moved;
    return true;
  });
}

// Each stands for a stray one of its kind: index entries among them.
TEST_F(StoreCheckTest, NoticesEveryRecordThatIsThereTwice) {
  ExpectFindings({}, [](Records& changed, const Record& record) {
    const Record copy = Elsewhere(record);
    return changed.emplace(copy.key, copy).second;
  });
}

TEST_F(StoreCheckTest, NoticesRecordsThatChangedPlaces) {
  ExpectFindings(
      {
          "outbox",  // where an event stands is all that tells of its place
      },
      [&](Records& changed, const Record& record) {
        const auto next = changed.upper_bound(record.key);
        if (next == changed.end() || KindOf(next->first) != KindOf(record.key))
          return false;
        if (KindOf(record.key) == "request")
          return false;  // bound to nothing but its name
        if (next->second.value == record.value) return false;
        std::swap(changed[record.key].value, next->second.value);
        return true;
      });
}

TEST_F(StoreCheckTest, NoticesKindsThatItDoesNotKnow) {
  for (const std::string& key :
       {JoinKey({"new-kind", "x"}), std::string("plain"), JoinKey({"audit", "other"}),
        JoinKey({"counter", "a", "r", "other"})}) {
    Records changed = records;
    changed[key] = {key, R"({"v":1,"next":0,"live":0})", 1};
    EXPECT_NE(Joined(FindingsIn(changed)), "") << key;
  }
}

TEST_F(StoreCheckTest, NoticesCountersThatCountOtherwise) {
  ExpectFindings({}, [](Records& changed, const Record& record) {
    if (KindOf(record.key) != "counter") return false;
    CounterRecord counter = FromJson<CounterRecord>(record.value).value();
    ++counter.live;
    ++counter.next;
    changed[record.key].value = ToJson(counter);
    return true;
  });
  ExpectFindings({}, [](Records& changed, const Record& record) {
    if (KindOf(record.key) != "counter") return false;
    CounterRecord counter = FromJson<CounterRecord>(record.value).value();
    --counter.next;
    changed[record.key].value = ToJson(counter);
    return true;
  });
}

TEST_F(StoreCheckTest, NoticesFactsThatNoCallLeadsTo) {
  const auto is_rotated = [](const KeyRecord& key) {
    return key.rotation_days.has_value();
  };
  const auto is_external = [](const KeyRecord& key) {
    return key.origin == KeyOrigin::kExternal && key.material;
  };
  const auto is_pair = [](const KeyRecord& key) { return key.spec == KeySpec::kSm2; };
  const auto is_leaving = [](const KeyRecord& key) { return key.deletion.has_value(); };
  const auto is_default = [](const KeyRecord& key) { return key.is_default; };
  struct Case {
    std::function<bool(const KeyRecord&)> which;
    std::function<void(KeyRecord&)> change;
  };
  const Case cases[] = {
      {is_rotated, [](KeyRecord& key) { key.usage = static_cast<KeyUsage>(0); }},
      {is_rotated, [](KeyRecord& key) { key.usage = KeyUsage::kSignVerify; }},
      {is_rotated, [](KeyRecord& key) { key.material = false; }},
      {is_rotated, [](KeyRecord& key) { key.next_rotation.reset(); }},
      {is_rotated, [](KeyRecord& key) { key.rotation_days = 6; }},
      {is_rotated, [](KeyRecord& key) { key.primary.clear(); }},
      {is_rotated, [](KeyRecord& key) { ++key.versions; }},
      {is_rotated, [](KeyRecord& key) { --key.versions; }},
      {is_rotated, [](KeyRecord& key) { key.project = "default"; }},
      {is_rotated, [](KeyRecord& key) { key.project = "nowhere"; }},
      {is_rotated, [](KeyRecord& key) { key.spec = KeySpec::kSm4; }},
      {is_rotated, [](KeyRecord& key) { key.level = ProtectionLevel::kHsm; }},
      {is_external, [](KeyRecord& key) { key.fingerprint.clear(); }},
      {is_external, [](KeyRecord& key) { key.material = false; }},
      {is_external, [](KeyRecord& key) { key.material_expires = 5; }},
      {is_external, [](KeyRecord& key) { key.origin = KeyOrigin::kKms; }},
      {is_pair, [](KeyRecord& key) { key.primary = key.id; }},
      {is_pair, [](KeyRecord& key) { key.spec = KeySpec::kRsa2048; }},
      {is_leaving, [](KeyRecord& key) { key.deletion_protected = true; }},
      {is_leaving, [](KeyRecord& key) { key.deletion.reset(); }},
      {is_default, [](KeyRecord& key) { key.is_default = false; }},
      {is_default, [](KeyRecord& key) { key.enabled = false; }},
  };
  for (const Case& each : cases) {
    Records changed = records;
    Record& record = changed[KeyWith(each.which)];
    KeyRecord key = FromJson<KeyRecord>(record.value).value();
    each.change(key);
    record.value = ToJson(key);
    EXPECT_NE(Joined(FindingsIn(changed)), "") << &each - cases;
  }
}

TEST_F(StoreCheckTest, NoticesAPrimaryVersionThatIsNotTheNewest) {
  const std::string place = KeyWith(
      [](const KeyRecord& key) { return key.versions > 1 && !key.primary.empty(); });
  Records changed = records;
  KeyRecord key = FromJson<KeyRecord>(changed[place].value).value();
  const std::string first = place::VersionList(key.account, key.id, 0);
  key.primary = FromJson<PointerRecord>(changed[first].value).value().name;
  changed[place].value = ToJson(key);
  const auto found = FindingsIn(changed);
  ASSERT_EQ(found.size(), 1u) << Joined(found);
  EXPECT_NE(found[0].find("not the newest"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("key/" + key.account + "/region-1/" + key.id),
            std::string::npos);
}

TEST_F(StoreCheckTest, NoticesMaterialThatIsToBeDestroyed) {
  Records changed = records;
  for (const auto& [key, record] : records) {
    if (KindOf(key) != "version") continue;
    const auto version = FromJson<VersionRecord>(record.value).value();
    if (!version.instance) continue;
    const std::string discard = place::Discard(*version.instance);
    changed[discard] = {discard, ToJson(DiscardRecord{*version.instance, version.key, 0}),
                        1};
  }
  EXPECT_EQ(FindingsIn(changed).size(), 1u);
}

TEST_F(StoreCheckTest, NoticesAnotherRootKey) {
  const auto other = NewEphemeralRootKey();
  const auto over_it = NewBotanBackend(*other);
  const auto checked = CheckStore({*store, *other, *over_it, testing::IamActions()},
                                  [](const StoreFinding&) {});
  ASSERT_OK(checked);
  EXPECT_EQ(checked->opened, 0u);
  EXPECT_GT(checked->findings, 20u);
}

TEST_F(StoreCheckTest, TellsNoSecrets) {
  const auto other = NewEphemeralRootKey();
  const auto over_it = NewBotanBackend(*other);
  ASSERT_OK(CheckStore({*store, *other, *over_it, testing::IamActions()},
                       [](const StoreFinding& finding) {
                         EXPECT_LT(finding.place.size() + finding.fault.size(), 400u);
                         EXPECT_EQ(finding.fault.find("sealed"), std::string::npos);
                       }));
}

// What an earlier release wrote.
TEST_F(StoreCheckTest, FindsNothingInAStoreOfFormat1) {
  const testing::ScratchDirectory scratch;
  const std::string copy = scratch.path() + "/copy";
  std::filesystem::copy(KMS_FIXTURES_FOLDER "/format-1", copy,
                        std::filesystem::copy_options::recursive);
  for (const auto& file : std::filesystem::recursive_directory_iterator(copy))
    if (file.is_regular_file())
      std::filesystem::permissions(
          file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto old_root =
      OpenSoftwareRootKey({copy + "/root", copy + "/private", copy + "/wrap"}).value();
  const auto old_store = OpenLmdbKeyStore(copy + "/store").value();
  const auto over_it = NewBotanBackend(*old_root);
  std::string found;
  const auto checked =
      CheckStore({*old_store, *old_root, *over_it, testing::IamActions()},
                 [&](const StoreFinding& finding) {
                   found += finding.place + ": " + finding.fault + "\n";
                 });
  ASSERT_OK(checked);
  EXPECT_EQ(found, "");
  EXPECT_GT(checked->opened, 0u);
}

class CanaryTest : public StoreCheckTest {
 protected:
  CanarySummary Try(const Records& of) const {
    return TryEveryVersion(PartsOf(MapStore(of)), [](const StoreFinding&) {}).value();
  }
};

TEST_F(CanaryTest, UsesEveryVersionThatHasMaterial) {
  const CanarySummary tried = Try(records);
  EXPECT_EQ(tried.findings, 0u);
  // Two of the rotated key, SM4, one elsewhere, a default key, imported material.
  EXPECT_EQ(tried.symmetric, 6u);
  // Two of SM2, one of RSA, and two of certificates.
  EXPECT_EQ(tried.pairs, 5u);
  EXPECT_EQ(tried.in_hsm, 1u);
  EXPECT_EQ(tried.without_material, 2u);  // deleted material, and that of a USB key
}

TEST_F(CanaryTest, UsesWhatIsInAToken) {
  const MapStore same(records);
  StoreCheckParts parts = PartsOf(same);
  parts.hsm = &hsm;
  std::vector<StoreFinding> found;
  const auto keep = [&](const StoreFinding& finding) { found.push_back(finding); };
  const CanarySummary tried = TryEveryVersion(parts, keep).value();
  EXPECT_EQ(tried.findings, 0u);
  EXPECT_EQ(tried.symmetric, 7u);
  EXPECT_EQ(tried.in_hsm, 0u);
  // A token that is away is no finding for each of its keys.
  hsm.away = true;
  const auto away = TryEveryVersion(parts, keep);
  ASSERT_THAT(away, testing::Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(away.error().detail(), ::testing::StartsWith("version/"));
  EXPECT_TRUE(found.empty());
}

TEST_F(CanaryTest, NoticesMaterialThatTheTokenDoesNotTake) {
  int changes = 0;
  for (const auto& [key, record] : records) {
    if (KindOf(key) != "version") continue;
    VersionRecord version = FromJson<VersionRecord>(record.value).value();
    if (!version.instance) continue;
    ++changes;
    Records changed = records;
    version.sealed.back() ^= 1;
    changed[key].value = ToJson(version);
    const MapStore over(changed);
    StoreCheckParts parts = PartsOf(over);
    parts.hsm = &hsm;
    std::vector<StoreFinding> found;
    const CanarySummary tried = TryEveryVersion(parts, [&](const StoreFinding& finding) {
                                  found.push_back(finding);
                                }).value();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].fault, "cannot be used");
    // The rest is tried all the same.
    EXPECT_EQ(tried.symmetric, 6u);
    EXPECT_EQ(tried.pairs, 5u);
  }
  EXPECT_EQ(changes, 1);
}

TEST_F(CanaryTest, NoticesMaterialThatIsOfNoUse) {
  for (const auto& [key, record] : records) {
    if (KindOf(key) != "version") continue;
    VersionRecord version = FromJson<VersionRecord>(record.value).value();
    if (version.sealed.empty() || version.instance) continue;
    Records changed = records;
    version.sealed.back() ^= 1;
    changed[key].value = ToJson(version);
    EXPECT_EQ(Try(changed).findings, 1u);
  }
}

// Which a check of the records alone does not see.
TEST_F(CanaryTest, NoticesAPublicKeyOfAnotherPair) {
  std::vector<std::string> pairs;
  for (const auto& [key, record] : records)
    if (KindOf(key) == "version" &&
        !FromJson<VersionRecord>(record.value)->sealed.empty() &&
        FromJson<VersionRecord>(record.value)->public_key.size() == 91)
      pairs.push_back(key);
  ASSERT_GE(pairs.size(), 2u);
  Records changed = records;
  VersionRecord one = FromJson<VersionRecord>(records[pairs[0]].value).value();
  one.public_key = FromJson<VersionRecord>(records[pairs[1]].value)->public_key;
  changed[pairs[0]].value = ToJson(one);
  EXPECT_EQ(Try(changed).findings, 1u);
}

}  // namespace
}  // namespace kms
