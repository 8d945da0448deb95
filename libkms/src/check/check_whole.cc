// What there is once in a store, or in a region: the header, the audit trail, counters.

#include <algorithm>

#include "audit/keys.h"
#include "audit/outbox.h"
#include "check/kinds.h"
#include "kms/kms.h"

namespace kms::check {
namespace {

constexpr std::size_t kAppendedSuffix = 10;

}  // namespace

Result<void> CheckHeader(CheckRun& run, const Entry& entry) {
  const auto header = run.Parse<HeaderRecord>(entry);
  run.StandsAt(entry, place::Header());
  if (!header) return {};
  if (header->format > kStoreFormat || header->format < header->oldest_reader)
    run.Report(entry, "has an unknown format");
  const auto belongs = CheckRootKey(run.parts().store, run.parts().root);
  if (!belongs && belongs.error().error_class() == ErrorClass::kUnavailable)
    return belongs.error();
  if (!belongs) {
    run.Report(entry, belongs.error().detail());
    return {};
  }
  ++run.summary().opened;
  return {};
}

Result<void> CheckCounter(CheckRun& run, const Entry& entry) {
  const auto counter = run.Parse<CounterRecord>(entry);
  if (!counter) return {};
  const std::string_view account = entry.part(1);
  const std::string_view region = entry.part(2);
  run.FoundCounter(entry, *counter);
  const std::string_view point = entry.part(4);
  if (!point.empty() &&
      entry.key() == place::KeyCounterOfAccessPoint(account, region, point)) {
    KMS_CHECK_OK(run.Needs(entry, place::AccessPoint(account, region, point)));
    return {};
  }
  const std::string known[] = {place::KeyCounter(account, region),
                               place::DefaultKeyCounter(account, region),
                               place::AliasCounter(account, region),
                               place::AsymmetricVersionCounter(account, region),
                               place::AccessPointCounter(account, region),
                               place::TagCounter(account, region),
                               place::CertificateCounter(account, region, false),
                               place::CertificateCounter(account, region, true)};
  if (std::ranges::find(known, entry.key()) == std::end(known))
    run.Report(entry, "counts nothing that is known");
  return {};
}

Result<void> CheckAudit(CheckRun& run, const Entry& entry) {
  Result<void> checked;
  if (entry.key() == place::AuditKeys()) {
    checked = audit::CheckKeys(run.snapshot(), run.parts().root, run.parts().software);
    if (checked) run.summary().opened += 2;
  } else if (entry.key() == place::AuditMark()) {
    if (const auto mark = audit::ReadMark(run.snapshot()); !mark) checked = mark.error();
    KMS_CHECK_OK(run.Needs(entry, place::AuditKeys()));
  } else {
    run.Report(entry, "is nothing that is known");
  }
  if (checked) return {};
  if (checked.error().error_class() == ErrorClass::kUnavailable) return checked;
  run.Report(entry, checked.error().detail().empty() ? "does not open under the root key"
                                                     : checked.error().detail());
  return {};
}

Result<void> CheckOutbox(CheckRun& run, const Entry& entry) {
  const std::string_view suffix =
      std::string_view(entry.key()).substr(entry.key().find('\0') + 1);
  if (suffix.size() != kAppendedSuffix ||
      NumberOf(suffix.substr(0, 8)) != entry.record.revision)
    run.Report(entry, "has no place in the order of commits");
  if (const auto event = ReadOutboxEvent(entry.record); !event)
    run.Report(entry, event.error().detail());
  return {};
}

}  // namespace kms::check
