#include "hsm_adapters/pkcs11/roots.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/encoding.h"

namespace kms {

Result<bool> HasHsmRoot(const KeyStore& store) {
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto records, snapshot->Scan(place::HsmRoots(), {}, 64));
  for (const Record& record : records) {
    KMS_TRY(const auto root, ReadRecord<HsmRootRecord>(record.value));
    if (root.made) return true;
  }
  return false;
}

namespace pkcs11 {
namespace {

constexpr CK_MECHANISM_TYPE kKeyWrapKwp = 0x210B;  // as PKCS#11 3.0 numbers RFC 5649
// The head of what is sealed under a root here; the software root key begins with 1.
constexpr std::uint8_t kHeadFormat = 2;
constexpr std::size_t kHeadSize = 5;

Template AesKey(bool token, bool extractable) {
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, CKK_AES)
      .Flag(CKA_TOKEN, token)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  return key;
}

// The only long-lived object. Whatever it unwraps stays in the token, as a session
// object.
Template RootTemplate(const HsmRootRecord& record, bool with_unwrap_template) {
  Template root = AesKey(true, false);
  root.Number(CKA_VALUE_LEN, kAesSize)
      .Text(CKA_ID, record.id)
      .Text(CKA_LABEL, "libkms root " + std::to_string(record.index))
      .Flag(CKA_MODIFIABLE, false)
      .Flag(CKA_WRAP, true)
      .Flag(CKA_UNWRAP, true)
      .Flag(CKA_ENCRYPT, false)
      .Flag(CKA_DECRYPT, false)
      .Flag(CKA_SIGN, false)
      .Flag(CKA_VERIFY, false)
      .Flag(CKA_DERIVE, false);
  if (with_unwrap_template) {
    Template unwrapped;
    unwrapped.Flag(CKA_TOKEN, false)
        .Flag(CKA_SENSITIVE, true)
        .Flag(CKA_EXTRACTABLE, false);
    root.Nested(CKA_UNWRAP_TEMPLATE, std::move(unwrapped));
  }
  return root;
}

// What the objects of keys that were made under the root are for; its sealing key is one.
CipherUse UseOf(const HsmRootRecord& root) {
  return root.derives ? CipherUse::kDerive : CipherUse::kEncrypt;
}

Template SealingTemplate(const HsmRootRecord& record) {
  Template key = AesKey(true, false);
  key.Number(CKA_VALUE_LEN, kAesSize)
      .Text(CKA_ID, record.id)
      .Text(CKA_LABEL, "libkms sealing key " + std::to_string(record.index))
      .Flag(CKA_MODIFIABLE, false);
  AddUse(UseOf(record), &key);
  return key;
}

// What an object must be, and must not be able to do.
Result<void> CheckObject(Access& access, CK_OBJECT_HANDLE object, bool wraps) {
  struct Wanted {
    CK_ATTRIBUTE_TYPE type;
    bool value;
    const char* fault;
  };
  constexpr std::array kAlways = {
      Wanted{CKA_SENSITIVE, true, "can be read"},
      Wanted{CKA_EXTRACTABLE, false, "can be extracted"},
      Wanted{CKA_ALWAYS_SENSITIVE, true, "could be read once"},
      Wanted{CKA_NEVER_EXTRACTABLE, true, "could be extracted once"},
      Wanted{CKA_LOCAL, true, "was not made in the token"},
      Wanted{CKA_MODIFIABLE, false, "can be changed"}};
  constexpr std::array kRoot = {Wanted{CKA_WRAP, true, "cannot wrap"},
                                Wanted{CKA_UNWRAP, true, "cannot unwrap"},
                                Wanted{CKA_ENCRYPT, false, "can encrypt"},
                                Wanted{CKA_DECRYPT, false, "can decrypt"},
                                Wanted{CKA_SIGN, false, "can sign"},
                                Wanted{CKA_DERIVE, false, "can derive"}};
  const auto check = [&](const Wanted& wanted) -> Result<void> {
    KMS_TRY(const bool value, access.Keep()->Flag(object, wanted.type));
    if (value != wanted.value)
      return Failed(std::string("the root key in the token is not as we make them: it ") +
                    wanted.fault);
    return {};
  };
  for (const Wanted& wanted : kAlways) KMS_CHECK_OK(check(wanted));
  if (wraps)
    for (const Wanted& wanted : kRoot) KMS_CHECK_OK(check(wanted));
  return {};
}

Bytes HeadOf(std::uint32_t index) {
  Bytes head(kHeadSize);
  head[0] = kHeadFormat;
  std::ranges::copy(BigEndian(index), head.begin() + 1);
  return head;
}

}  // namespace

