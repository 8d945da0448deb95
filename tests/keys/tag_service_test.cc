// Tags: their life, what they are bound to, and what keys show of them.

#include "kms/tag_service.h"

#include <functional>
#include <string>
#include <vector>

#include "keys/fixture.h"
#include "kms/encoding.h"

namespace kms::testing {
namespace {

constexpr std::string_view kAbsent = "00000000-0000-4000-8000-000000000000";

class TagServiceTest : public KmsTest {
 protected:
  TagService& tags() { return kms->tags(); }
  Tag Make(std::string_view key, std::string_view value) {
    return tags().Create(me, key, value).value();
  }
  static TagName Name(const Tag& tag) { return {tag.id, tag.key, tag.value}; }
  void Bind(const std::string& resource, const Tag& tag) {
    EXPECT_OK(tags().Bind(me, resource, Name(tag)));
  }
  // "key=value" of each, as three ways tell.
  std::vector<std::string> Of(const std::string& key) {
    const auto described = kms->keys().Describe(me, key).value().tags;
    std::vector<std::string> names;
    for (const Tag& tag : described) names.push_back(tag.key + "=" + tag.value);
    std::vector<std::string> listed;
    for (const Tag& tag : tags().ListOfResource(me, key).value())
      listed.push_back(tag.key + "=" + tag.value);
    EXPECT_EQ(listed, names);
    for (const KeyDescription& each : kms->keys().List(me, {}, {0, 100}).value().items) {
      if (each.id != key) continue;
      EXPECT_EQ(each.tags.size(), names.size());
    }
    return names;
  }
  std::vector<std::string> KeysWith(TagFilter filter) {
    const auto listed = kms->keys().List(me, {.tag = std::move(filter)}, {0, 100});
    std::vector<std::string> ids;
    for (const KeyDescription& key : listed.value().items) ids.push_back(key.id);
    EXPECT_EQ(listed.value().total, ids.size());
    return ids;
  }
  std::vector<std::string> GroupsOf(const TagFilter& filter, PageRequest page = {}) {
    std::vector<std::string> groups;
    for (const TagGroup& group : tags().List(me, filter, page).value().items) {
      std::string text = group.key + ":";
      for (const Tag& tag : group.tags) text += " " + tag.value;
      groups.push_back(text);
    }
    return groups;
  }
  // The store keys of tags and bindings.
  std::vector<std::string> TagRecords() {
    std::vector<std::string> keys;
    for (const Record& record : memory->Read().value()->Scan("", "", SIZE_MAX).value())
      if (record.key.starts_with("tag") || record.key.starts_with("resources-of-tag"))
        keys.push_back(record.key);
    return keys;
  }
  using Names = std::vector<std::string>;
};

TEST_F(TagServiceTest, AreMadeOnceEach) {
  const Tag made = Make("env", "prod");
  EXPECT_TRUE(IsUuid(made.id));
  EXPECT_EQ(made.key, "env");
  EXPECT_EQ(made.value, "prod");
  EXPECT_THAT(tags().Create(me, "env", "prod"), Fails(Reason::kTagExists));
  EXPECT_NE(Make("env", "").id, made.id);
  EXPECT_NE(Make("Env", "prod").id, made.id) << "case counts";
  // What stands together is not one text.
  Make("a", "bc");
  Make("ab", "c");
  EXPECT_OK(tags().Create(ContextOf("account-2"), "env", "prod"));
  EXPECT_OK(tags().Create(ContextOf("account-1", "region-2"), "env", "prod"));
}

TEST_F(TagServiceTest, TakeTheCharactersThatAreDocumented) {
  std::string chinese;
  for (int i = 0; i < 128; ++i) chinese += i % 2 == 0 ? "密" : "𠀀";
  for (const std::string& good : {std::string("Az09/\\_-.+=:@"), std::string("部门"),
                                  chinese, std::string(128, 'k')}) {
    EXPECT_OK(tags().Create(me, good, "v")) << good;
    EXPECT_OK(tags().Create(me, "of", good)) << good;
  }
  for (const char* bad :
       {"a b", " a", "a\n", "a\"", "a*", "a,b", "é", "ａ", "，", "\x01", "\x7f", "a\xe5",
        "\xe5\xaf", "\xff", "\xf0\x84\xb8\x80", "\xed\xa0\x80",
        "\xe2\x80\xae"
        "a",
        "\xf4\x90\x80\x80"}) {
    const auto key = tags().Create(me, bad, "v");
    EXPECT_THAT(key, Fails(Reason::kBadParameter)) << bad;
    EXPECT_EQ(key.error().parameter(), "key");
    const auto value = tags().Create(me, "k", bad);
    EXPECT_THAT(value, Fails(Reason::kBadParameter)) << bad;
    EXPECT_EQ(value.error().parameter(), "value");
  }
  EXPECT_THAT(tags().Create(me, "", "v"), Fails(Reason::kBadParameter));
  EXPECT_THAT(tags().Create(me, chinese + "a", "v"), Fails(Reason::kTooLong));
  EXPECT_THAT(tags().Create(me, "k", std::string(129, 'v')), Fails(Reason::kTooLong));
  const Tag tag = Make("k", "v");
  EXPECT_THAT(tags().Update(me, tag.id, "a b", "v"), Fails(Reason::kBadParameter));
  EXPECT_THAT(tags().Update(me, tag.id, "", "v"), Fails(Reason::kBadParameter));
}

TEST_F(TagServiceTest, ThereAreSoManyOfAnAccount) {
  limits.tags = 2;
  Reopen();
  const Tag first = Make("a", "1");
  Make("a", "2");
  EXPECT_THAT(tags().Create(me, "a", "3"), Fails(Reason::kTooManyTags));
  EXPECT_THAT(tags().Create(me, "a", "2"), Fails(Reason::kTagExists));
  EXPECT_OK(tags().Create(ContextOf("account-2"), "a", "3"));
  EXPECT_OK(tags().Delete(me, Name(first)));
  EXPECT_OK(tags().Create(me, "a", "3"));
}

TEST_F(TagServiceTest, AreListedByKeyInPages) {
  Make("b", "2");
  Make("a", "1");
  const Tag odd = Make("b", "1");
  RequestContext other = me;
  other.principal.user = "another";
  EXPECT_OK(tags().Create(other, "c", "1"));
  EXPECT_OK(tags().Create(other, "b", "3"));
  EXPECT_EQ(GroupsOf({}), (Names{"b: 2 1 3", "a: 1", "c: 1"}));
  EXPECT_EQ(GroupsOf({}, {0, 2}), (Names{"b: 2 1 3", "a: 1"}));
  EXPECT_EQ(GroupsOf({}, {1, 2}), (Names{"c: 1"}));
  EXPECT_EQ(GroupsOf({}, {2, 2}), Names());
  EXPECT_EQ(tags().List(me, {}, {1, 2}).value().total, 3U);
  EXPECT_EQ(GroupsOf({.key = "b"}), (Names{"b: 2 1 3"}));
  EXPECT_EQ(GroupsOf({.value = "1"}), (Names{"a: 1", "b: 1", "c: 1"}));
  EXPECT_EQ(GroupsOf({.key = "b", .value = "1"}), (Names{"b: 1"}));
  EXPECT_EQ(GroupsOf({.key = "B"}), Names());
  const auto groups = tags().List(me, {}, {}).value().items;
  EXPECT_EQ(groups[0].users, (Names{me.principal.user, "another"}));
  EXPECT_EQ(groups[1].users, (Names{me.principal.user}));
  EXPECT_EQ(groups[0].tags[1].id, odd.id);
  EXPECT_EQ(tags().List(ContextOf("account-2"), {}, {}).value().total, 0U);
  EXPECT_EQ(tags().List(ContextOf("account-1", "region-2"), {}, {}).value().total, 0U);
}

TEST_F(TagServiceTest, AKeyHasOneValueForEachKey) {
  const std::string key = MakeKey({.alias = "alias/k"});
  const Tag prod = Make("env", "prod"), test = Make("env", "test"), team = Make("t", "");
  EXPECT_EQ(Of(key), Names());
  Bind(key, team);
  Bind("alias/k", prod);
  EXPECT_EQ(Of(key), (Names{"env=prod", "t="})) << "in the order of the tags";
  Bind(key, prod);
  EXPECT_EQ(Of(key), (Names{"env=prod", "t="}));
  Bind(key, test);
  EXPECT_EQ(Of(key), (Names{"env=test", "t="}));
  EXPECT_THAT(tags().Unbind(me, key, Name(prod)), Fails(Reason::kTagNotFound));
  EXPECT_OK(tags().Unbind(me, key, Name(test)));
  EXPECT_EQ(Of(key), (Names{"t="}));
  Reopen();
  EXPECT_EQ(Of(key), (Names{"t="}));
}

TEST_F(TagServiceTest, AKeyHasTenTags) {
  const std::string key = MakeKey();
  for (int i = 0; i < 10; ++i) Bind(key, Make("k" + std::to_string(i), "v"));
  EXPECT_THAT(tags().Bind(me, key, Name(Make("k10", "v"))), Fails(Reason::kTooManyTags));
  Bind(key, Make("k9", "another"));
  EXPECT_EQ(Of(key).size(), 10U);
  EXPECT_EQ(Of(key).back(), "k9=another");
}

TEST_F(TagServiceTest, IdKeyAndValueAgree) {
  const std::string key = MakeKey();
  const Tag tag = Make("a", "1");
  Bind(key, tag);
  using Call = std::function<Result<void>(const RequestContext&, const TagName&)>;
  const Call calls[] = {[&](const RequestContext& who, const TagName& name) {
                          return tags().Bind(who, key, name);
                        },
                        [&](const RequestContext& who, const TagName& name) {
                          return tags().Unbind(who, key, name);
                        },
                        [&](const RequestContext& who, const TagName& name) {
                          return tags().Delete(who, name);
                        }};
  for (const Call& call : calls) {
    const auto wrong_key = call(me, {tag.id, "b", "1"});
    EXPECT_THAT(wrong_key, Fails(Reason::kBadParameter));
    EXPECT_EQ(wrong_key.error().parameter(), "key");
    const auto wrong_value = call(me, {tag.id, "a", "2"});
    EXPECT_THAT(wrong_value, Fails(Reason::kBadParameter));
    EXPECT_EQ(wrong_value.error().parameter(), "value");
    EXPECT_THAT(call(me, {kAbsent, "a", "1"}), Fails(Reason::kTagNotFound));
    EXPECT_THAT(call(me, {"", "a", "1"}), Fails(Reason::kTagNotFound));
  }
  EXPECT_EQ(Of(key), (Names{"a=1"}));
}

TEST_F(TagServiceTest, AnotherAccountSeesNothing) {
  const std::string key = MakeKey();
  const Tag tag = Make("a", "1");
  Bind(key, tag);
  for (const RequestContext& who :
       {ContextOf("account-2"), ContextOf("account-1", "region-2")}) {
    EXPECT_THAT(tags().Update(who, tag.id, "a", "2"), Fails(Reason::kTagNotFound));
    EXPECT_THAT(tags().Delete(who, Name(tag)), Fails(Reason::kTagNotFound));
    EXPECT_THAT(tags().Bind(who, key, Name(tag)), Fails(Reason::kKeyNotFound));
    EXPECT_THAT(tags().Unbind(who, key, Name(tag)), Fails(Reason::kKeyNotFound));
    EXPECT_THAT(tags().ListOfResource(who, key), Fails(Reason::kKeyNotFound));
    const std::string own = kms->keys().Create(who, {}).value().id;
    EXPECT_THAT(tags().Bind(who, own, Name(tag)), Fails(Reason::kTagNotFound));
  }
  EXPECT_THAT(tags().Bind(me, kAbsent, Name(tag)), Fails(Reason::kKeyNotFound));
  EXPECT_EQ(Of(key), (Names{"a=1"}));
}

TEST_F(TagServiceTest, AnUpdateCountsWhereverTheTagIsBound) {
  const std::string one = MakeKey(), two = MakeKey();
  const Tag tag = Make("env", "prod"), other = Make("env", "test"), team = Make("t", "x");
  Bind(one, tag);
  Bind(two, tag);
  Bind(two, team);
  EXPECT_OK(tags().Update(me, tag.id, "env", "production"));
  EXPECT_EQ(Of(one), (Names{"env=production"}));
  EXPECT_EQ(Of(two), (Names{"env=production", "t=x"}));
  EXPECT_OK(tags().Update(me, tag.id, "env", "production")) << "as it is";
  EXPECT_OK(tags().Create(me, "env", "prod")) << "the old name is free";
  EXPECT_THAT(tags().Update(me, tag.id, "env", "test"), Fails(Reason::kTagExists));
  // A resource would have two tags of a key.
  EXPECT_THAT(tags().Update(me, tag.id, "t", "y"), Fails(Reason::kTagExists));
  EXPECT_THAT(tags().Update(me, kAbsent, "t", "y"), Fails(Reason::kTagNotFound));
  EXPECT_OK(tags().Unbind(me, two, Name(team)));
  EXPECT_OK(tags().Update(me, tag.id, "t", "y"));
  EXPECT_EQ(Of(one), (Names{"t=y"}));
  EXPECT_EQ(Of(two), (Names{"t=y"}));
}

TEST_F(TagServiceTest, ADeletedOneIsBoundToNothing) {
  const std::string one = MakeKey(), two = MakeKey();
  const Tag tag = Make("env", "prod"), kept = Make("t", "x");
  for (const std::string& key : {one, two}) {
    Bind(key, tag);
    Bind(key, kept);
  }
  EXPECT_OK(tags().Delete(me, Name(tag)));
  EXPECT_EQ(Of(one), (Names{"t=x"}));
  EXPECT_EQ(Of(two), (Names{"t=x"}));
  EXPECT_THAT(tags().Delete(me, Name(tag)), Fails(Reason::kTagNotFound));
  EXPECT_EQ(GroupsOf({}), (Names{"t: x"}));
  EXPECT_OK(tags().Delete(me, Name(kept)));
  EXPECT_EQ(TagRecords(), Names()) << "nothing is left behind";
  EXPECT_OK(tags().Create(me, "env", "prod"));
}

TEST_F(TagServiceTest, ADeletedKeyLosesItsTags) {
  const std::string key = MakeKey(), other = MakeKey();
  const Tag tag = Make("a", "1");
  Bind(key, tag);
  Bind(other, tag);
  const std::size_t before = TagRecords().size();
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  Bind(key, Make("b", "1"));
  EXPECT_EQ(Of(key), (Names{"a=1", "b=1"})) << "in every state";
  clock.Advance(7 * kDay);
  ASSERT_EQ(RunDueWork().deleted, 1U);
  EXPECT_EQ(Of(other), (Names{"a=1"}));
  // The two of the key are gone, from both sides; tag b and its name have come.
  EXPECT_EQ(TagRecords().size(), before - 2 + 2);
  EXPECT_THAT(tags().ListOfResource(me, key), Fails(Reason::kKeyNotFound));
  EXPECT_OK(tags().Update(me, tag.id, "b", "2"));
  EXPECT_OK(tags().Delete(me, {tag.id, "b", "2"}));
}

TEST_F(TagServiceTest, KeysAreListedByTag) {
  const std::string one = MakeKey(), two = MakeKey(),
                    three = MakeKey({.rotation_days = 7});
  const Tag prod = Make("env", "prod"), test = Make("env", "test"),
            team = Make("t", "prod");
  Bind(one, prod);
  Bind(two, test);
  Bind(three, prod);
  Bind(two, team);
  EXPECT_EQ(KeysWith({.key = "env"}), (Names{one, two, three}));
  EXPECT_EQ(KeysWith({.key = "env", .value = "prod"}), (Names{one, three}));
  EXPECT_EQ(KeysWith({.value = "prod"}), (Names{one, two, three}));
  EXPECT_EQ(KeysWith({.key = "t", .value = "test"}), Names()) << "of one tag";
  EXPECT_EQ(KeysWith({}), (Names{one, two, three})) << "of any";
  ASSERT_OK(kms->keys().Disable(me, one));
  const auto both = kms->keys()
                        .List(me,
                              {.state = KeyState::kEnabled,
                               .tag = TagFilter{.key = "env", .value = "prod"}},
                              {})
                        .value();
  ASSERT_EQ(both.total, 1U);
  EXPECT_EQ(both.items.at(0).id, three);
}

TEST_F(TagServiceTest, ChangesAreToldToTheAuditSink) {
  RecordingSink sink;
  const std::string key = MakeKey();
  const Tag tag = Make("a", "1");
  Bind(key, tag);
  EXPECT_OK(tags().Update(me, tag.id, "a", "2"));
  EXPECT_OK(tags().Unbind(me, key, {tag.id, "a", "2"}));
  EXPECT_OK(tags().Delete(me, {tag.id, "a", "2"}));
  EXPECT_THAT(tags().Delete(me, {tag.id, "a", "2"}), Fails(Reason::kTagNotFound));
  EXPECT_EQ(kms->DrainAudit(sink).value(), 6U);
  std::vector<std::string> about;
  for (const AuditEvent& event : sink.written) about.push_back(event.key);
  EXPECT_EQ(about, (Names{key, tag.id, key, tag.id, key, tag.id}));
}

TEST_F(TagServiceTest, ARepeatedRequestHasTheFirstOutcome) {
  const std::string key = MakeKey();
  const auto request = [&](const std::string& id) {
    RequestContext context = me;
    context.request_id = id;
    context.replayable_until = clock.Now() + 1000;
    return context;
  };
  const Tag tag = tags().Create(request("c"), "a", "1").value();
  EXPECT_EQ(tags().Create(request("c"), "a", "1").value().id, tag.id);
  ASSERT_OK(tags().Bind(request("b"), key, Name(tag)));
  EXPECT_OK(tags().Bind(request("b"), key, Name(tag)));
  ASSERT_OK(tags().Unbind(request("u"), key, Name(tag)));
  EXPECT_OK(tags().Unbind(request("u"), key, Name(tag))) << "would be KMS.0907";
  ASSERT_OK(tags().Update(request("p"), tag.id, "a", "2"));
  EXPECT_OK(tags().Update(request("p"), tag.id, "a", "2"));
  ASSERT_OK(tags().Delete(request("d"), {tag.id, "a", "2"}));
  EXPECT_OK(tags().Delete(request("d"), {tag.id, "a", "2"})) << "would be KMS.0907";
  RequestContext other = request("d");
  other.fingerprint.fill(9);
  EXPECT_THAT(tags().Delete(other, {tag.id, "a", "2"}), Fails(Reason::kReplayed));
}

}  // namespace
}  // namespace kms::testing
