#include "keys/alias_names.h"

#include <algorithm>
#include <array>

#include "keys/record_index.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr std::size_t kMaxSize = 255;

// The two spellings of the alias of a default key (manual 4.7.1, 7.3), the first of which
// is listed.
constexpr std::string_view kListed = "alias_";
constexpr std::string_view kOther = "alias/";

// The codes of the cloud products that get default keys (manual 4.7.2, 8.3), and
// "default" for calls that name none. Those of others are taken by who comes first.
constexpr std::array<std::string_view, 9> kProducts = {
    "ecs", "ebs", "evs", "zos", "oos", "sfs", "rds", "mysql", "default"};

bool IsReserved(std::string_view alias) {
  for (const std::string_view prefix : {kListed, kOther}) {
    if (alias.starts_with(prefix) &&
        std::ranges::find(kProducts, alias.substr(prefix.size())) != kProducts.end())
      return true;
  }
  return false;
}

bool MayStand(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '/' || c == '_' || c == '-' || c == '.';
}

// An id in any case: upper-case ones must not become aliases that look like ids.
bool IsShapedLikeUuid(std::string_view alias) {
  std::string lower(alias);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return IsUuid(lower);
}

}  // namespace

Result<void> CheckAliasName(std::string_view alias) {
  if (alias.size() > kMaxSize) return Error(Reason::kTooLong).About("aliasName");
  if (alias.empty() || !std::ranges::all_of(alias, MayStand) || IsShapedLikeUuid(alias))
    return Error(Reason::kBadParameter).About("aliasName");
  if (IsReserved(alias)) return Error(Reason::kDefaultKeyAlias).About("aliasName");
  return {};
}

namespace {

Result<void> CheckFree(const Reader& reader, const KeyRecord& key,
                       std::string_view name) {
  KMS_TRY(const auto taken, reader.Get(place::Alias(key.account, key.region, name)));
  if (!taken) return {};
  KMS_TRY(const AliasRecord alias, FromJson<AliasRecord>(taken->value));
  KMS_TRY(const KeyRecord owner,
          GetRecord<KeyRecord>(reader, place::Key(key.account, key.region, alias.key),
                               Reason::kInternal));
  return Error(owner.is_default ? Reason::kDefaultKeyAlias : Reason::kAliasExists)
      .About("aliasName");
}

}  // namespace

std::string DefaultAlias(std::string_view product) {
  return std::string(kListed).append(product);
}

bool IsListed(const KeyRecord& key, const AliasRecord& alias) {
  return !key.is_default || alias.name.starts_with(kListed);
}

std::optional<std::string> OtherSpelling(std::string_view default_alias) {
  if (default_alias.starts_with(kListed))
    return std::string(kOther).append(default_alias.substr(kListed.size()));
  if (default_alias.starts_with(kOther))
    return std::string(kListed).append(default_alias.substr(kOther.size()));
  return std::nullopt;
}

Result<void> CheckDefaultAlias(const Reader& reader, const KeyRecord& key,
                               std::string_view product) {
  KMS_CHECK_OK(CheckFree(reader, key, DefaultAlias(product)));
  return CheckFree(reader, key, std::string(kOther).append(product));
}

Result<void> AddDefaultAlias(Transaction& transaction, const KeyRecord& key,
                             std::string_view product, UnixMillis now) {
  KMS_CHECK_OK(CheckDefaultAlias(transaction, key, product));
  const std::string other = std::string(kOther).append(product);
  KMS_CHECK_OK(AddAlias(transaction, key, DefaultAlias(product), now));
  AliasRecord alias;
  alias.name = other;
  alias.key = key.id;
  alias.created = now;
  transaction.Put(place::Alias(key.account, key.region, other), ToJson(alias));
  return {};
}

Result<void> AddAlias(Transaction& transaction, const KeyRecord& key,
                      std::string_view name, UnixMillis now) {
  KMS_CHECK_OK(CheckFree(transaction, key, name));
  KMS_TRY(const std::uint64_t position,
          Domain::CountUp(transaction, place::AliasCounter(key.account, key.region)));
  AliasRecord alias;
  alias.name = name;
  alias.key = key.id;
  alias.created = now;
  alias.position = position;
  transaction.Put(place::Alias(key.account, key.region, name), ToJson(alias));
  ChangeIndex(transaction, {}, IndexOf(key, alias));
  return {};
}

Result<void> RemoveAlias(Transaction& transaction, const KeyRecord& key,
                         const AliasRecord& alias) {
  transaction.Erase(place::Alias(key.account, key.region, alias.name));
  ChangeIndex(transaction, IndexOf(key, alias), {});
  return Domain::CountDown(transaction, place::AliasCounter(key.account, key.region), 1);
}

}  // namespace kms
