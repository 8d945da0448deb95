#include "kms/identity.h"

#include <string>

#include "keys/fixture.h"

namespace kms {
namespace {

using testing::Fails;

class IdentityTest : public ::testing::Test {
 protected:
  // Creates the account, and returns what was handed over.
  NewAccessKey Create() {
    return Take([&](auto& take) { return identity.CreateAccount(take); });
  }
  NewAccessKey Rotate() {
    return Take([&](auto& take) { return identity.RotateRootAccessKey(take); });
  }

  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root);
  FixedClock clock{testing::kStart};
  Identity identity{*store, *root, *backend, clock};

 private:
  template <typename Call>
  NewAccessKey Take(Call call) {
    NewAccessKey taken;
    const Identity::HandOver take = [&](const NewAccessKey& made) -> Result<void> {
      taken.principal = made.principal;
      taken.secret = made.secret.Clone();
      return {};
    };
    EXPECT_OK(call(take));
    return taken;
  }
};

TEST_F(IdentityTest, FindsTheAccessKeyOfANewAccount) {
  EXPECT_FALSE(identity.HasAccounts().value());
  const NewAccessKey made = Create();
  EXPECT_TRUE(identity.HasAccounts().value());
  EXPECT_EQ(made.principal.access_key.size(), 32U);
  EXPECT_EQ(made.secret.size(), 32U);
  const auto found = identity.Find(made.principal.access_key).value();
  EXPECT_TRUE(found->secret == made.secret);
  EXPECT_EQ(found->principal.account, made.principal.account);
  EXPECT_EQ(found->principal.user, made.principal.user);
  EXPECT_TRUE(found->principal.root);
  EXPECT_TRUE(found->enabled);
}

TEST_F(IdentityTest, AnUnknownAccessKeyIsAbsent) {
  Create();
  EXPECT_THAT(identity.Find("f0f0"), Fails(Reason::kAccessKeyNotFound));
  EXPECT_THAT(identity.Find(""), Fails(Reason::kAccessKeyNotFound));
}

TEST_F(IdentityTest, ARotationCountsAtOnce) {
  const NewAccessKey old = Create();
  ASSERT_OK(identity.Find(old.principal.access_key));
  const Identity other(*store, *root, *backend, clock);  // as another process has
  ASSERT_OK(other.Find(old.principal.access_key));
  const NewAccessKey fresh = Rotate();
  EXPECT_THAT(identity.Find(old.principal.access_key), Fails(Reason::kAccessKeyNotFound));
  EXPECT_THAT(other.Find(old.principal.access_key), Fails(Reason::kAccessKeyNotFound));
  EXPECT_TRUE(other.Find(fresh.principal.access_key).value()->secret == fresh.secret);
  EXPECT_EQ(fresh.principal.user, old.principal.user);
  EXPECT_NE(fresh.principal.access_key, old.principal.access_key);
}

TEST_F(IdentityTest, WhatNobodyTookDoesNotCount) {
  const auto refuse = [](const NewAccessKey&) -> Result<void> {
    return Reason::kStoreUnavailable;
  };
  EXPECT_THAT(identity.CreateAccount(refuse), Fails(Reason::kStoreUnavailable));
  EXPECT_FALSE(identity.HasAccounts().value());
  const NewAccessKey made = Create();
  EXPECT_THAT(identity.RotateRootAccessKey(refuse), Fails(Reason::kStoreUnavailable));
  EXPECT_OK(identity.Find(made.principal.access_key));
}

TEST_F(IdentityTest, ItsChangesAreAudited) {
  const NewAccessKey first = Create();
  clock.Advance(1000);
  const NewAccessKey second = Rotate();
  const auto policy = NewRootPolicy();
  const auto kms = Kms::Open({.store = *store,
                              .root = *root,
                              .software = *backend,
                              .policy = *policy,
                              .clock = clock})
                       .value();
  testing::RecordingSink sink;
  ASSERT_EQ(kms->DrainAudit(sink).value(), 2U);
  EXPECT_EQ(sink.written[0].operation, "createAccount");
  EXPECT_EQ(sink.written[0].access_key, first.principal.access_key);
  EXPECT_EQ(sink.written[1].operation, "rotateRootAccessKey");
  EXPECT_EQ(sink.written[1].access_key, second.principal.access_key);
  EXPECT_EQ(sink.written[1].time, testing::kStart + 1000);
}

TEST_F(IdentityTest, TheStoreHoldsNoSecretInClear) {
  const NewAccessKey made = Create();
  const auto snapshot = store->Read().value();
  for (const Record& record : snapshot->Scan("", "", SIZE_MAX).value())
    EXPECT_EQ(record.value.find(AsText(made.secret.Reveal())), std::string::npos);
}

}  // namespace
}  // namespace kms
