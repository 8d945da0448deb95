// Tags: answers, refusals and pages of their operations, and what keys show of them.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <string>
#include <utility>

#include "certificates/outside.h"
#include "operations/fixture.h"

namespace kms::server::testing {
namespace {

using boost::json::array;
using kms::testing::Fails;

class Tags : public OperationsTest {
 protected:
  // labelId, key and value of a new tag.
  object Make(std::string_view key, std::string_view value) {
    object tag{{"key", key}, {"value", value}};
    tag["labelId"] = Must("addLebal", tag).at("labelId");
    return tag;
  }
  static object With(object parameters, const object& more) {
    for (const auto& [name, value] : more) parameters[name] = value;
    return parameters;
  }
};

TEST_F(Tags, AreMadeChangedAndDeleted) {
  const object made = Must("addLebal", {{"key", "部门"}, {"value", ""}});
  EXPECT_EQ(lane, Lane::kCommit);
  EXPECT_EQ(made.size(), 1U);
  const std::string id = Text(made, "labelId");
  EXPECT_TRUE(IsUuid(id));
  const object changed{{"labelId", id}, {"key", "team"}, {"value", "a"}};
  EXPECT_TRUE(Must("updateLebal", changed).empty());
  EXPECT_TRUE(Must("updateLebal", With(changed, {{"operateType", "UPDATE"}})).empty());
  EXPECT_TRUE(Must("deleteLebal", changed).empty());
  EXPECT_EQ(Must("listLebal", {}).at("totalCount"), 0);
}

TEST_F(Tags, AreListedByKey) {
  const object first = Make("env", "prod"), second = Make("team", "a"),
               third = Make("env", "");
  const object listed = Must("listLebal", {});
  const object env{
      {"key", "env"},
      {"userIds", array{"account-1-root"}},
      {"data", array{object{{"labelId", first.at("labelId")}, {"value", "prod"}},
                     object{{"labelId", third.at("labelId")}, {"value", ""}}}}};
  const object team{
      {"key", "team"},
      {"userIds", array{"account-1-root"}},
      {"data", array{object{{"labelId", second.at("labelId")}, {"value", "a"}}}}};
  EXPECT_EQ(listed.at("list"), (array{env, team}));
  EXPECT_EQ(listed.at("pageNum"), 1);
  EXPECT_EQ(listed.at("pageSize"), 10);
  EXPECT_EQ(listed.at("totalCount"), 2);
  EXPECT_EQ(listed.at("totalPage"), 1);

  const object page = Must("listLebal", {{"pageNum", "2"}, {"pageSize", 1}});
  EXPECT_EQ(page.at("list"), array{team});
  EXPECT_EQ(page.at("pageNum"), 2);
  EXPECT_EQ(page.at("pageSize"), 1);
  EXPECT_EQ(page.at("totalPage"), 2);
  EXPECT_EQ(Must("listLebal", {{"pageNum", 3}, {"pageSize", 1}}).at("list"), array());
  EXPECT_EQ(Must("listLebal", {{"key", "team"}}).at("list"), array{team});
  EXPECT_EQ(Must("listLebal", {{"key", "team"}, {"value", "b"}}).at("totalPage"), 0);
  EXPECT_EQ(Must("listLebal", {{"key", "team"}, {"value", ""}}).at("list"), array{team})
      << "an empty text asks for nothing";
  for (const object& bad :
       {object{{"pageNum", 0}}, object{{"pageSize", 0}}, object{{"pageSize", 101}}})
    EXPECT_THAT(Ask("listLebal", bad), Fails(Reason::kBadParameter)) << bad;
}

TEST_F(Tags, AreBoundToKeys) {
  const std::string key = Create({{"aliasName", "alias/k"}});
  const object tag = Make("env", "prod");
  const array labels{
      object{{"labelId", tag.at("labelId")}, {"key", "env"}, {"value", "prod"}}};
  const auto of_key = [&] {
    const object described = Must("describeKey", {{"cmkUuid", key}});
    const object listed = Must("listKeys", {});
    EXPECT_EQ(listed.at("content").at(0).at("labels"), described.at("labels"));
    EXPECT_EQ(Must("listResourceLebal", {{"resourceId", "alias/k"}}).at("list"),
              described.at("labels"));
    return described.at("labels");
  };
  EXPECT_EQ(of_key(), array());
  EXPECT_TRUE(Must("bindResource", With(tag, {{"resourceId", key}})).empty());
  EXPECT_EQ(of_key(), labels);
  EXPECT_TRUE(Must("bindResource", With(tag, {{"resourceId", "alias/k"},
                                              {"baseResourceId", key},
                                              {"prodSpecInstId", "x"},
                                              {"operateType", "BIND"}}))
                  .empty());
  EXPECT_EQ(of_key(), labels);
  EXPECT_TRUE(
      Must("unbindResource", With(tag, {{"resourceId", key}, {"operateType", "UNBIND"}}))
          .empty());
  EXPECT_EQ(of_key(), array());
}

TEST_F(Tags, KeysAreListedByThem) {
  const std::string one = Create(), two = Create();
  for (const auto& [key, value] : {std::pair(one, "prod"), std::pair(two, "test")})
    Must("bindResource", With(Make("env", value), {{"resourceId", key}}));
  const auto list = [&](const object& parameters) {
    const object listed = Must("listKeys", parameters);
    std::string ids;
    for (const auto& item : listed.at("content").as_array())
      ids += Text(item.as_object(), "cmkUuid") + " ";
    EXPECT_EQ(listed.at("totalCount"), listed.at("content").as_array().size());
    return ids;
  };
  EXPECT_EQ(list({{"labelKey", "env"}}), one + " " + two + " ");
  EXPECT_EQ(list({{"labelKey", "env"}, {"labelValue", "test"}}), two + " ");
  EXPECT_EQ(list({{"labelValue", "prod"}}), one + " ");
  EXPECT_EQ(list({{"labelKey", "none"}}), "");
  EXPECT_EQ(list({{"labelKey", ""}, {"labelValue", ""}}), one + " " + two + " ");
  EXPECT_THAT(Ask("listKeys", {{"labelKey", std::string(129, 'k')}}),
              Fails(Reason::kTooLong));
}

// Of both kinds; in the manual's operations, and in those for USB keys.
TEST_F(Tags, CertificatesAreListedByThem) {
  clock.Advance(x509::testing::kNow - clock.Now());
  const auto make = [&](std::string_view name) {
    return Text(Must("createCertificate", {{"keySpec", "SM2"},
                                           {"subject", std::string(name) + ",C=CN"},
                                           {"exportablePrivateKey", 0},
                                           {"protectionLevel", "1"}}),
                "certificateId");
  };
  const std::string one = make("CN=one"), two = make("CN=two");
  const auto& ca = kms::testing::OutsideCa(KeySpec::kSm2);
  const std::string usb =
      Text(Must("importCertificateForUK", {{"algorithm", "SM2"},
                                           {"ukName", "usb"},
                                           {"cert", x509::CertificatePem(ca.leaf)}}),
           "ukId");
  const object prod = Make("env", "prod"), test = Make("env", "test");
  Must("bindResource", With(prod, {{"resourceId", one}}));
  Must("bindResource", With(test, {{"resourceId", two}}));
  Must("bindResource", With(prod, {{"resourceId", usb}}));
  const array of_prod{
      object{{"labelId", prod.at("labelId")}, {"key", "env"}, {"value", "prod"}}};
  EXPECT_EQ(Must("describeCertificate", {{"certificateId", one}}).at("labels"), of_prod);
  EXPECT_EQ(Must("describeCertificateForUk", {{"certificateId", usb}}).at("labels"),
            of_prod);

  const auto list = [&](const object& parameters) {
    std::string ids;
    for (const auto& [operation, items] : {std::pair("listCertificate", "content"),
                                           std::pair("listCertificateForUk", "list")}) {
      const object listed = Must(operation, parameters);
      for (const auto& item : listed.at(items).as_array()) {
        ids += Text(item.as_object(), "certificateId") + " ";
        EXPECT_EQ(item.at("labels").as_array().size(), 1U);
      }
      EXPECT_EQ(listed.at("totalCount"), listed.at(items).as_array().size());
    }
    return ids;
  };
  EXPECT_EQ(list({}), one + " " + two + " " + usb + " ");
  EXPECT_EQ(list({{"labelKey", "env"}, {"labelValue", "prod"}}), one + " " + usb + " ");
  EXPECT_EQ(list({{"labelValue", "test"}}), two + " ");
  EXPECT_EQ(list({{"labelKey", "none"}}), "");
  for (const char* const operation : {"listCertificate", "listCertificateForUk"})
    EXPECT_THAT(Ask(operation, {{"labelKey", std::string(129, 'k')}}),
                Fails(Reason::kTooLong));
}

TEST_F(Tags, Refusals) {
  const std::string key = Create();
  const object tag = Make("env", "prod");
  const object bound = With(tag, {{"resourceId", key}});
  const std::pair<object, Reason> of_text[] = {
      {{{"key", ""}}, Reason::kParameterMissing},
      {{{"value", nullptr}}, Reason::kSignatureMissing},
      {{{"key", "a b"}}, Reason::kBadParameter},
      {{{"value", "a b"}}, Reason::kBadParameter},
      {{{"key", std::string(129, 'k')}}, Reason::kTooLong},
      {{{"value", std::string(129, 'v')}}, Reason::kTooLong}};
  const std::pair<object, Reason> of_id[] = {
      {{{"labelId", ""}}, Reason::kParameterMissing},
      {{{"labelId", key}}, Reason::kTagNotFound},
      {{{"labelId", "x"}}, Reason::kTagNotFound}};
  const std::pair<object, Reason> of_agreement[] = {
      {{{"key", "Env"}}, Reason::kBadParameter},
      {{{"value", ""}}, Reason::kBadParameter}};
  const std::pair<object, Reason> of_resource[] = {
      {{{"resourceId", ""}}, Reason::kParameterMissing},
      {{{"resourceId", "a b"}}, Reason::kBadParameter},
      {{{"resourceId", "00000000-0000-4000-8000-000000000000"}}, Reason::kKeyNotFound},
      {{{"resourceId", "alias-none"}}, Reason::kKeyNotFound}};
  const auto expect = [&](std::initializer_list<const char*> operations,
                          std::span<const std::pair<object, Reason>> cases) {
    for (const char* const operation : operations)
      for (const auto& [changes, reason] : cases)
        EXPECT_THAT(Ask(operation, With(bound, changes)), Fails(reason))
            << operation << changes;
  };
  expect({"addLebal", "updateLebal"}, of_text);
  expect({"updateLebal", "deleteLebal", "bindResource", "unbindResource"}, of_id);
  expect({"deleteLebal", "bindResource", "unbindResource"}, of_agreement);
  expect({"bindResource", "unbindResource", "listResourceLebal"}, of_resource);
  for (const char* const operation : {"updateLebal", "bindResource", "unbindResource"})
    EXPECT_THAT(Ask(operation, With(bound, {{"operateType", "ADD"}})),
                Fails(Reason::kBadParameter));
  EXPECT_THAT(Ask("addLebal", tag), Fails(Reason::kTagExists));
  EXPECT_THAT(Ask("unbindResource", bound), Fails(Reason::kTagNotFound));
  for (int i = 0; i < 10; ++i)
    Must("bindResource", With(Make(std::to_string(i), "v"), {{"resourceId", key}}));
  EXPECT_THAT(Ask("bindResource", bound), Fails(Reason::kTooManyTags));
}

TEST_F(Tags, ARequestThatIsRepeatedIsAnsweredAgain) {
  me.request_id = "id-1";
  me.replayable_until = clock.Now() + 1000;
  const object made = Must("addLebal", {{"key", "a"}, {"value", "1"}});
  EXPECT_EQ(Must("addLebal", {{"key", "a"}, {"value", "1"}}), made);
}

TEST_F(Tags, AnotherAccountSeesNothing) {
  const std::string key = Create();
  const object tag = Make("env", "prod");
  const object bound = With(tag, {{"resourceId", key}});
  Must("bindResource", bound);
  me = ContextOf("account-2");
  EXPECT_EQ(Must("listLebal", {}).at("list"), array());
  EXPECT_EQ(Must("listKeys", {{"labelKey", "env"}}).at("totalCount"), 0);
  for (const char* const operation :
       {"bindResource", "unbindResource", "listResourceLebal"})
    EXPECT_THAT(Ask(operation, bound), Fails(Reason::kKeyNotFound)) << operation;
  for (const char* const operation : {"updateLebal", "deleteLebal"})
    EXPECT_THAT(Ask(operation, tag), Fails(Reason::kTagNotFound)) << operation;
}

}  // namespace
}  // namespace kms::server::testing
