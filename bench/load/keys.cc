#include "bench/load/keys.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace kms::load {
namespace {

using server::JsonObject;
using server::TextOf;

constexpr std::string_view kLeastDays = "7";

bool IsPair(std::string_view spec) { return spec == "RSA_2048" || spec == "SM2"; }

// The manual's spelling.
std::string Spelled(std::string_view spec) {
  return (spec.starts_with("SM") ? "Ctyun_" : "") + std::string(spec);
}

}  // namespace

LoadKeys::~LoadKeys() {
  for (const std::string& id : made_) {
    JsonObject body;
    body.Text("cmkUuid", id).Text("pendingWindowInDays", kLeastDays);
    if (const auto done = session_.Call("scheduleKeyDeletion", std::move(body)); !done)
      std::fprintf(stderr, "kms-load: key %s stays: %s\n", id.c_str(),
                   done.error().detail().c_str());
  }
}

Result<void> LoadKeys::ReadGiven() {
  for (const std::string& name : options_.keys) {
    JsonObject body;
    body.Text("cmkUuid", name);
    KMS_TRY(const auto found, session_.Call("describeKey", std::move(body)));
    const std::string_view spec = TextOf(found, "keySpec");
    const auto* const usage = found.if_contains("keyUsage");
    const bool signs = usage && usage->is_int64() && usage->get_int64() == 2;
    LoadKey key{KeyUse::kSymmetric, std::string(TextOf(found, "cmkUuid")),
                std::string(TextOf(found, "primaryKeyVersion")), spec == "Ctyun_SM2"};
    if (key.sm2 || IsPair(spec)) key.use = signs ? KeyUse::kSign : KeyUse::kDecrypt;
    KMS_CHECK_OK(Keep(std::move(key)));
  }
  return {};
}

std::string LoadKeys::SpecFor(KeyUse use) const {
  const bool pair = use != KeyUse::kSymmetric;
  const auto asked = std::ranges::find(options_.specs, pair, IsPair);
  if (asked != options_.specs.end()) return *asked;
  return pair ? "RSA_2048" : "AES_256";
}

Result<LoadKey> LoadKeys::For(KeyUse use) {
  if (const auto there = std::ranges::find(keys_, use, &LoadKey::use);
      there != keys_.end())
    return *there;
  const std::string spec = SpecFor(use);
  const bool hsm = options_.hsm || spec.starts_with("SM");
  JsonObject body;
  body.Text("protectionLevel", hsm ? "0" : "1")
      .Text("keySpec", Spelled(spec))
      .Text("keyUsage", use == KeyUse::kSign ? "2" : "1")
      .Text("enableAutomaticRotation", "false")
      .Text("origin", "KMS")
      .Text("description", "made by kms-load")
      .Text("regionId", session_.region());
  KMS_TRY(const auto made, session_.Call("createKey", std::move(body)));
  LoadKey key{use, std::string(TextOf(made, "cmkUuid")),
              std::string(TextOf(made, "primaryKeyVersion")), spec == "SM2"};
  made_.push_back(key.id);
  KMS_CHECK_OK(Keep(std::move(key)));
  return keys_.back();
}

// Pairs have no primary version.
Result<void> LoadKeys::Keep(LoadKey key) {
  KMS_TRY(key.version, server::NewestVersion(session_, key.id, key.version));
  keys_.push_back(std::move(key));
  return {};
}

}  // namespace kms::load