bool CanWrap(const Token& token) {
  return token.Has(CKM_AES_KEY_WRAP_PAD, CKF_WRAP | CKF_UNWRAP) ||
         token.Has(kKeyWrapKwp, CKF_WRAP | CKF_UNWRAP);
}

CK_MECHANISM WrapMechanism(const Token& token) {
  const bool padded = token.Has(CKM_AES_KEY_WRAP_PAD, CKF_WRAP | CKF_UNWRAP);
  return {padded ? CKM_AES_KEY_WRAP_PAD : kKeyWrapKwp, nullptr, 0};
}

std::array<std::uint8_t, 4> BigEndian(std::uint32_t index) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = bytes.size(); i-- > 0; index >>= 8)
    bytes[i] = static_cast<std::uint8_t>(index);
  return bytes;
}

std::uint32_t FromBigEndian(ByteView bytes) {
  std::uint32_t index = 0;
  for (const std::uint8_t byte : bytes) index = index << 8 | byte;
  return index;
}

Result<void> RemoveObjects(Access& access, std::string_view id) {
  Template wanted;
  wanted.Flag(CKA_TOKEN, true).Text(CKA_ID, id);
  KMS_TRY(const auto found, access.Keep()->Find(std::move(wanted)));
  for (const CK_OBJECT_HANDLE object : found)
    KMS_CHECK_OK(access.Keep()->Destroy(object));
  return {};
}

Result<void> SyncFolder(const std::string& folder) {
  if (folder.empty()) return {};
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Failed("the token's folder cannot be opened: " + folder);
  const int synced = ::syncfs(descriptor);
  ::close(descriptor);
  if (synced != 0) return Failed("the token's folder cannot be synced: " + folder);
  return {};
}

struct Roots::Root {
  HsmRootRecord record;
  // Found by Examine, which runs in each epoch before anything else; or by whoever needs
  // it, if the root was being made just then.
  std::atomic<CK_OBJECT_HANDLE> handle{CK_INVALID_HANDLE};
  std::atomic<std::uint64_t> epoch{0};
  std::unique_ptr<TokenCipher> cipher;
};

Roots::Roots(KeyStore& store, const Clock& clock) : store_(store), clock_(clock) {}
Roots::~Roots() = default;

Result<std::unique_ptr<Roots>> Roots::Read(KeyStore& store, const Clock& clock) {
  std::unique_ptr<Roots> roots(new Roots(store, clock));
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto records, snapshot->Scan(place::HsmRoots(), {}, kAllRecords));
  for (const Record& stored : records) {
    KMS_TRY(HsmRootRecord record, ReadRecord<HsmRootRecord>(stored.value));
    if (!record.made) {
      roots->unmade_.push_back(std::move(record));
      continue;
    }
    const auto root = std::make_shared<Root>();
    root->record = std::move(record);
    roots->roots_.push_back(root);
  }
  return roots;
}

Result<CK_OBJECT_HANDLE> Roots::Find(Access& access, const HsmRootRecord& record) const {
  Template wanted;
  wanted.Number(CKA_CLASS, CKO_SECRET_KEY).Flag(CKA_TOKEN, true).Text(CKA_ID, record.id);
  KMS_TRY(const auto found, access.Keep()->Find(std::move(wanted)));
  if (found.empty())
    return Failed("the root key " + std::to_string(record.index) +
                  " of the store is not in the token (CKA_ID " + record.id +
                  "): is it the token with the serial number " + record.serial + "?");
  if (found.size() > 1)
    return Failed("several objects in the token have the CKA_ID " + record.id);
  return found.front();
}

Result<void> Roots::Examine(Access& access) {
  std::vector<std::shared_ptr<Root>> roots;
  {
    const std::lock_guard lock(mutex_);
    roots = roots_;
  }
  for (const auto& root : roots) {
    KMS_TRY([[maybe_unused]] const CK_OBJECT_HANDLE handle, HandleOf(access, *root));
  }
  return {};
}

Result<CK_OBJECT_HANDLE> Roots::HandleOf(Access& access, Root& root) const {
  if (root.epoch == access.epoch()) return root.handle.load();
  KMS_TRY(const CK_OBJECT_HANDLE handle, Find(access, root.record));
  KMS_CHECK_OK(CheckObject(access, handle, root.record.wraps));
  root.handle = handle;
  root.epoch = access.epoch();
  return handle;
}

