#include "kmsctl/check_report.h"

#include <string>
#include <utility>

#include "kmsctl/failure.h"
#include "kmsctl/wiped_json.h"

namespace kms::server {

void CheckReport::Tell(const StoreFinding& finding) {
  ++findings_;
  if (format_ == Format::kJson) {
    told_.push_back(
        boost::json::object{{"place", finding.place}, {"fault", finding.fault}});
  } else if (written_) {
    written_ = WriteOutput(AsBytes(finding.place + ": " + finding.fault + "\n"));
  }
}

Result<void> CheckReport::Finish(const boost::json::object& summary) {
  KMS_CHECK_OK(written_);
  boost::json::object result;
  if (format_ == Format::kJson) {
    result["findings"] = std::move(told_);
  } else {
    result["findings"] = findings_;
  }
  for (const auto& member : summary) result[member.key()] = member.value();
  KMS_CHECK_OK(WriteOutput(AsBytes(View(FormatResult(result, format_)))));
  if (findings_ == 0) return {};
  return RefusedError(std::to_string(findings_) +
                      (findings_ == 1 ? " finding" : " findings"));
}

void AddTo(boost::json::object& summary, const StoreCheckSummary& checked) {
  summary["secretsOpened"] = checked.opened;
  summary["secretsOnlyATokenOpens"] = checked.in_hsm;
  boost::json::object records;
  for (const auto& [kind, count] : checked.records) records[kind] = count;
  summary["records"] = std::move(records);
}

}  // namespace kms::server
