#include "bench/load/report.h"

#include <cstdio>
#include <string_view>

namespace kms::load {
namespace {

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// The members of an object. Names and texts are words that need no escapes.
class Members {
 public:
  Members& Raw(std::string_view name, std::string_view json) {
    text_ += (text_.empty() ? "\"" : ",\"") + std::string(name) + "\":";
    text_ += json;
    return *this;
  }
  Members& Number(std::string_view name, double value, int digits = 1) {
    return Raw(name, Fixed(value, digits));
  }
  Members& Count(std::string_view name, std::uint64_t value) {
    return Raw(name, std::to_string(value));
  }
  std::string Object() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

double Micros(std::int64_t nanos) { return static_cast<double>(nanos) / 1e3; }

double Per(double amount, double count) { return count > 0 ? amount / count : 0; }

Outcome Total(const Measured& measured) {
  Outcome total;
  for (const Outcome& outcome : measured.outcomes) total.Merge(outcome);
  return total;
}

void PutOutcome(Members& members, const Outcome& outcome, double seconds) {
  const Histogram& latency = outcome.latency;
  const auto put = [&](std::string_view name, double share) {
    members.Number(name, Micros(latency.PercentileNanos(share)));
  };
  members
      .Number("requests_per_second",
              Per(static_cast<double>(outcome.right_in_window), seconds))
      .Count("requests", outcome.right_in_window)
      .Count("errors", outcome.errors);
  members.Number("mean_us", latency.MeanNanos() / 1e3);
  put("p50_us", 0.5);
  put("p90_us", 0.9);
  put("p99_us", 0.99);
  put("p999_us", 0.999);
  members.Number("max_us", Micros(latency.max_nanos()));
}

}  // namespace

std::string WriteJson(const Options& options, const Measured& measured) {
  const Outcome total = Total(measured);
  const auto requests = static_cast<double>(total.right_in_window);
  Members members;
  PutOutcome(members, total, measured.seconds);
  if (measured.server_cpu_nanos)
    members.Number("server_cpu_us_per_request",
                   Per(Micros(*measured.server_cpu_nanos), requests), 3);
  members
      .Number("client_cpu_us_per_request",
              Per(Micros(measured.client_cpu_nanos), requests), 3)
      .Number("client_signing_us", measured.signing_nanos / 1e3, 3)
      .Number("seconds", measured.seconds, 3)
      .Count("connections", options.connections)
      .Count("pipeline", options.pipeline)
      .Count("threads", options.threads)
      .Count("size", options.size)
      .Number("rate", options.rate, 2);
  Members operations;
  for (std::size_t i = 0; i < measured.operations.size(); ++i) {
    Members one;
    PutOutcome(one, measured.outcomes[i], measured.seconds);
    operations.Raw(measured.operations[i], one.Object());
  }
  members.Raw("operations", operations.Object());
  return members.Object() + "\n";
}

std::string WriteText(const Options& options, const Measured& measured) {
  const Outcome total = Total(measured);
  std::string text;
  const auto line = [&](std::string_view name, const Outcome& outcome) {
    const auto micros = [&](double share) {
      return Micros(outcome.latency.PercentileNanos(share));
    };
    char row[256];
    std::snprintf(row, sizeof row, "%-32.*s %11.1f %8llu %10.1f %10.1f %10.1f %10.1f\n",
                  static_cast<int>(name.size()), name.data(),
                  Per(static_cast<double>(outcome.right_in_window), measured.seconds),
                  static_cast<unsigned long long>(outcome.errors), micros(0.5),
                  micros(0.99), micros(0.999), Micros(outcome.latency.max_nanos()));
    text += row;
  };
  text += options.rate > 0 ? "open loop, " + Fixed(options.rate, 1) + " per second, "
                           : "closed loop, ";
  text += std::to_string(options.connections) + " connections of " +
          std::to_string(options.pipeline) + " in flight, " + Fixed(measured.seconds, 1) +
          " s\n";
  text +=
      "                                    requests/s   errors     p50 µs     p99 µs"
      "   p99.9 µs     max µs\n";
  for (std::size_t i = 0; i < measured.operations.size(); ++i)
    line(measured.operations[i], measured.outcomes[i]);
  if (measured.operations.size() > 1) line("all", total);
  const auto requests = static_cast<double>(total.right_in_window);
  if (measured.server_cpu_nanos)
    text += "server CPU per request: " +
            Fixed(Per(Micros(*measured.server_cpu_nanos), requests), 2) + " µs\n";
  text += "client CPU per request: " +
          Fixed(Per(Micros(measured.client_cpu_nanos), requests), 2) + " µs, of which " +
          Fixed(measured.signing_nanos / 1e3, 2) + " µs to sign\n";
  return text;
}

}  // namespace kms::load