Result<void> Roots::Start(Token& token, CryptoBackend& random, Control control) {
  token_ = &token;
  random_ = &random;
  control_ = std::move(control);
  const bool use_only = token.config().use_only;
  std::vector<std::shared_ptr<Root>> roots;
  bool fits = false;  // the newest uses what the token can do
  for (const auto& found : roots_) {
    HsmRootRecord record = found->record;
    if (record.wraps && !CanWrap(token))
      return Failed(
          "the token cannot unwrap (AES key wrap with padding), but holds the "
          "root key of keys that are wrapped");
    if (record.derives && !CanDerive(token))
      return Failed(
          "the token cannot derive (CKM_AES_CBC_ENCRYPT_DATA), but holds keys from "
          "which those of messages are derived");
    if (record.wraps && !record.derives && CanDerive(token) && !use_only) {
      record.derives = true;  // from now on
      KMS_CHECK_OK(Put(record));
    }
    fits = record.wraps == CanWrap(token) && record.derives == CanDerive(token);
    roots.push_back(NewRoot(std::move(record)));
  }
  {
    const std::lock_guard lock(mutex_);
    roots_.swap(roots);
  }
  if (use_only) {
    if (newest() == 0) return Failed("the store names no root key in a token");
  } else if (!fits) {
    KMS_CHECK_OK(Add());
  } else {
    const std::lock_guard lock(add_mutex_);
    KMS_CHECK_OK(RemoveUnmade());
  }
  // Under another root of the same name nothing opens.
  const Place place = {{}, "hsm-root", {}, "check"};
  KMS_TRY(const Bytes sealed, Seal(place, AsBytes("libkms")));
  const auto opened = Open(place, sealed);
  if (!opened || AsText(opened->Reveal()) != "libkms")
    return Failed("the token does not open what it has just sealed");
  return {};
}

Result<void> Roots::RemoveUnmade() {
  for (const HsmRootRecord& record : unmade_) {
    KMS_CHECK_OK(token_->Call(
        [id = record.id](Access& access) { return RemoveObjects(access, id); }));
    KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
      transaction.Erase(place::HsmRoot(record.index));
      transaction.Erase(place::HsmRootNonces(record.index));
      return {};
    }));
  }
  unmade_.clear();
  return {};
}

Result<void> Roots::Put(const HsmRootRecord& record) {
  KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
    transaction.Put(place::HsmRoot(record.index), WriteRecord(record));
    return {};
  }));
  return {};
}

Result<void> Roots::Add() {
  if (token_->config().use_only)
    return Failed("the token is open for use only, and takes no new root key");
  const std::lock_guard adding(add_mutex_);
  KMS_CHECK_OK(RemoveUnmade());
  HsmRootRecord record;
  record.index = newest() + 1;
  KMS_TRY(const SecretBytes random, random_->Random(16));
  record.id = "libkms/" + ToUuid(random.Reveal()) + "/" + std::to_string(record.index);
  record.created = clock_.Now();
  record.wraps = CanWrap(*token_);
  record.derives = CanDerive(*token_);
  Pkcs11Status facts;
  token_->Describe(&facts);
  record.serial = facts.serial;
  // First the name, so that what is made under it is found again after a crash.
  KMS_CHECK_OK(Put(record));
  unmade_.push_back(record);

  KMS_TRY(record.seal, token_->Call([this, record](Access& access) -> Result<Bytes> {
    KMS_CHECK_OK(RemoveObjects(access, record.id));  // of an earlier attempt
    const CK_MECHANISM generate = {CKM_AES_KEY_GEN, nullptr, 0};
    if (!record.wraps) {
      KMS_TRY([[maybe_unused]] const CK_OBJECT_HANDLE sealing,
              access.Keep()->GenerateKey(generate, SealingTemplate(record)));
      return Bytes();
    }
    auto made = access.Keep()->GenerateKey(generate, RootTemplate(record, true));
    if (!made && (access.fault() == CKR_ATTRIBUTE_TYPE_INVALID ||
                  access.fault() == CKR_ATTRIBUTE_VALUE_INVALID ||
                  access.fault() == CKR_TEMPLATE_INCONSISTENT)) {
      // A token without unwrap templates: ours say the same each time.
      made = access.Keep()->GenerateKey(generate, RootTemplate(record, false));
      if (made) access.Settle();
    }
    KMS_TRY(const CK_OBJECT_HANDLE root, std::move(made));
    Template key = AesKey(false, true);
    key.Number(CKA_VALUE_LEN, kAesSize);
    KMS_TRY(const CK_OBJECT_HANDLE handle,
            access.Keep()->GenerateKey(generate, std::move(key)));
    const ScopedObject sealing(access, handle);
    return access.Keep()->Wrap(WrapMechanism(*token_), root, sealing.handle());
  }));
  KMS_CHECK_OK(SyncFolder(token_->config().sync_folder));
  // Found as any later start will find it, before anything depends on it.
  record.made = true;
  const std::shared_ptr<Root> root = NewRoot(record);
  KMS_TRY([[maybe_unused]] const CK_OBJECT_HANDLE found,
          token_->Call([this, root](Access& access) { return HandleOf(access, *root); }));
  KMS_CHECK_OK(Put(record));
  unmade_.clear();
  const std::lock_guard lock(mutex_);
  roots_.push_back(root);
  return {};
}

