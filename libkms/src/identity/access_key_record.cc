#include "identity/access_key_record.h"

#include <cstring>
#include <utility>

#include "core/json_record.h"
#include "kms/encoding.h"

namespace kms {

template <typename Archive>
void Members(Archive& archive, AccessKeyRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("user", r.user);
  archive("root", r.root);
  archive("enabled", r.enabled);
  archive("sealed", r.sealed);
  archive("accessPoint", r.access_point);
  archive("region", r.region);
  archive("scope", r.scope);
  archive("created", r.created);
  archive("position", r.position);
  archive("suspended", r.suspended);
}

constexpr std::int64_t Values(AccessKeyScope) { return 3; }

namespace {

constexpr std::size_t kSecretSize = 32;
constexpr std::size_t kIdBytes = 16;

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

// A record like those of access points' keys, of nobody.
std::string NobodysKey() {
  AccessKeyRecord record;
  record.id = std::string(2 * kIdBytes, '0');
  record.account = record.user = record.access_point.emplace(2 * kIdBytes, '-');
  record.region.emplace(kIdBytes, '-');
  record.scope = AccessKeyScope::kFull;
  record.sealed = Bytes(2 * kSecretSize, 0);
  return WriteAccessKey(record);
}

}  // namespace

std::string WriteAccessKey(const AccessKeyRecord& record) { return WriteRecord(record); }

Result<AccessKeyRecord> ReadAccessKey(std::string_view json) {
  return ReadRecord<AccessKeyRecord>(json);
}

Result<AccessKeyRecord> FindAccessKey(const Reader& reader, std::string_view account,
                                      std::string_view access_key) {
  KMS_TRY(const auto found, reader.Get(AccessKeyPlace(access_key)));
  // A record that does not name the account is not even parsed: that takes long enough
  // to tell a stranger that there is one. So does the search, if nothing else is
  // searched.
  static const std::string nobodys = NobodysKey();
  const std::string_view text = found ? std::string_view(found->value) : nobodys;
  if (::memmem(text.data(), text.size(), account.data(), account.size()) == nullptr)
    return Reason::kAccessKeyNotFound;
  KMS_TRY(AccessKeyRecord record, ReadAccessKey(text));
  if (!found || record.account != account) return Reason::kAccessKeyNotFound;
  return record;
}

std::string AccessKeyPlace(std::string_view access_key) {
  return JoinKey({"access-key", access_key});
}

Principal PrincipalOf(const AccessKeyRecord& record) {
  Principal principal;
  principal.account = record.account;
  principal.user = record.user;
  principal.access_key = record.id;
  principal.root = record.root;
  principal.access_point = record.access_point.value_or("");
  principal.scope = record.scope.value_or(AccessKeyScope::kFull);
  return principal;
}

Result<std::string> NewIdentityId(CryptoBackend& random) {
  KMS_TRY(const SecretBytes bytes, random.Random(kIdBytes));
  return ToHex(bytes.Reveal());
}

Result<SecretBytes> NewSecretKey(CryptoBackend& random, const RootKey& root,
                                 AccessKeyRecord& record) {
  KMS_TRY(SecretBytes secret, NewSecret(random));
  KMS_TRY(record.sealed, root.Seal(SecretPlace(record), secret.Reveal()));
  return secret;
}

Result<SecretBytes> OpenSecretKey(const RootKey& root, const AccessKeyRecord& record) {
  return root.Open(SecretPlace(record), record.sealed);
}

}  // namespace kms
