#include "kms/identity.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "audit/outbox.h"
#include "core/json_record.h"
#include "identity/access_key_record.h"
#include "identity/access_keys.h"
#include "identity/records.h"

namespace kms {
namespace {

// More are never in use at once; the cache starts anew when it is full.
constexpr std::size_t kMaxCached = 10'000;

// The account of that id; of an empty one the only account.
Result<AccountRecord> FindAccount(const Reader& reader, std::string_view id) {
  if (!id.empty())
    return ReadAs<AccountRecord>(reader, place::Account(id), Reason::kAccessKeyNotFound);
  KMS_TRY(const auto accounts, reader.Scan(place::Accounts(), {}, 2));
  if (accounts.size() != 1)
    return Error(ErrorClass::kNotFound, Reason::kAccessKeyNotFound,
                 "there is not exactly one account: name one");
  return ReadRecord<AccountRecord>(accounts.front().value);
}

}  // namespace

class Identity::Impl {
 public:
  Impl(KeyStore& store, const RootKey& root, CryptoBackend& random, const Clock& clock)
      : store_(store), root_(root), random_(random), clock_(clock) {}

  Result<std::shared_ptr<const AccessKey>> Find(std::string_view access_key) {
    KMS_TRY(const auto snapshot, store_.Read());
    KMS_TRY(const auto found, snapshot->Get(AccessKeyPlace(access_key)));
    if (!found) {
      const std::lock_guard lock(mutex_);
      cache_.erase(std::string(access_key));
      return Reason::kAccessKeyNotFound;
    }
    {
      const std::lock_guard lock(mutex_);
      const auto cached = cache_.find(std::string(access_key));
      if (cached != cache_.end() && cached->second.revision == found->revision)
        return cached->second.access_key;
    }
    KMS_TRY(const AccessKeyRecord record, ReadAccessKey(found->value));
    KMS_TRY(SecretBytes secret, OpenSecretKey(root_, record));
    auto made = std::make_shared<const AccessKey>(AccessKey{
        PrincipalOf(record), record.enabled && !record.suspended.value_or(false),
        std::move(secret), record.region.value_or("")});
    const std::lock_guard lock(mutex_);
    if (cache_.size() >= kMaxCached) cache_.clear();
    cache_[record.id] = {found->revision, made};
    return std::shared_ptr<const AccessKey>(std::move(made));
  }

  Result<bool> HasAccounts() const {
    KMS_TRY(const auto snapshot, store_.Read());
    KMS_TRY(const auto accounts, snapshot->Scan(place::Accounts(), {}, 1));
    return !accounts.empty();
  }

  Result<std::vector<AccountDescription>> ListAccounts() const {
    KMS_TRY(const auto snapshot, store_.Read());
    KMS_TRY(const auto records, snapshot->Scan(place::Accounts(), {}, kAllRecords));
    std::vector<AccountDescription> accounts;
    for (const Record& record : records) {
      KMS_TRY(AccountRecord account, ReadRecord<AccountRecord>(record.value));
      accounts.push_back({std::move(account.id), std::move(account.root_user),
                          account.name.value_or(""), account.created.value_or(0)});
    }
    std::ranges::sort(accounts, {}, [](const AccountDescription& account) {
      return std::tie(account.created, account.id);
    });
    return accounts;
  }

  Result<void> CreateAccount(const HandOver& hand_over, std::string_view name) {
    AccountRecord account;
    KMS_TRY(account.id, NewIdentityId(random_));
    KMS_TRY(account.root_user, NewIdentityId(random_));
    account.created = clock_.Now();
    if (!name.empty()) account.name = name;
    KMS_TRY(
        const MadeAccessKey made,
        MakeAccessKey(root_, random_, account.id, account.root_user, true, clock_.Now()));
    KMS_CHECK_OK(hand_over(made.access_key));
    const AuditEvent event = EventOf(made.record, "createAccount");
    KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
      transaction.Put(place::Account(account.id), WriteRecord(account));
      PutAccessKey(transaction, made.record);
      AppendToOutbox(transaction, event);
      return {};
    }));
    return {};
  }

  Result<void> RotateRootAccessKey(const HandOver& hand_over, std::string_view id) {
    AccountRecord account;
    {
      KMS_TRY(const auto snapshot, store_.Read());
      KMS_TRY(account, FindAccount(*snapshot, id));
    }
    KMS_TRY(
        const MadeAccessKey made,
        MakeAccessKey(root_, random_, account.id, account.root_user, true, clock_.Now()));
    KMS_CHECK_OK(hand_over(made.access_key));
    const AuditEvent event = EventOf(made.record, "rotateRootAccessKey");
    KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
      KMS_TRY(const auto old, AccessKeysOf(transaction, account.id, account.root_user));
      for (const AccessKeyRecord& record : old) EraseAccessKey(transaction, record);
      PutAccessKey(transaction, made.record);
      AppendToOutbox(transaction, event);
      return {};
    }));
    return {};
  }

 private:
  AuditEvent EventOf(const AccessKeyRecord& record, std::string operation) const {
    AuditEvent event;
    event.time = clock_.Now();
    event.account = record.account;
    event.user = record.user;
    event.access_key = record.id;
    event.operation = std::move(operation);
    return event;
  }

  struct Cached {
    Revision revision;
    std::shared_ptr<const AccessKey> access_key;
  };

  KeyStore& store_;
  const RootKey& root_;
  CryptoBackend& random_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Cached> cache_;
};

Identity::Identity(KeyStore& store, const RootKey& root, CryptoBackend& random,
                   const Clock& clock)
    : impl_(std::make_unique<Impl>(store, root, random, clock)) {}
Identity::~Identity() = default;

Result<std::shared_ptr<const AccessKey>> Identity::Find(
    std::string_view access_key) const {
  return impl_->Find(access_key);
}
Result<bool> Identity::HasAccounts() const { return impl_->HasAccounts(); }

Result<std::vector<AccountDescription>> Identity::ListAccounts() const {
  return impl_->ListAccounts();
}

Result<void> Identity::CreateAccount(const HandOver& hand_over, std::string_view name) {
  return impl_->CreateAccount(hand_over, name);
}

Result<void> Identity::RotateRootAccessKey(const HandOver& hand_over,
                                           std::string_view account) {
  return impl_->RotateRootAccessKey(hand_over, account);
}

}  // namespace kms
