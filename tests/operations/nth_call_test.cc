// Every operation of the table, through the dispatcher, while the n-th call to the store,
// to what computes or to the HSM fails, for every n that there is: the answer is clean,
// in the store is all of the change or nothing of it, the trail tells, and the same
// request succeeds afterwards.

#include "support/nth_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/dispatcher.h"
#include "keys/fake_hsm.h"
#include "keys/records.h"
#include "kms/identity.h"
#include "operations/good_requests.h"
#include "store/scratch_directory.h"
#include "support/ready_pairs.h"

namespace kms::server::testing {
namespace {

using kms::testing::FakeHsm;
using kms::testing::NthBackend;
using kms::testing::NthCall;
using kms::testing::NthRootKey;
using kms::testing::NthStore;
using kms::testing::ReadyPairs;
using Records = std::map<std::string, std::string>;

std::unique_ptr<CryptoBackend> NewQuickBackend(const RootKey& root) {
  return std::make_unique<ReadyPairs>(NewBotanBackend(root));
}

// What is told to a trail, seen on its way.
class WatchedLog final : public AuditLog {
 public:
  explicit WatchedLog(std::unique_ptr<AuditLog> inner) : inner_(std::move(inner)) {}

  // The code in the line of a request; empty: there is none, or not on disk where that
  // was asked for.
  std::string CodeOf(const std::string& request_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(request_id);
    return found == codes_.end() ? "" : found->second;
  }

  void Tell(const AuditCall& call, Done done) override {
    const std::string id(call.request_id), code(call.code);
    if (!done) {
      Note(id, code);
      inner_->Tell(call, nullptr);
      return;
    }
    inner_->Tell(call, [this, id, code, done](Result<void> written) {
      if (written) Note(id, code);
      done(std::move(written));
    });
  }

  const std::string& run() const override { return inner_->run(); }
  Result<void> Reserve() override { return inner_->Reserve(); }
  Result<void> Admit(bool durable) const override { return inner_->Admit(durable); }
  void Abandon(std::string_view access_key, std::string_view request_id) override {
    inner_->Abandon(access_key, request_id);
  }
  void End() override { inner_->End(); }
  AuditHealth Health() const override { return inner_->Health(); }
  const std::string& folder() const override { return inner_->folder(); }
  Result<void> Write(std::span<const AuditEvent> events) override {
    return inner_->Write(events);
  }

 private:
  void Note(const std::string& id, const std::string& code) {
    const std::lock_guard lock(mutex_);
    codes_[id] = code;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> codes_;
  const std::unique_ptr<AuditLog> inner_;  // ended first: it calls back
};

// The kind of a record is the first part of its key.
std::string KindOf(const std::string& key) { return key.substr(0, key.find('\0')); }

// How two states of the store differ, without ids: how many records of which kind came,
// went and changed.
std::map<std::string, int> Difference(const Records& before, const Records& after) {
  std::map<std::string, int> found;
  for (const auto& [key, value] : after) {
    const auto was = before.find(key);
    if (was == before.end()) {
      ++found["+" + KindOf(key)];
    } else if (was->second != value) {
      ++found["~" + KindOf(key)];
    }
  }
  for (const auto& [key, value] : before)
    if (!after.contains(key)) ++found["-" + KindOf(key)];
  return found;
}

const std::map<std::string, int> kLostAttempt{{"~token", 1}};

std::set<std::string> AllCodes() {
  return {
#define KMS_REASON(name, error_class, http, code, english, chinese) code,
#include "kms/error_table.def"
#undef KMS_REASON
  };
}

enum class Fails { kStore, kCompute, kToken };

class NthCallFails : public ::testing::Test {
 protected:
  struct Answer {
    std::string id;
    int status = 0;
    std::string text;
    std::string code() const {
      const object body = boost::json::parse(text).as_object();
      const auto* const found = body.if_contains("errorCode");
      return found == nullptr ? "" : std::string(found->as_string());
    }
  };

