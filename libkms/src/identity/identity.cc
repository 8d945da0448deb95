#include "kms/identity.h"

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "audit/outbox.h"
#include "core/json_record.h"
#include "kms/encoding.h"

namespace kms {

struct AccountRecord {
  std::string id;
  std::string root_user;
};

struct AccessKeyRecord {
  std::string id;
  std::string account;
  std::string user;
  bool root = false;
  bool enabled = true;
  Bytes sealed;  // the secret key
};

template <typename Archive>
void Members(Archive& archive, AccountRecord& r) {
  archive("id", r.id);
  archive("rootUser", r.root_user);
}

template <typename Archive>
void Members(Archive& archive, AccessKeyRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("user", r.user);
  archive("root", r.root);
  archive("enabled", r.enabled);
  archive("sealed", r.sealed);
}

namespace {

constexpr std::size_t kSecretSize = 32;
constexpr std::size_t kIdBytes = 16;
// More are never in use at once; the cache starts anew when it is full.
constexpr std::size_t kMaxCached = 10'000;

std::string AccountPlace(std::string_view account) {
  return JoinKey({"account", account});
}
std::string AccessKeyPlace(std::string_view access_key) {
  return JoinKey({"access-key", access_key});
}
std::string AccessKeysOfUser(std::string_view account, std::string_view user) {
  return JoinKey({"access-keys-of-user", account, user});
}

Place SecretPlace(const AccessKeyRecord& record) {
  return {record.account, record.id, {}, "secret-key"};
}

// A secret key is text that people copy: letters and digits, one byte of randomness
// each as far as it can be used without a bias.
Result<SecretBytes> NewSecret(CryptoBackend& random) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::size_t kUsable = 256 / kAlphabet.size() * kAlphabet.size();
  Error failure(Reason::kRandomFailed);
  bool good = true;
  auto secret = SecretBytes::Filled(kSecretSize, [&](std::span<std::uint8_t> out) {
    std::size_t filled = 0;
    while (good && filled < out.size()) {
      auto bytes = random.Random(2 * kSecretSize);
      if (!bytes) {
        good = false;
        failure = std::move(bytes).error();
        return;
      }
      for (const std::uint8_t byte : bytes->Reveal()) {
        if (byte >= kUsable || filled == out.size()) continue;
        out[filled++] = static_cast<std::uint8_t>(kAlphabet[byte % kAlphabet.size()]);
      }
    }
  });
  if (!good) return failure;
  return secret;
}

Result<std::string> NewId(CryptoBackend& random) {
  KMS_TRY(const SecretBytes bytes, random.Random(kIdBytes));
  return ToHex(bytes.Reveal());
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
    KMS_TRY(const AccessKeyRecord record, ReadRecord<AccessKeyRecord>(found->value));
    KMS_TRY(SecretBytes secret, root_.Open(SecretPlace(record), record.sealed));
    auto made = std::make_shared<const AccessKey>(
        AccessKey{{record.account, record.user, record.id, record.root},
                  record.enabled,
                  std::move(secret)});
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
    KMS_TRY(account.id, NewId(random_));
    KMS_TRY(account.root_user, NewId(random_));
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
    KMS_TRY(record.id, NewId(random_));
    record.account = account.id;
    record.user = account.root_user;
    record.root = true;
    made.access_key.principal = {record.account, record.user, record.id, record.root};
    KMS_TRY(made.access_key.secret, NewSecret(random_));
    KMS_TRY(record.sealed,
            root_.Seal(SecretPlace(record), made.access_key.secret.Reveal()));
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
    transaction.Put(AccessKeyPlace(record.id), WriteRecord(record));
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
