// CheckReport: what a check finds, on the standard output: as text a line for each
// finding at once, and the summary at the end; as JSON one object.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_CHECK_REPORT_H_
#define KMS_SERVER_KMSCTL_CHECK_REPORT_H_

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>

#include "kms/store_check.h"
#include "kmsctl/output.h"

namespace kms::server {

class CheckReport {
 public:
  explicit CheckReport(Format format) : format_(format) {}

  void Tell(const StoreFinding& finding);
  std::uint64_t findings() const { return findings_; }

  // Finish writes the findings, or how many there were, and the summary.
  // Fails: kDenied if there were findings; as WriteOutput.
  Result<void> Finish(const boost::json::object& summary);

 private:
  const Format format_;
  std::uint64_t findings_ = 0;
  boost::json::array told_;
  Result<void> written_;
};

// AddTo adds what was checked to a summary.
void AddTo(boost::json::object& summary, const StoreCheckSummary& checked);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_CHECK_REPORT_H_
