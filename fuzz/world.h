// World: a Kms over a store in memory, with one account and a clock that stands still.

#ifndef KMS_FUZZ_WORLD_H_
#define KMS_FUZZ_WORLD_H_

#include <map>
#include <memory>
#include <string>

#include "kms/kms.h"
#include "support/ready_pairs.h"
#include "target.h"

namespace kms::fuzz {

inline constexpr UnixMillis kStart = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

using Records = std::map<std::string, std::string>;

inline Records AllRecords(const KeyStore& store) {
  Records all;
  for (Record& record : store.Read().value()->Scan({}, {}, 100'000).value())
    all.emplace(std::move(record.key), std::move(record.value));
  return all;
}

// Whether the two differ in the records of tokens at most.
inline bool SameButTokens(Records a, Records b) {
  const auto is_token = [](const auto& record) {
    return record.first.starts_with("token");
  };
  std::erase_if(a, is_token);
  std::erase_if(b, is_token);
  return a == b;
}

// Restore puts a store back to what it held, so that no input knows of those before it.
inline void Restore(KeyStore& store, const Records& wanted) {
  const Records now = AllRecords(store);
  const auto restored = store.Update([&](Transaction& transaction) -> Result<void> {
    for (const auto& [key, value] : now)
      if (!wanted.contains(key)) transaction.Erase(key);
    for (const auto& [key, value] : wanted) {
      const auto found = now.find(key);
      if (found == now.end() || found->second != value) transaction.Put(key, value);
    }
    return {};
  });
  Require(restored.has_value(), "the store is restored");
}

// One that makes an RSA key pair once, because that takes long.
inline std::unique_ptr<CryptoBackend> NewQuickBackend(const RootKey& root) {
  return std::make_unique<kms::testing::ReadyPairs>(NewSoftwareBackend(root));
}

struct World {
  using NewBackend = std::unique_ptr<CryptoBackend> (*)(const RootKey&);

  explicit World(NewBackend new_backend = NewBotanBackend, Limits limits = {})
      : backend(new_backend(*root)),
        kms(Kms::Open({.store = *store,
                       .root = *root,
                       .software = *backend,
                       .policy = *policy,
                       .clock = clock,
                       .limits = limits})
                .value()) {
    me.principal = {"account-1", "account-1-root", "account-1-ak", true};
    me.region = "region-1";
    me.operation = "fuzz";
  }

  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend;
  std::unique_ptr<Policy> policy = NewRootPolicy();
  FixedClock clock{kStart};
  std::unique_ptr<Kms> kms;
  RequestContext me;
};

// Edit changes `bytes` as three bytes of `input` say: what, where, and by how much.
inline void Edit(Input& input, Bytes& bytes) {
  const std::uint8_t what = input.Byte();
  // One more, so that a place can be behind the end.
  const std::size_t place = input.Below(bytes.size() + 1);
  const std::uint8_t amount = input.Byte();
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place);
  switch (what % 4) {
    case 0:
      if (at != bytes.end()) *at ^= amount;
      break;
    case 1:
      bytes.insert(at, amount);
      break;
    case 2:
      if (at != bytes.end()) bytes.erase(at);
      break;
    default:
      bytes.erase(at, bytes.end());
  }
}

}  // namespace kms::fuzz

#endif  // KMS_FUZZ_WORLD_H_
