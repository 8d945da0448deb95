#include "keys/states.h"

#include <optional>

namespace kms {
namespace {

using Cell = std::optional<Reason>;
constexpr Cell kOk = std::nullopt;

struct Row {
  Cell enabled;
  Cell disabled;
  Cell pending_deletion;
  Cell pending_import;
};

constexpr Row Always(Cell cell) { return {cell, cell, cell, cell}; }

using enum Reason;

Row RowOf(Action action, const KeyRecord& key) {
  const bool symmetric = IsSymmetric(key.spec);
  const bool external = key.origin == KeyOrigin::kExternal;
  switch (action) {
    case Action::kUse:
    case Action::kEncrypt:
      return {kOk, kKeyDisabled, kKeyDisabled, kKeyDisabled};
    case Action::kEnable:
      return {kOk, kOk, kCannotEnable, kCannotEnable};
    case Action::kDisable:
      return {kOk, kOk, kDeletionPending, kKeyDisabled};
    case Action::kScheduleDeletion:
      return key.deletion_protected ? Always(kDeletionProtected)
                                    : Row{kOk, kOk, kDeletionPending, kOk};
    case Action::kCancelDeletion:
      return {kNoDeletionPending, kNoDeletionPending, kOk, kNoDeletionPending};
    case Action::kProtect:
    case Action::kUpdateDescription:
    case Action::kPointAlias:
      return {kOk, kOk, kDeletionPending, kOk};
    case Action::kUnprotect:
    case Action::kDeleteAlias:
    case Action::kMove:
    case Action::kTag:
    case Action::kDescribe:
      return Always(kOk);
    case Action::kSetRotation:
      return symmetric && !external
                 ? Row{kOk, kRotationPaused, kRotationPaused, kRotationPaused}
                 : Always(kNoAutomaticRotation);
    case Action::kCreateVersion:
      return symmetric ? Always(kNotAsymmetric)
                       : Row{kOk, kKeyDisabled, kKeyDisabled, kKeyDisabled};
    case Action::kImport:
      return external ? Row{kOk, kKeyDisabled, kDeletionPending, kOk}
                      : Always(kCannotImport);
    case Action::kDeleteMaterial:
      return external ? Row{kOk, kOk, kDeletionPending, kOk} : Always(kCannotImport);
  }
  return Always(kInternal);
}

}  // namespace

KeyState StateOf(const KeyRecord& key, UnixMillis now) {
  if (key.deletion) return KeyState::kPendingDeletion;
  if (!key.material || (key.material_expires && *key.material_expires <= now))
    return KeyState::kPendingImport;
  return key.enabled ? KeyState::kEnabled : KeyState::kDisabled;
}

AutomaticRotation RotationOf(const KeyRecord& key, UnixMillis now) {
  if (!key.rotation_days) return AutomaticRotation::kDisabled;
  return StateOf(key, now) == KeyState::kEnabled ? AutomaticRotation::kEnabled
                                                 : AutomaticRotation::kSuspended;
}

// What the system itself does to a default key does not come through here.
Result<void> CheckDefault(Action action, const KeyRecord& key) {
  if (!key.is_default) return {};
  switch (action) {
    case Action::kEncrypt:
    case Action::kDescribe:
      return {};
    case Action::kPointAlias:
    case Action::kDeleteAlias:
      return kDefaultKeyAlias;
    default:
      return kKeyNotAvailable;
  }
}

Result<void> CheckState(Action action, const KeyRecord& key, UnixMillis now) {
  KMS_CHECK_OK(CheckDefault(action, key));
  const Row row = RowOf(action, key);
  Cell cell;
  switch (StateOf(key, now)) {
    case KeyState::kEnabled:
      cell = row.enabled;
      break;
    case KeyState::kDisabled:
      cell = row.disabled;
      break;
    case KeyState::kPendingDeletion:
      cell = row.pending_deletion;
      break;
    case KeyState::kPendingImport:
      cell = row.pending_import;
      break;
  }
  if (cell) return *cell;
  return {};
}

std::vector<Due> DuesOf(const KeyRecord& key) {
  std::vector<Due> dues;
  const auto add = [&](DueKind kind, UnixMillis time) {
    dues.push_back({time, kind, key.account, key.region, key.id, {}});
  };
  if (key.next_rotation && key.enabled && !key.deletion)
    add(DueKind::kRotate, *key.next_rotation);
  if (key.deletion) add(DueKind::kDelete, *key.deletion);
  if (key.material && key.material_expires) add(DueKind::kExpire, *key.material_expires);
  return dues;
}

}  // namespace kms
