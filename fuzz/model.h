// Model: the manual's rules for the life of keys, as simply as they can be written:
// facts, and what each operation answers, by its published code; empty: it is done.
//
// Nothing here is shared with libkms: the table of states is written once more.

#ifndef KMS_FUZZ_MODEL_H_
#define KMS_FUZZ_MODEL_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kms::fuzz {

using Code = std::string_view;

inline constexpr std::int64_t kModelDay = 86'400'000;
inline constexpr std::size_t kModelTokens = 3;  // of imports, for one key

struct ModelKey {
  bool symmetric = true;
  bool external = false;
  bool gone = false;
  bool enabled = true;
  bool is_protected = false;
  std::optional<std::int64_t> deletion;
  std::optional<int> rotation_days;
  std::int64_t next_rotation = 0;
  std::optional<std::int64_t> last_version;  // made by hand
  std::size_t versions = 1;
  std::string description;
  std::set<std::size_t> tags;
  // Imported: whether it is there, until when, and which is the key's for ever.
  bool material = false;
  std::optional<std::int64_t> material_expires;
  std::optional<std::size_t> bound_to;

  // 0 disabled, 1 enabled, 2 pending deletion, 3 pending import (manual 4.2.1).
  int State(std::int64_t now) const {
    if (deletion) return 2;
    if (external && (!material || (material_expires && *material_expires <= now)))
      return 3;
    return enabled ? 1 : 0;
  }
  std::size_t Versions() const { return external && !bound_to ? 0 : versions; }
};

// What imports take: a token of a key, which says how material is encrypted (manual
// 4.2.3, 5.5).
struct ModelToken {
  std::size_t key;
  bool silent;  // PKCS#1 v1.5: every failure is one
  std::int64_t expires;
  int failures = 0;
};

// What comes encrypted: two materials of the right length, one of a wrong one, and what
// does not decrypt.
enum class ModelMaterial : std::uint8_t { kOne, kOther, kShort, kBroken };

struct ModelTag {
  std::string key, value;
  bool gone = false;
};

class Model {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static constexpr Code kAbsent = "KMS.0301";

  std::vector<ModelKey> keys;
  std::map<std::string, std::size_t> aliases;
  std::vector<ModelTag> tags;
  std::vector<ModelToken> tokens;
  std::int64_t now = 0;

  // The key that still is there, or null.
  ModelKey* Find(std::size_t key) {
    return key < keys.size() && !keys[key].gone ? &keys[key] : nullptr;
  }
  std::size_t Named(const std::string& alias) const {
    const auto found = aliases.find(alias);
    return found == aliases.end() ? kNone : found->second;
  }

  Code Encrypt(std::size_t key) {
    const ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    if (!k->symmetric) return "KMS.0213";
    return k->State(now) == 1 ? "" : "KMS.0206";
  }
  Code Enable(std::size_t key) {
    return Change(key, {"", "", "KMS.0207", "KMS.0207"},
                  [](ModelKey& k) { k.enabled = true; });
  }
  Code Disable(std::size_t key) {
    return Change(key, {"", "", "KMS.0208", "KMS.0206"},
                  [](ModelKey& k) { k.enabled = false; });
  }
  Code Schedule(std::size_t key, int days) {
    if (days < 7 || days > 30) return "KMS.0226";
    ModelKey* const k = Find(key);
    if (k != nullptr && k->is_protected) return "KMS.0906";
    return Change(key, {"", "", "KMS.0208", ""},
                  [&](ModelKey& to) { to.deletion = now + days * kModelDay; });
  }
  Code Cancel(std::size_t key) {
    return Change(key, {"KMS.0209", "KMS.0209", "", "KMS.0209"}, [](ModelKey& k) {
      k.deletion.reset();
      k.enabled = true;
    });
  }
  Code Protect(std::size_t key, bool on) {
    const Code pending = on ? "KMS.0208" : "";
    return Change(key, {"", "", pending, ""}, [&](ModelKey& k) { k.is_protected = on; });
  }
  Code Describe(std::size_t key, const std::string& text) {
    return Change(key, {"", "", "KMS.0208", ""},
                  [&](ModelKey& k) { k.description = text; });
  }
  Code SetRotation(std::size_t key, std::optional<int> days) {
    if (days && (*days < 7 || *days > 730)) return "KMS.0224";
    ModelKey* const k = Find(key);
    if (k != nullptr && (!k->symmetric || k->external)) return "KMS.0211";
    return Change(key, {"KMS.0230", "", "KMS.0230", "KMS.0230"}, [&](ModelKey& to) {
      to.rotation_days = days;
      if (days) to.next_rotation = now + *days * kModelDay;
    });
  }
  Code NewVersion(std::size_t key) {
    ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    if (k->symmetric) return "KMS.0214";
    if (k->State(now) != 1) return "KMS.0206";
    if (k->last_version && now - *k->last_version < 7 * kModelDay) return "KMS.0229";
    ++k->versions;
    k->last_version = now;
    return "";
  }
  Code DeleteMaterial(std::size_t key) {
    ModelKey* const k = Find(key);
    if (k != nullptr && !k->external) return "KMS.0210";
    return Change(key, {"", "", "KMS.0208", ""}, [](ModelKey& to) {
      to.material = false;
      to.material_expires.reset();
    });
  }
  Code NewToken(std::size_t key, bool silent) {
    if (const Code code = MayImport(key); !code.empty()) return code;
    const auto live = std::ranges::count_if(tokens, [&](const ModelToken& token) {
      return token.key == key && token.expires > now;
    });
    if (static_cast<std::size_t>(live) == kModelTokens) return "KMS.0917";
    tokens.push_back({key, silent, now + kModelDay});
    return "";
  }
  Code Import(std::size_t key, std::size_t token, ModelMaterial material,
              std::optional<std::int64_t> expires) {
    if (const Code code = MayImport(key); !code.empty()) return code;
    if (token >= tokens.size()) return "KMS.0401";
    ModelToken& with = tokens[token];
    if (with.key != key || with.expires <= now || with.failures == 10) return "KMS.0401";
    if (expires && *expires <= now) return "KMS.0921";
    ModelKey& to = *Find(key);
    const auto which = static_cast<std::size_t>(material);
    Code code;
    if (material == ModelMaterial::kBroken) {
      code = "KMS.0219";
    } else if (material == ModelMaterial::kShort) {
      code = with.silent ? "KMS.0219" : "KMS.0220";
    } else if (to.bound_to && *to.bound_to != which) {
      code = with.silent ? "KMS.0219" : "KMS.0926";
    }
    if (!code.empty()) {
      ++with.failures;
      return code;
    }
    to.material = true;
    to.material_expires = expires;
    to.bound_to = which;
    return "";
  }

