#include "signer/eop_keys.h"

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

namespace kms {
namespace {

constexpr std::size_t kDayDigits = 8;

SecretBytes Step(const SecretBytes& key, std::string_view data) {
  Digest32 mac = Hmac(DigestAlgorithm::kSha256, key.Reveal(), AsBytes(data));
  SecretBytes next = SecretBytes::CopyOf(mac);
  Wipe(mac);
  return next;
}

}  // namespace

EopKey::EopKey(const SecretBytes& secret_key, std::string_view access_key,
               std::string_view date)
    : key_(Step(Step(Step(secret_key, date), access_key), date.substr(0, kDayDigits))) {}

Digest32 EopKey::Sign(std::string_view text) const {
  return Hmac(DigestAlgorithm::kSha256, key_.Reveal(), AsBytes(text));
}

// Makes the pool of locked memory, if nothing has yet: of objects that live until the end
// of the process the first one made goes last.
EopKeys::EopKeys() {
  SecretBytes::Filled(1, [](std::span<std::uint8_t>) {});
}

// Clients whose clocks differ by a second do not take turns in one slot.
std::size_t EopKeys::SlotOf(std::string_view access_key, std::string_view date) {
  const std::hash<std::string_view> hash;
  return (hash(access_key) + 31 * hash(date)) % std::tuple_size_v<decltype(slots_)>;
}

std::optional<EopKey> EopKeys::Find(const SecretBytes& secret_key,
                                    std::string_view access_key,
                                    std::string_view date) const {
  const Slot& slot = slots_[SlotOf(access_key, date)];
  const std::lock_guard lock(slot.mutex);
  if (!slot.key || slot.date != date || slot.access_key != access_key ||
      !(slot.secret_key == secret_key))
    return std::nullopt;
  return slot.key->Clone();
}

void EopKeys::Keep(const EopKey& key, const SecretBytes& secret_key,
                   std::string_view access_key, std::string_view date) {
  Slot& slot = slots_[SlotOf(access_key, date)];
  const std::lock_guard lock(slot.mutex);
  slot.key.reset();
  slot.access_key = access_key;
  slot.date = date;
  slot.secret_key = secret_key.Clone();
  slot.key = key.Clone();
}

}  // namespace kms
