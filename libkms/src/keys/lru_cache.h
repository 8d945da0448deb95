// LruCache: a map from text to shared values, bounded in bytes, that forgets what was
// longest unused. Sharded, so that threads rarely meet; a lock is held for a lookup,
// never while a value is made.

#ifndef KMS_KEYS_LRU_CACHE_H_
#define KMS_KEYS_LRU_CACHE_H_

#include <array>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace kms {

template <typename Value>
class LruCache {
 public:
  explicit LruCache(std::size_t capacity_bytes)
      : shard_capacity_bytes_(capacity_bytes / kShards) {}

  // Find returns the value under `key`, or null.
  std::shared_ptr<const Value> Find(std::string_view key) {
    Shard& shard = ShardOf(key);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.index.find(key);
    if (found == shard.index.end()) return nullptr;
    shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
    return found->second->value;
  }

  // Put keeps `value`, in place of any other under `key`.
  void Put(std::string key, std::shared_ptr<const Value> value, std::size_t bytes) {
    Shard& shard = ShardOf(key);
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.index.find(key); found != shard.index.end())
      shard.Erase(found->second);
    shard.entries.push_front({std::move(key), std::move(value), bytes});
    shard.index.emplace(shard.entries.front().key, shard.entries.begin());
    shard.bytes += bytes;
    while (shard.bytes > shard_capacity_bytes_ && shard.entries.size() > 1)
      shard.Erase(std::prev(shard.entries.end()));
  }

  // Erase forgets the value under `key`, and tells whether there was one.
  bool Erase(std::string_view key) {
    Shard& shard = ShardOf(key);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.index.find(key);
    if (found == shard.index.end()) return false;
    shard.Erase(found->second);
    return true;
  }

  // EraseIf forgets the values for which `is_stale` is true.
  template <typename Predicate>
  void EraseIf(Predicate is_stale) {
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (auto at = shard.entries.begin(); at != shard.entries.end();) {
        const auto here = at++;
        if (is_stale(*here->value)) shard.Erase(here);
      }
    }
  }

 private:
  static constexpr std::size_t kShards = 16;

  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    std::size_t bytes;
  };

  struct Shard {
    void Erase(typename std::list<Entry>::iterator at) {
      bytes -= at->bytes;
      index.erase(at->key);
      entries.erase(at);
    }

    std::mutex mutex;
    std::list<Entry> entries;  // the most recently used first
    std::unordered_map<std::string_view, typename std::list<Entry>::iterator> index;
    std::size_t bytes = 0;
  };

  Shard& ShardOf(std::string_view key) {
    return shards_[std::hash<std::string_view>{}(key) % kShards];
  }

  const std::size_t shard_capacity_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace kms

#endif  // KMS_KEYS_LRU_CACHE_H_