  // What a process has in memory, so that each attempt begins with nothing loaded.
  class Process {
   public:
    Process(NthCallFails& world, std::span<const Operation* const> operations)
        : world_(world),
          user_policy_(NewIamPolicy(world.store, world.clock, world.actions)),
          policy_(NewPrincipalPolicy(*user_policy_, *world.point_policy)),
          kms_(Kms::Open({.store = world.store,
                          .root = world.root,
                          .software = world.software,
                          .hsm = &world.token,
                          .policy = *policy_,
                          .clock = world.clock,
                          .limits = world.limits,
                          .actions = &world.actions})
                   .value()),
          identity_(world.store, world.root, world.software, world.clock),
          authenticator_({*world.signer,
                          [this](std::string_view ak) { return identity_.Find(ak); },
                          world.guard,
                          world.clock,
                          {},
                          [this](const Principal& principal, std::string_view region) {
                            return kms_->access_points().Rules(principal, region);
                          }}),
          dispatcher_(DispatcherParts{.kms = *kms_,
                                      .dialect = *world.dialect,
                                      .authenticator = authenticator_,
                                      .policy = *policy_,
                                      .clock = world.clock,
                                      .lanes = world.lanes,
                                      .metrics = world.metrics,
                                      .operations = operations,
                                      .regions = {"region-1"},
                                      .audit = world.audit.get()}) {}
    // The lanes have put away what they have answered.
    ~Process() {
      for (const Lane lane :
           {Lane::kCommit, Lane::kPrivateKey, Lane::kBatch, Lane::kToken}) {
        std::promise<void> idle;  // each has one thread
        EXPECT_TRUE(world_.lanes.Submit(lane, [&] { idle.set_value(); }));
        idle.get_future().get();
      }
    }

    // Sends a signed request of the account, under a new id.
    Answer Send(const Operation& operation, const object& parameters) {
      const std::string body = boost::json::serialize(parameters);
      Answer answer;
      answer.id = "id-" + std::to_string(++world_.ids);
      RequestView view;
      view.method = "POST";
      view.path = operation.paths.front();
      view.body = AsBytes(body);
      std::map<std::string, std::string> headers{{"regionId", "region-1"}};
      for (const SignedHeader& header :
           world_.signer->Sign(view, world_.account.principal.access_key,
                               world_.account.secret, world_.clock.Now(), answer.id, {}))
        headers[header.name] = header.value;
      std::vector<HeaderView> views;
      for (const auto& [name, value] : headers) views.push_back({name, value});
      HttpRequest http;
      http.method = view.method;
      http.target = view.path;
      http.headers = views;
      http.body = view.body;
      http.peer = "192.0.2.1";
      std::promise<HttpResponse> promise;
      dispatcher_.Handle(
          http, [&](HttpResponse response) { promise.set_value(std::move(response)); });
      const HttpResponse response = promise.get_future().get();
      answer.status = response.status;
      answer.text.assign(response.body.begin(), response.body.end());
      return answer;
    }

   private:
    NthCallFails& world_;
    const std::unique_ptr<Policy> user_policy_;
    const std::unique_ptr<Policy> policy_;
    const std::unique_ptr<Kms> kms_;
    Identity identity_;
    const Authenticator authenticator_;
    Dispatcher dispatcher_;
  };

  NthCallFails() {
    Identity identity(memory, real_root, *quick, clock);
    EXPECT_OK(identity.CreateAccount([&](const NewAccessKey& made) -> Result<void> {
      account = {made.principal, SecretBytes::CopyOf(made.secret.Reveal())};
      return {};
    }));
    // The trail is no part of what fails: tests/audit has that.
    AuditSettings settings;
    settings.flush_millis = 60'000;
    audit =
        std::make_unique<WatchedLog>(OpenAuditLog({.folder = scratch.path() + "/audit",
                                                   .store = memory,
                                                   .root = real_root,
                                                   .backend = *quick,
                                                   .clock = clock},
                                                  settings)
                                         .value());
    setup = std::make_unique<Process>(*this, AllOperations());
  }
  ~NthCallFails() override {
    setup.reset();
    lanes.Drain();
  }

