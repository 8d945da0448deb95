#include "api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kms::server {
namespace {

constexpr std::size_t kReasons = 0
#define KMS_REASON(name, error_class, http, code, english, chinese) +1
#include "kms/error_table.def"
#undef KMS_REASON
    ;
constexpr std::string_view kNoOperation = "none";
constexpr std::string_view kSuccess = "ok";

// From 50 microseconds to 5 seconds.
const prometheus::Histogram::BucketBoundaries& Boundaries() {
  static const prometheus::Histogram::BucketBoundaries boundaries = {
      0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
      0.025,   0.05,   0.1,     0.25,   0.5,   1,      5};
  return boundaries;
}

}  // namespace

class Metrics::Impl {
 public:
  explicit Impl(std::span<const Operation* const> operations) {
    rows_.reserve(operations.size() + 1);
    for (const Operation* const operation : operations) {
      by_operation_[operation] = rows_.size();
      rows_.push_back(std::make_unique<Row>(operation->name, durations_));
    }
    rows_.push_back(std::make_unique<Row>(kNoOperation, durations_));
  }

  void AddGauge(const std::string& name, const std::string& help,
                std::function<double()> read) {
    auto& gauge = prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
    const std::lock_guard lock(gauges_mutex_);
    gauges_.emplace_back(&gauge.Add({}), std::move(read));
  }

  void Began() { in_flight_.Increment(); }

  void Ended(const Operation* operation, const Reason* reason, double seconds) {
    in_flight_.Decrement();
    const auto found = by_operation_.find(operation);
    Row& row = *(found == by_operation_.end() ? rows_.back() : rows_[found->second]);
    CounterOf(row, reason).Increment();
    row.durations->Observe(seconds);
  }

  std::string Write() const {
    {
      const std::lock_guard lock(gauges_mutex_);
      for (const auto& [gauge, read] : gauges_) gauge->Set(read());
    }
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  struct Row {
    Row(std::string_view operation, prometheus::Family<prometheus::Histogram>& family)
        : name(operation), durations(&family.Add({{"operation", name}}, Boundaries())) {}
    const std::string name;
    prometheus::Histogram* const durations;
    // By reason, the last for success; made when first needed.
    std::array<std::atomic<prometheus::Counter*>, kReasons + 1> counters{};
  };

  prometheus::Counter& CounterOf(Row& row, const Reason* reason) {
    auto& slot =
        row.counters[reason == nullptr ? kReasons : static_cast<std::size_t>(*reason)];
    prometheus::Counter* counter = slot.load(std::memory_order_acquire);
    if (counter == nullptr) {
      // The family gives the same counter for the same labels.
      const std::string_view code = reason == nullptr ? kSuccess : CodeOf(*reason);
      counter = &requests_.Add({{"operation", row.name}, {"code", std::string(code)}});
      slot.store(counter, std::memory_order_release);
    }
    return *counter;
  }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_ =
      prometheus::BuildCounter()
          .Name("kms_requests_total")
          .Help("Requests by operation and code")
          .Register(registry_);
  prometheus::Family<prometheus::Histogram>& durations_ =
      prometheus::BuildHistogram()
          .Name("kms_request_duration_seconds")
          .Help("From the whole request to its answer")
          .Register(registry_);
  prometheus::Gauge& in_flight_ = prometheus::BuildGauge()
                                      .Name("kms_requests_in_flight")
                                      .Help("Requests not answered yet")
                                      .Register(registry_)
                                      .Add({});
  mutable std::mutex gauges_mutex_;
  std::vector<std::pair<prometheus::Gauge*, std::function<double()>>> gauges_;
  std::unordered_map<const Operation*, std::size_t> by_operation_;
  std::vector<std::unique_ptr<Row>> rows_;
};

Metrics::Metrics(std::span<const Operation* const> operations)
    : impl_(std::make_unique<Impl>(operations)) {}
Metrics::~Metrics() = default;

void Metrics::AddGauge(const std::string& name, const std::string& help,
                       std::function<double()> read) {
  impl_->AddGauge(name, help, std::move(read));
}
void Metrics::Began() { impl_->Began(); }
void Metrics::Ended(const Operation* operation, const Reason* reason, double seconds) {
  impl_->Ended(operation, reason, seconds);
}
std::string Metrics::Write() const { return impl_->Write(); }

}  // namespace kms::server
