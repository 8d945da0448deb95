#include "kms/identity.h"

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "audit/outbox.h"
#include "core/json_record.h"
#include "identity/access_key_record.h"
#include "kms/encoding.h"

namespace kms {

struct AccountRecord {
  std::string id;
  std::string root_user;
};

template <typename Archive>
void Members(Archive& archive, AccountRecord& r) {
  archive("id", r.id);
  archive("rootUser", r.root_user);
}

namespace {

// More are never in use at once; the cache starts anew when it is full.
constexpr std::size_t kMaxCached = 10'000;

std::string AccountPlace(std::string_view account) {
  return JoinKey({"account", account});
}
std::string AccessKeysOfUser(std::string_view account, std::string_view user) {
  return JoinKey({"access-keys-of-user", account, user});
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
    auto made = std::make_shared<const AccessKey>(
        AccessKey{PrincipalOf(record), record.enabled, std::move(secret),
                  record.region.value_or("")});
    const std::lock_guard lock(mutex_);
    if (cache_.size() >= kMaxCached) cache_.clear();
    cache_[record.id] = {found->revision, made};
    return std::shared_ptr<const AccessKey>(std::move(made));
  }

  Result<bool> HasAccounts() const {
    KMS_TRY(const auto snapshot, store_.Read());
    KMS_TRY(const auto accounts, snapshot->Scan(JoinKey({"account"}), {}, 1));
    return !accounts.empty();
  }

  Result<void> CreateAccount(const HandOver& hand_over) {
    AccountRecord account;
    KMS_TRY(account.id, NewIdentityId(random_));
    KMS_TRY(account.root_user, NewIdentityId(random_));
    KMS_TRY(const Made made, NewKeyOf(account));
    KMS_CHECK_OK(hand_over(made.access_key));
    const AuditEvent event = EventOf(made.record, "createAccount");
    KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
      transaction.Put(AccountPlace(account.id), WriteRecord(account));
      Put(transaction, made.record);
      AppendToOutbox(transaction, event);
      return {};
    }));
    return {};
  }

  Result<void> RotateRootAccessKey(const HandOver& hand_over) {
    AccountRecord account;
    {
      KMS_TRY(const auto snapshot, store_.Read());
      KMS_TRY(const auto accounts, snapshot->Scan(JoinKey({"account"}), {}, 2));
      if (accounts.size() != 1)
        return Error(ErrorClass::kNotFound, Reason::kAccessKeyNotFound,
                     "there is not exactly one account");
      KMS_TRY(account, ReadRecord<AccountRecord>(accounts.front().value));
    }
    KMS_TRY(const Made made, NewKeyOf(account));
    KMS_CHECK_OK(hand_over(made.access_key));
    const AuditEvent event = EventOf(made.record, "rotateRootAccessKey");
    KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
      KMS_TRY(const auto old,
              transaction.Scan(AccessKeysOfUser(account.id, account.root_user), {},
                               static_cast<std::size_t>(-1)));
      for (const Record& pointer : old) {
        transaction.Erase(pointer.key);
        transaction.Erase(AccessKeyPlace(pointer.value));
      }
      Put(transaction, made.record);
      AppendToOutbox(transaction, event);
      return {};
    }));
    return {};
  }

 private:
  struct Made {
    AccessKeyRecord record;
    NewAccessKey access_key;
  };

  // An access key of the account's root user, not stored yet.
  Result<Made> NewKeyOf(const AccountRecord& account) {
    Made made;
    AccessKeyRecord& record = made.record;
    KMS_TRY(record.id, NewIdentityId(random_));
    record.account = account.id;
    record.user = account.root_user;
    record.root = true;
    made.access_key.principal = PrincipalOf(record);
    KMS_TRY(made.access_key.secret, NewSecretKey(random_, root_, record));
    return made;
  }

  AuditEvent EventOf(const AccessKeyRecord& record, std::string operation) const {
    AuditEvent event;
    event.time = clock_.Now();
    event.account = record.account;
    event.user = record.user;
    event.access_key = record.id;
    event.operation = std::move(operation);
    return event;
  }

  static void Put(Transaction& transaction, const AccessKeyRecord& record) {
    transaction.Put(AccessKeyPlace(record.id), WriteAccessKey(record));
    transaction.Put(AccessKeysOfUser(record.account, record.user) + JoinKey({record.id}),
                    record.id);
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

Result<void> Identity::CreateAccount(const HandOver& hand_over) {
  return impl_->CreateAccount(hand_over);
}

Result<void> Identity::RotateRootAccessKey(const HandOver& hand_over) {
  return impl_->RotateRootAccessKey(hand_over);
}

}  // namespace kms
