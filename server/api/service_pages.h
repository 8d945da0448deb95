// ServicePages: what is answered without a signature: /healthz, /readyz, /metrics and
// /openapi.json.
//
// Threads: may be used from many threads at once.

#ifndef KMS_SERVER_API_SERVICE_PAGES_H_
#define KMS_SERVER_API_SERVICE_PAGES_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/lanes.h"
#include "api/metrics.h"
#include "http/message.h"
#include "kms/result.h"

namespace kms::server {

// A part that readiness depends on. `check` may wait for a disk or a token; the detail of
// its error is shown to whoever asks.
struct Probe {
  std::string name;
  std::function<Result<void>()> check;
  // What is worth a look although the part is up; empty: nothing.
  std::function<std::string()> remark = nullptr;
};

class ServicePages {
 public:
  // `apart`: the public listener answers /healthz alone, the operator's all. `metrics`
  // and `lanes` outlive the pages.
  ServicePages(std::vector<Probe> probes, std::string openapi, bool apart,
               const Metrics& metrics, Lanes& lanes);

  // Has: whether `path` is a page, for a request that came in on that listener. That of
  // an access point has /healthz alone.
  bool Has(std::string_view path, bool operator_listener,
           std::string_view access_point) const;

  // Answer answers a request to a page.
  void Answer(std::string_view method, std::string_view path, Respond respond);

 private:
  HttpResponse Ready() const;

  const std::vector<Probe> probes_;
  const std::string openapi_;
  const bool apart_;
  const Metrics& metrics_;
  Lanes& lanes_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_SERVICE_PAGES_H_