  Code AddAlias(std::size_t key, const std::string& alias) {
    ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    if (k->State(now) == 2) return "KMS.0208";
    return aliases.emplace(alias, key).second ? "" : "KMS.0201";
  }
  Code MoveAlias(std::size_t key, const std::string& alias) {
    ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    if (Named(alias) == kNone) return "KMS.0303";
    if (k->State(now) == 2) return "KMS.0208";
    aliases[alias] = key;
    return "";
  }
  Code DeleteAlias(const std::string& alias) {
    return aliases.erase(alias) == 1 ? "" : "KMS.0303";
  }

  Code AddTag(const std::string& key, const std::string& value) {
    for (const ModelTag& tag : tags)
      if (!tag.gone && tag.key == key && tag.value == value) return kTagExists;
    tags.push_back({key, value});
    return "";
  }
  Code DeleteTag(std::size_t tag) {
    if (!HasTag(tag)) return kTagAbsent;
    tags[tag].gone = true;
    for (ModelKey& key : keys) key.tags.erase(tag);
    return "";
  }
  Code Bind(std::size_t key, std::size_t tag) {
    ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    if (!HasTag(tag)) return kTagAbsent;
    std::erase_if(k->tags, [&](std::size_t t) { return tags[t].key == tags[tag].key; });
    k->tags.insert(tag);
    return "";
  }
  Code Unbind(std::size_t key, std::size_t tag) {
    ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    return HasTag(tag) && k->tags.erase(tag) == 1 ? "" : kTagAbsent;
  }

  // What is due at `now`: each key is deleted, loses its material, or is rotated once.
  void RunDueWork() {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ModelKey& key = keys[i];
      if (key.gone) continue;
      if (key.deletion && *key.deletion <= now) {
        key.gone = true;
        key.tags.clear();
        std::erase_if(aliases, [&](const auto& alias) { return alias.second == i; });
        continue;
      }
      if (key.material_expires && *key.material_expires <= now) {
        key.material = false;
        key.material_expires.reset();
      } else if (key.State(now) == 1 && key.rotation_days && key.next_rotation <= now) {
        ++key.versions;
        key.next_rotation += *key.rotation_days * kModelDay;
        if (key.next_rotation <= now)
          key.next_rotation = now + *key.rotation_days * kModelDay;
      }
    }
  }

 private:
  static constexpr Code kTagExists = "KMS.0908";
  static constexpr Code kTagAbsent = "KMS.0907";

  bool HasTag(std::size_t tag) const { return tag < tags.size() && !tags[tag].gone; }

  Code MayImport(std::size_t key) {
    const ModelKey* const k = Find(key);
    if (k != nullptr && !k->external) return "KMS.0210";
    return Change(key, {"KMS.0206", "", "KMS.0208", ""}, [](ModelKey&) {});
  }

  struct Row {
    Code disabled, enabled, pending_deletion, pending_import;
  };
  template <typename Fn>
  Code Change(std::size_t key, const Row& row, Fn change) {
    ModelKey* const k = Find(key);
    if (k == nullptr) return kAbsent;
    const Code codes[] = {row.disabled, row.enabled, row.pending_deletion,
                          row.pending_import};
    const Code code = codes[k->State(now)];
    if (code.empty()) change(*k);
    return code;
  }
};

}  // namespace kms::fuzz

#endif  // KMS_FUZZ_MODEL_H_
