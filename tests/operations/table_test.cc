// What must hold for every row of the table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "api/operation.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

TEST(OperationTable, HasItsGroups) {
  std::set<std::string_view> groups;
  for (const Operation* operation : AllOperations()) groups.insert(operation->group);
  EXPECT_EQ(groups,
            (std::set<std::string_view>{
                "keys", "aliases", "import", "versions", "compute", "asymmetric",
                "certificates", "usb-key certificates", "integrity", "tags",
                "access points", "access keys", "service", "batch", "iam", "audit"}));
  EXPECT_EQ(AllOperations().size(), 121U);
}

TEST(OperationTable, NamesAndPathsAreUnique) {
  std::set<std::string_view> names, paths;
  for (const Operation* operation : AllOperations()) {
    EXPECT_TRUE(names.insert(operation->name).second) << operation->name;
    for (const std::string_view path : operation->paths)
      EXPECT_TRUE(paths.insert(path).second) << path;
  }
}

TEST(OperationTable, FindsEveryName) {
  for (const Operation* operation : AllOperations())
    EXPECT_EQ(FindOperation(operation->name), operation);
  EXPECT_EQ(FindOperation("noSuchOperation"), nullptr);
  EXPECT_EQ(FindOperation(""), nullptr);
}

class EveryOperation : public ::testing::TestWithParam<const Operation*> {
 protected:
  const Operation& operation = *GetParam();
};

TEST_P(EveryOperation, HasItsCanonicalPathFirst) {
  ASSERT_FALSE(operation.paths.empty());
  EXPECT_TRUE(operation.paths.front().starts_with("/v1/"));
  for (const std::string_view path : operation.paths)
    EXPECT_TRUE(path.starts_with("/v1/") || path.starts_with("/apiproxy/v3/") ||
                path.starts_with("/get/") || path == "/manageCertificate/listCertificate")
        << path;
}

TEST_P(EveryOperation, IsComplete) {
  EXPECT_NE(operation.handler, nullptr);
  EXPECT_TRUE(operation.action.starts_with("kms:")) << operation.action;
  EXPECT_EQ(std::ranges::count(operation.action, ':'), 2) << operation.action;
  EXPECT_FALSE(operation.section.empty());
  EXPECT_TRUE(operation.summary.ends_with("."));
  EXPECT_EQ(std::ranges::count(operation.summary, '.'), 1) << operation.summary;
}

TEST_P(EveryOperation, ChangesOnlyWhatMayBeWritten) {
  if (operation.mutates) {
    EXPECT_TRUE(operation.write);
    EXPECT_FALSE(operation.get);
    EXPECT_NE(operation.lane, Lane::kInline) << "a commit waits for the disk";
  }
}

TEST_P(EveryOperation, HasParametersThatCanBeRead) {
  std::set<std::string_view> names;
  for (const Parameter& parameter : operation.parameters) {
    EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
    EXPECT_EQ(parameter.where == Where::kHeader, operation.get) << parameter.name;
    EXPECT_FALSE(parameter.note.empty()) << parameter.name;
    EXPECT_EQ(parameter.choices.empty(), parameter.kind != Kind::kChoice)
        << parameter.name;
    EXPECT_LE(parameter.min, parameter.max) << parameter.name;
    const bool bounded =
        parameter.kind == Kind::kInteger || parameter.kind == Kind::kDays ||
        parameter.kind == Kind::kBase64 || parameter.kind == Kind::kPublicKey ||
        parameter.kind == Kind::kUnixTime || parameter.kind == Kind::kTexts;
    if (bounded) {
      EXPECT_GT(parameter.max, 0) << parameter.name;
    }
    EXPECT_EQ(ClassOf(parameter.missing), ErrorClass::kInvalidArgument) << parameter.name;
    EXPECT_TRUE(!parameter.may_be_empty || parameter.kind == Kind::kText ||
                parameter.kind == Kind::kKey || parameter.kind == Kind::kTexts)
        << parameter.name;
    EXPECT_TRUE(parameter.unless.empty() ||
                std::ranges::find(operation.parameters, parameter.unless,
                                  &Parameter::name) != operation.parameters.end())
        << parameter.name;
  }
}

TEST_P(EveryOperation, HasChoicesThatDiffer) {
  for (const Parameter& parameter : operation.parameters) {
    std::set<std::string_view> spellings;
    for (const Choice& choice : parameter.choices) {
      EXPECT_FALSE(choice.spelling.empty());
      EXPECT_TRUE(spellings.insert(choice.spelling).second) << choice.spelling;
    }
  }
}

TEST_P(EveryOperation, FlagsWhatIsSecret) {
  const std::set<std::string_view> secret = {"plaintext", "plaintexts", "input",
                                             "message",   "passPhrase", "pkcs12Blob"};
  for (const Parameter& parameter : operation.parameters)
    EXPECT_EQ(parameter.secret, secret.contains(parameter.name)) << parameter.name;
}

TEST_P(EveryOperation, NamesItsResourcesAmongItsParameters) {
  for (const std::string_view resource : operation.resources) {
    EXPECT_TRUE(std::ranges::any_of(operation.parameters, [&](const Parameter& p) {
      return p.name == resource;
    })) << resource;
  }
}

// Private keys and key generation would hold up a hundred encryptions.
TEST_P(EveryOperation, KeepsSlowWorkOffTheIoThreads) {
  const std::set<std::string_view> slow = {"asymmetricSign",
                                           "asymmetricDecrypt",
                                           "getParametersForImport",
                                           "importKeyMaterial",
                                           "createKeyVersion",
                                           "createCertificate",
                                           "importCertificateByPKCS12",
                                           "exportCertificatePrivateKey",
                                           "certificatePrivateKeySign",
                                           "certificatePrivateKeyDecrypt"};
  EXPECT_EQ(operation.lane == Lane::kPrivateKey, slow.contains(operation.name));
  EXPECT_EQ(operation.lane == Lane::kBatch, operation.group == "batch");
  const std::set<std::string_view> choose = {"createKey",
                                             "reEncrypt",
                                             "hmacVerify",
                                             "generateDataKey",
                                             "generateDataKeyWithoutPlaintext",
                                             "generateAndExportDataKey"};
  EXPECT_EQ(operation.choose_lane != nullptr, choose.contains(operation.name));
}

INSTANTIATE_TEST_SUITE_P(All, EveryOperation,
                         ::testing::ValuesIn(AllOperations().begin(),
                                             AllOperations().end()),
                         [](const auto& row) { return std::string(row.param->name); });

}  // namespace
}  // namespace kms::server
