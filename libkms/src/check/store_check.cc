#include "kms/store_check.h"

#include <algorithm>

#include "backup/backup_stream.h"
#include "check/check_run.h"
#include "check/kinds.h"

namespace kms {
namespace {

using namespace check;

struct Kind {
  std::string_view name;
  Check* check;
};

// All kinds that there are (docs/record_format.md, section 3), in the order of their
// names.
constexpr Kind kKinds[] = {{"access-key", CheckAccessKey},
                           {"access-keys-of-point", CheckAccessKeysOfPoint},
                           {"access-keys-of-user", CheckAccessKeysOfUser},
                           {"access-point", CheckAccessPoint},
                           {"access-point-list", CheckAccessPointList},
                           {"account", CheckAccount},
                           {"alias", CheckAlias},
                           {"alias-list", CheckAliasList},
                           {"aliases-of-key", CheckAliasesOfKey},
                           {"audit", CheckAudit},
                           {"certificate", CheckCertificate},
                           {"certificate-end", CheckCertificateEnd},
                           {"certificate-list", CheckCertificateList},
                           {"certificate-texts", CheckCertificateTexts},
                           {"counter", CheckCounter},
                           {"discard", CheckDiscard},
                           {"due", CheckDue},
                           {"grant", CheckGrant},
                           {"group", CheckGroup},
                           {"groups-of-user", CheckGroupsOfUser},
                           {"header", CheckHeader},
                           {"hsm-root", CheckHsmRoot},
                           {"hsm-root-nonces", CheckHsmRootNonces},
                           {"iam", CheckIam},
                           {"iam-name", CheckIamName},
                           {"key", CheckKey},
                           {"key-list", CheckKeyList},
                           {"keys-of-project", CheckKeysOfProject},
                           {"members-of-group", CheckMembersOfGroup},
                           {"outbox", CheckOutbox},
                           {"policy", CheckPolicy},
                           {"project", CheckProject},
                           {"request", CheckRequest},
                           {"resources-of-tag", CheckResourcesOfTag},
                           {"tag", CheckTag},
                           {"tag-name", CheckTagName},
                           {"tags-of-resource", CheckTagsOfResource},
                           {"token", CheckToken},
                           {"token-nonces", CheckTokenNonces},
                           {"usb-key-certificate-list", CheckCertificateList},
                           {"user", CheckUser},
                           {"version", CheckVersion},
                           {"version-list", CheckVersionList}};

static_assert(std::ranges::is_sorted(kKinds, {}, &Kind::name));

Result<void> CheckOne(CheckRun& run, const Record& record) {
  const std::string kind = KindOf(record.key);
  const auto* const found = std::ranges::lower_bound(kKinds, kind, {}, &Kind::name);
  if (found == std::end(kKinds) || found->name != kind) {
    run.Report(record.key, "is of no known kind");
    return {};
  }
  ++run.summary().records[kind];
  return found->check(run, Entry(record, SplitKey(record.key)));
}

}  // namespace

std::vector<std::string_view> CheckedKinds() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

Result<StoreCheckSummary> CheckStore(const StoreCheckParts& parts,
                                     const TellFinding& tell) {
  KMS_TRY(const auto snapshot, parts.store.Read());
  CheckRun run(parts, tell, *snapshot);
  KMS_CHECK_OK(run.Begin());
  KMS_CHECK_OK(ForEachRecord(
      *snapshot, {}, [&](const Record& record) { return CheckOne(run, record); }));
  run.End();
  if (run.summary().records["header"] == 0) run.Report(place::Header(), "is missing");
  return std::move(run.summary());
}

}  // namespace kms
