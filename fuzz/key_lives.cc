// Any sequence of operations on keys, imported material, aliases, versions and tags is
// answered as the rules of the manual say, one by one, and leaves the keys as they say.

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

struct Blob {
  std::size_t key;
  Bytes bytes;
};

// The public key that material comes encrypted to is the same for all tokens: so it is
// encrypted once.
class Materials {
 public:
  explicit Materials(CryptoBackend& backend) {
    const Bytes key = backend.Generate(KeySpec::kRsa2048, {}).value().public_key;
    const auto pair = backend.LoadPublic(key).value();
    for (const bool silent : {false, true}) {
      const auto algorithm = AlgorithmOf(silent);
      wrapped_[silent] = {pair->Encrypt(algorithm, Bytes(32, 1)).value(),
                          pair->Encrypt(algorithm, Bytes(32, 2)).value(),
                          pair->Encrypt(algorithm, Bytes(16, 3)).value(), Bytes(256, 0)};
    }
  }
  static EncryptionAlgorithm AlgorithmOf(bool silent) {
    return silent ? EncryptionAlgorithm::kRsaPkcs1 : EncryptionAlgorithm::kRsaOaepSha256;
  }
  const Bytes& Wrapped(bool silent, ModelMaterial material) const {
    return wrapped_[silent][static_cast<std::size_t>(material)];
  }

 private:
  std::array<std::array<Bytes, 4>, 2> wrapped_;
};

class Run {
 public:
  Run(World& world, const Materials& materials, Input input)
      : world_(world), materials_(materials), input_(input) {
    model_.now = world_.clock.Now();
  }

  void Step() {
    const std::size_t key = input_.Below(5);
    const std::string name = NameOf(key);
    const std::string alias = "alias" + std::to_string(input_.Below(4));
    const std::size_t at = input_.Flag() ? key : model_.Named(alias);
    const std::string named = at == key ? name : alias;
    Kms& kms = *world_.kms;
    const RequestContext& me = world_.me;
    switch (const std::uint8_t amount = input_.Byte(); input_.Byte() % 23) {
      case 0:
        return Create(amount);
      case 1:
        return Same(kms.keys().Enable(me, named), model_.Enable(at));
      case 2:
        return Same(kms.keys().Disable(me, named), model_.Disable(at));
      case 3:
        return Same(kms.keys().ScheduleDeletion(me, named, amount % 33),
                    model_.Schedule(at, amount % 33));
      case 4:
        return Same(kms.keys().CancelDeletion(me, named), model_.Cancel(at));
      case 5:
        return Same(kms.keys().SetDeletionProtection(me, named, amount % 2 == 1),
                    model_.Protect(at, amount % 2 == 1));
      case 6: {
        const std::string text(amount, 'd');
        return Same(kms.keys().UpdateDescription(me, named, text),
                    model_.Describe(at, text));
      }
      case 7:
        return Same(kms.versions().SetRotation(me, named, amount * 3),
                    model_.SetRotation(at, amount * 3));
      case 8:
        return Same(kms.versions().SetRotation(me, named, {}),
                    model_.SetRotation(at, {}));
      case 9:
        return Same(kms.versions().Create(me, named), model_.NewVersion(at));
      case 10:
        return Same(kms.imports().DeleteMaterial(me, named), model_.DeleteMaterial(at));
      case 11:
        return Same(kms.aliases().Create(me, name, alias), model_.AddAlias(key, alias));
      case 12:
        return Same(kms.aliases().Update(me, name, alias), model_.MoveAlias(key, alias));
      case 13:
        return Same(kms.aliases().Delete(me, alias), model_.DeleteAlias(alias));
      case 14:
        return Encrypt(at, named);
      case 15:
        return Decrypt(amount);
      case 16:
        return CreateTag("t" + std::to_string(amount % 3), "v" + std::to_string(key % 2));
      case 17:
        return Same(kms.tags().Delete(me, Tag(amount % 4)), model_.DeleteTag(amount % 4));
      case 18:
        if (amount % 2 == 0)
          return Same(kms.tags().Bind(me, named, Tag(amount / 2 % 4)),
                      model_.Bind(at, amount / 2 % 4));
        return Same(kms.tags().Unbind(me, named, Tag(amount / 2 % 4)),
                    model_.Unbind(at, amount / 2 % 4));
      case 19:
        return Wait(amount);
      case 20:
        return NewToken(at, named, amount % 2 == 1);
      case 21:
        return Import(at, named, amount);
      default:
        return Pass(amount);
    }
  }