std::shared_ptr<Roots::Root> Roots::NewRoot(HsmRootRecord record) {
  auto root = std::make_shared<Root>();
  root->record = std::move(record);
  Root* const self = root.get();
  const auto key = [this, self](Access& access, CipherUse use) -> Result<KeyObject> {
    KMS_TRY(const CK_OBJECT_HANDLE object, HandleOf(access, *self));
    if (!self->record.wraps) return KeyObject{object, false};
    Template sealing = AesKey(false, false);
    AddUse(use, &sealing);
    auto unwrapped = access.Keep()->Unwrap(WrapMechanism(*token_), object,
                                           self->record.seal, std::move(sealing));
    KMS_TRY(const CK_OBJECT_HANDLE handle,
            OrInput(access, object, control_, std::move(unwrapped),
                    Error(ErrorClass::kCorrupt, Reason::kHsmUnavailable,
                          "what the store holds of root key " +
                              std::to_string(self->record.index) +
                              " does not unwrap in the token")));
    return KeyObject{handle};
  };
  root->cipher = std::make_unique<TokenCipher>(TokenCipher::Parts{
      *token_, *random_,
      std::make_unique<NonceBudget>(store_, place::HsmRootNonces(self->record.index)),
      key, self->record.wraps ? std::nullopt : std::optional(UseOf(self->record)),
      control_});
  return root;
}

std::uint32_t Roots::newest() const {
  const std::lock_guard lock(mutex_);
  return roots_.empty() ? 0 : roots_.back()->record.index;
}

std::string Roots::id_of_newest() const {
  const std::lock_guard lock(mutex_);
  return roots_.empty() ? "" : roots_.back()->record.id;
}

std::string Roots::serial_of_newest() const {
  const std::lock_guard lock(mutex_);
  return roots_.empty() ? "" : roots_.back()->record.serial;
}

std::shared_ptr<Roots::Root> Roots::Find(std::uint32_t index) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(
      roots_, [&](const auto& root) { return root->record.index == index; });
  return found == roots_.end() ? nullptr : *found;
}

Result<CK_OBJECT_HANDLE> Roots::Handle(Access& access, std::uint32_t index) const {
  const auto root = Find(index);
  if (root == nullptr) return Reason::kKeyDecryptionFailed;
  return HandleOf(access, *root);
}

CipherUse Roots::ObjectUse(ByteView sealed) const {
  return UseOf(Find(FromBigEndian(sealed.subspan(1, kHeadSize - 1)))->record);
}

Result<Bytes> Roots::Seal(const Place& place, ByteView secret) const {
  const auto root = Find(newest());
  return root->cipher->Seal(HeadOf(root->record.index), AsBytes(EncodePlace(place)),
                            secret);
}

Result<SecretBytes> Roots::Open(const Place& place, ByteView sealed) const {
  if (sealed.size() < kHeadSize || sealed[0] != kHeadFormat)
    return Reason::kKeyDecryptionFailed;
  const auto root = Find(FromBigEndian(sealed.subspan(1, kHeadSize - 1)));
  if (root == nullptr) return Reason::kKeyDecryptionFailed;
  auto opened = root->cipher->Open(sealed.first(kHeadSize), AsBytes(EncodePlace(place)),
                                   sealed.subspan(kHeadSize));
  if (!opened && opened.error().error_class() == ErrorClass::kAuthFailed)
    return Reason::kKeyDecryptionFailed;
  return opened;
}

}  // namespace pkcs11
}  // namespace kms