  object Must(std::string_view name, const object& parameters) {
    const Answer answer = setup->Send(*FindOperation(name), parameters);
    EXPECT_EQ(answer.status, 200) << name << answer.text;
    const object body = boost::json::parse(answer.text).as_object();
    const auto* const wrapped = body.if_contains("returnObj");
    const object& inner = wrapped == nullptr ? body : wrapped->as_object();
    const auto* const result = inner.if_contains("result");
    return result == nullptr ? object() : result->as_object();
  }

  Records All() const {
    Records all;
    for (const Record& record : memory.Read().value()->Scan({}, {}, 100'000).value())
      all[record.key] = record.value;
    return all;
  }

  // Makes the store what it was.
  void Restore(const Records& wanted) {
    const Records now = All();
    EXPECT_OK(memory.Update([&](Transaction& transaction) -> Result<void> {
      for (const auto& [key, value] : now)
        if (!wanted.contains(key)) transaction.Erase(key);
      for (const auto& [key, value] : wanted) {
        const auto found = now.find(key);
        if (found == now.end() || found->second != value) transaction.Put(key, value);
      }
      return {};
    }));
  }

  void ArmNth(Fails what, int n) {
    what == Fails::kToken ? token.FailCall(n) : CallsOf(what).FailCall(n);
  }
  bool HasFailed(Fails what) {
    return what == Fails::kToken ? token.HasFailed() : CallsOf(what).HasFailed();
  }
  NthCall& CallsOf(Fails what) {
    return what == Fails::kStore ? store_calls : compute_calls;
  }

  // Each new object in the token is a version's, or is going to be destroyed.
  void ExpectObjectsKnown(const std::set<std::string>& before) {
    const Records records = All();
    for (const std::string& instance : token.Instances()) {
      if (before.contains(instance)) continue;
      const bool known = records.contains(place::Discard(instance)) ||
                         std::ranges::any_of(records, [&](const auto& record) {
                           return record.second.find(instance) != std::string::npos;
                         });
      EXPECT_TRUE(known) << "an object that nobody will destroy";
    }
  }

  void ExpectClean(const Answer& answer) {
    EXPECT_NE(answer.status, 200);
    EXPECT_TRUE(codes.contains(answer.code())) << answer.text;
    EXPECT_EQ(answer.text.find(NthCall::kDetail), std::string::npos) << answer.text;
    EXPECT_EQ(answer.text.find("bad_alloc"), std::string::npos) << answer.text;
    EXPECT_EQ(audit->CodeOf(answer.id), answer.code()) << answer.text;
  }

  // All of it, for one kind of calls, of which `least` fail.
  void Walk(Fails what, const std::string& level, int least) {
    GoodRequests good(
        [this](std::string_view name, const object& body) { return Must(name, body); },
        account.principal.account, level);
    const auto requests = good.All();
    const Records empty = All();
    for (const Operation* const operation : AllOperations()) {
      SCOPED_TRACE(operation->name);
      // What is interrupted by want of memory while it only reads leaves nothing.
      if (changes_alone && !operation->mutates) continue;
      const auto request = requests.find(operation->name);
      ASSERT_NE(request, requests.end()) << "no good request";
      Restore(empty);
      const object parameters = request->second();
      const Operation* const only[] = {operation};
      const Records before = All();
      Records started;
      // Being opened, a process notes itself down.
      const auto begin = [&] {
        Restore(before);
        auto process = std::make_unique<Process>(*this, only);
        started = All();
        return process;
      };
      const int calls = token.calls();
      const Answer passed = begin()->Send(*operation, parameters);
      ASSERT_EQ(passed.status, 200) << passed.text;
      EXPECT_EQ(audit->CodeOf(passed.id), "ok");
      if (with_token_alone && token.calls() == calls) continue;
      const auto whole = Difference(started, All());
      for (int n = 1;; ++n) {
        SCOPED_TRACE(n);
        const auto objects = token.Instances();
        const auto process = begin();
        ArmNth(what, n);
        const Answer answer = process->Send(*operation, parameters);
        const bool failed = HasFailed(what);
        ArmNth(what, 0);
        if (!failed) {
          EXPECT_EQ(answer.status, 200) << answer.text;
          break;
        }
        ++failures;
        ExpectClean(answer);
        ExpectObjectsKnown(objects);
        auto difference = Difference(started, All());
        difference.erase("+discard");
        // Without memory nobody gives back the attempt that an import token has lost.
        if (answer.code() == "KMS.0999" && difference == kLostAttempt) difference.clear();
        if (!difference.empty()) {
          EXPECT_EQ(difference, whole) << answer.text;
        }
        const Answer again = process->Send(*operation, parameters);
        EXPECT_EQ(again.status, 200) << again.text;
        EXPECT_EQ(audit->CodeOf(again.id), "ok");
      }
    }
    RecordProperty("failures", failures);
    EXPECT_GT(failures, least) << "what was to fail is not called any more";
  }

  struct Account {
    Principal principal;
    SecretBytes secret;
  };

  // In memory, where there is such a place: each line is flushed.
  const kms::testing::ScratchDirectory scratch{
      std::filesystem::is_directory("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                : std::filesystem::temp_directory_path()};
  const std::unique_ptr<KeyStore> memory_owner = NewMemoryKeyStore();
  KeyStore& memory = *memory_owner;
  const std::unique_ptr<RootKey> root_owner = NewEphemeralRootKey();
  RootKey& real_root = *root_owner;
  const std::unique_ptr<CryptoBackend> quick = NewQuickBackend(real_root);
  FixedClock clock{x509::testing::kNow};
  const std::set<std::string> codes = AllCodes();
  const ActionTable actions = ActionsOf(AllOperations());
  const std::unique_ptr<Policy> point_policy = NewAccessPointPolicy();
  const std::unique_ptr<Signer> signer = NewEopSigner();
  const std::unique_ptr<Dialect> dialect = NewSeedDialect();
  ReplayGuard guard{1 << 20, Digest32{7}};
  Metrics metrics{AllOperations()};
  Limits limits;
  NthCall store_calls, compute_calls;
  NthStore store{memory, store_calls};
  NthRootKey root{real_root, compute_calls};
  NthBackend software{*quick, compute_calls};
  FakeHsm token{&NewQuickBackend};
  Account account;
  std::unique_ptr<WatchedLog> audit;
  Lanes lanes{{.commit_threads = 1, .private_key_threads = 1, .token_threads = 1}};
  std::unique_ptr<Process> setup;
  int ids = 10'000;
  int failures = 0;
  bool changes_alone = false;     // only operations that change something are asked
  bool with_token_alone = false;  // calls fail only under those that call the token
};

TEST_F(NthCallFails, OfTheStore) { Walk(Fails::kStore, "1", 800); }

TEST_F(NthCallFails, OfTheStoreForWantOfMemory) {
  store_calls.Throw();
  changes_alone = true;
  Walk(Fails::kStore, "1", 400);
}

TEST_F(NthCallFails, OfTheStoreForAKeyInTheToken) {
  token.waits = token.objects = with_token_alone = true;
  Walk(Fails::kStore, "0", 200);
}

TEST_F(NthCallFails, OfWhatComputes) { Walk(Fails::kCompute, "1", 200); }

TEST_F(NthCallFails, OfWhatComputesForWantOfMemory) {
  compute_calls.Throw();
  Walk(Fails::kCompute, "1", 200);
}

TEST_F(NthCallFails, OfATokenThatWraps) {
  token.waits = true;
  Walk(Fails::kToken, "0", 40);
}

TEST_F(NthCallFails, OfATokenThatKeepsObjects) {
  token.waits = token.objects = true;
  Walk(Fails::kToken, "0", 40);
}

TEST_F(NthCallFails, OfATokenThatHasDoneItAllTheSame) {
  token.waits = token.objects = token.late = true;
  Walk(Fails::kToken, "0", 40);
}

}  // namespace
}  // namespace kms::server::testing