  void Compare() {
    std::size_t live = 0;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      const ModelKey* const expected = model_.Find(i);
      const auto key = world_.kms->keys().Describe(world_.me, ids_[i]);
      Require(key.has_value() == (expected != nullptr), "a key is there or not");
      if (expected == nullptr) continue;
      ++live;
      Require(static_cast<int>(key->state) == expected->State(model_.now), "its state");
      Require(key->description == expected->description, "its description");
      Require(key->deletion == expected->deletion, "its deletion");
      Require(key->deletion_protected == expected->is_protected, "its protection");
      Require(key->rotation_days == expected->rotation_days, "its rotation");
      Require(key->tags.size() == expected->tags.size(), "its tags");
      std::size_t aliases = 0;
      for (const auto& [alias, of] : model_.aliases) aliases += of == i ? 1 : 0;
      Require(key->aliases.size() == aliases, "its aliases");
      const auto versions = world_.kms->versions().List(world_.me, ids_[i], {});
      Require(versions->total == expected->Versions(), "its versions");
      Require(key->material_expires == expected->material_expires, "its material's end");
    }
    const auto listed = world_.kms->keys().List(world_.me, {}, {});
    Require(listed->total == live, "all are listed");
  }

  bool done() const { return input_.empty(); }

 private:
  template <typename T>
  void Same(const Result<T>& result, Code expected) {
    const Code code = result ? Code() : CodeOf(result.error().reason());
    if (code != expected)
      std::fprintf(stderr, "answered '%.*s' instead of '%.*s'\n",
                   static_cast<int>(code.size()), code.data(),
                   static_cast<int>(expected.size()), expected.data());
    Require(code == expected, "an operation is answered as the manual says");
  }

  // An id that nothing has ever had stands for keys that were not made.
  std::string NameOf(std::size_t key) const {
    return key < ids_.size() ? ids_[key] : "00000000-0000-4000-8000-000000000000";
  }
  TagName Tag(std::size_t tag) const {
    if (tag >= tags_.size()) return {"00000000-0000-4000-8000-000000000000", "t", "v"};
    return {tags_[tag].id, tags_[tag].key, tags_[tag].value};
  }

  void Create(std::uint8_t kind) {
    if (ids_.size() == 4) return;
    NewKey wanted;
    ModelKey made;
    if (kind % 4 == 1) {
      wanted.spec = KeySpec::kSm2;
      made.symmetric = false;
    } else if (kind % 4 == 2) {
      wanted.origin = KeyOrigin::kExternal;
      made.external = true;
    } else if (kind % 4 == 3) {
      wanted.rotation_days = made.rotation_days = 7;
      made.next_rotation = model_.now + 7 * kModelDay;
    }
    ids_.push_back(world_.kms->keys().Create(world_.me, wanted).value().id);
    model_.keys.push_back(made);
  }
  void Encrypt(std::size_t at, const std::string& name) {
    auto made = world_.kms->compute().Encrypt(world_.me, name, AsBytes("plaintext"));
    Same(made, model_.Encrypt(at));
    if (made) blobs_.push_back({at, std::move(made->blob)});
  }
  void Decrypt(std::size_t number) {
    if (blobs_.empty()) return;
    const Blob& blob = blobs_[number % blobs_.size()];
    const auto opened = world_.kms->compute().Decrypt(world_.me, blob.bytes);
    Same(opened, model_.Encrypt(blob.key));
    if (opened)
      Require(AsText(opened->plaintext.Reveal()) == "plaintext", "a blob opens");
  }
  void NewToken(std::size_t at, const std::string& name, bool silent) {
    auto made = world_.kms->imports().GetParameters(world_.me, name,
                                                    Materials::AlgorithmOf(silent));
    Same(made, model_.NewToken(at, silent));
    if (made) tokens_.push_back(std::move(made->token));
  }
  // Two bits each: which of the last tokens, which material, and until when.
  void Import(std::size_t at, const std::string& name, std::uint8_t how) {
    const std::size_t token = tokens_.size() - 1 - how % 4;  // or none
    const auto material = static_cast<ModelMaterial>(how / 4 % 4);
    std::optional<std::int64_t> expires;
    if (const int days = how / 16 % 4; days != 0)
      expires = model_.now + (days - 1) * kModelDay * 2;
    const bool there = token < tokens_.size();
    const bool silent = there && model_.tokens[token].silent;
    Same(world_.kms->imports().ImportMaterial(
             world_.me, name, there ? tokens_[token] : Bytes(64, 1),
             materials_.Wrapped(silent, material), expires),
         model_.Import(at, token, material, expires));
  }
  void CreateTag(const std::string& key, const std::string& value) {
    auto made = world_.kms->tags().Create(world_.me, key, value);
    Same(made, model_.AddTag(key, value));
    if (made) tags_.push_back(*std::move(made));
  }
  void Pass(std::uint8_t days) {
    world_.clock.Advance(days * kModelDay / 2);
    model_.now = world_.clock.Now();
  }
  void Wait(std::uint8_t days) {
    Pass(days);
    Require(world_.kms->RunDueWork().has_value(), "due work is done");
    model_.RunDueWork();
  }

  World& world_;
  const Materials& materials_;
  Input input_;
  Model model_;
  std::vector<std::string> ids_;
  std::vector<kms::Tag> tags_;
  std::vector<Blob> blobs_;
  std::vector<Bytes> tokens_;
};

}  // namespace

// Five bytes for each operation.
void key_lives(ByteView bytes) {
  static World world(NewQuickBackend, {.import_tokens = kModelTokens});
  static const Materials materials(*world.backend);
  static const Records before = AllRecords(*world.store);
  // Nothing is deleted by a clock that was not watched for a while.
  (void)world.kms->RunDueWork();
  world.clock.Advance(Limits{}.steady_millis);
  Run run(world, materials, Input(bytes));
  while (!run.done()) run.Step();
  run.Compare();
  Restore(*world.store, before);
}

}  // namespace kms::fuzz::targets
