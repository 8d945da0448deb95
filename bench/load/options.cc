#include "bench/load/options.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "kmsctl/failure.h"

namespace kms::load {
namespace {

using server::UsageError;

constexpr std::string_view kUsage =
    R"(kms-load: load for a KMS over HTTP, and what it takes

  kms-load --url URL [--credentials FILE] --op OPERATION [option…]

  --url URL            http://host:port or https://…; default: the credentials'
  --credentials FILE   access key and region, as kmsd writes them; healthz needs none
  --op OPERATION       or a mix: encrypt=9,asymmetricSign=1. One of healthz, encrypt,
                       decrypt, generateDataKey, generateDataKeyWithoutPlaintext,
                       asymmetricSign, asymmetricVerify, asymmetricEncrypt,
                       asymmetricDecrypt, hmacCompute, hmacVerify, messageDigest,
                       describeKey
  --size BYTES         of plaintext or input; default 32
  --connections N      default 4
  --pipeline N         requests in flight on each connection; default 1
  --threads N          of this program; default 1
  --seconds S          what is measured; default 10
  --warmup S           before it; default 0.5
  --rate R             open loop: requests per second, each timed from when it was due.
                       Without it, a closed loop: the next request follows the answer
  --pid PID            of the server, for its processor time
  --key KEY            id or alias; repeatable. Without one that fits, keys are made, and
                       their deletion is scheduled at the end
  --spec SPEC          of keys that are made: AES_256, SM4, RSA_2048, SM2; repeatable
  --hsm                makes keys of HSM level (SM4 and SM2 always are)
  --ca FILE            certificates to trust (PEM); default: the credentials' caFile
  --insecure           believes any certificate
  --json               prints one JSON object

Exit status: 0 measured (see "errors"), 1 not measured, 2 wrong usage.
)";

constexpr std::string_view kSpecs[] = {"AES_256", "SM4", "RSA_2048", "SM2"};

// The whole of `text` as a number from `min` to `max`.
template <typename Number>
std::optional<Number> ReadNumber(std::string_view text, Number min, Number max) {
  Number number{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  // Written so that what is no number at all is refused, too.
  if (error != std::errc() || end != text.data() + text.size() ||
      !(number >= min && number <= max))
    return std::nullopt;
  return number;
}

template <typename Number>
Result<void> TakeNumber(std::string_view name, std::string_view text, Number min,
                        Number max, Number& to) {
  const auto number = ReadNumber(text, min, max);
  if (!number)
    return UsageError(std::string(name) + ": \"" + std::string(text) +
                      "\" is not a number from " + std::to_string(min) + " to " +
                      std::to_string(max));
  to = *number;
  return {};
}

// "encrypt" or "encrypt=9,asymmetricSign=1".
Result<void> TakeOperations(std::string_view text, std::vector<Share>& to) {
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);

    const std::size_t equals = part.find('=');
    Share share{std::string(part.substr(0, equals)), 1};
    if (equals != std::string_view::npos)
      KMS_CHECK_OK(
          TakeNumber("--op", part.substr(equals + 1), 1u, 1'000'000u, share.weight));
    if (share.operation.empty()) return UsageError("--op: an operation is empty");
    if (std::ranges::any_of(
            to, [&](const Share& s) { return s.operation == share.operation; }))
      return UsageError("--op: " + share.operation + " is there twice");
    to.push_back(std::move(share));
  }
  return {};
}

// Sets what has a value. False: no such option.
Result<bool> Take(std::string_view name, std::string_view value, Options& to) {
  Result<void> taken;
  if (name == "--url") {
    to.url = value;
  } else if (name == "--credentials") {
    to.credentials = value;
  } else if (name == "--op") {
    taken = TakeOperations(value, to.operations);
  } else if (name == "--size") {
    taken = TakeNumber<std::size_t>(name, value, 1, 1 << 20, to.size);
  } else if (name == "--connections") {
    taken = TakeNumber<std::size_t>(name, value, 1, 65'536, to.connections);
  } else if (name == "--pipeline") {
    taken = TakeNumber<std::size_t>(name, value, 1, 1024, to.pipeline);
  } else if (name == "--threads") {
    taken = TakeNumber<std::size_t>(name, value, 1, 64, to.threads);
  } else if (name == "--seconds") {
    taken = TakeNumber(name, value, 0.001, 864'000.0, to.seconds);
  } else if (name == "--warmup") {
    taken = TakeNumber(name, value, 0.0, 3'600.0, to.warmup_seconds);
  } else if (name == "--rate") {
    taken = TakeNumber(name, value, 0.01, 100'000'000.0, to.rate);
  } else if (name == "--pid") {
    taken = TakeNumber(name, value, 1, 1 << 30, to.pid);
  } else if (name == "--key") {
    to.keys.emplace_back(value);
  } else if (name == "--spec") {
    if (std::ranges::find(kSpecs, value) == std::end(kSpecs))
      return UsageError("--spec: \"" + std::string(value) +
                        "\" is none of AES_256, SM4, RSA_2048, SM2");
    to.specs.emplace_back(value);
  } else if (name == "--ca") {
    to.ca = value;
  } else {
    return false;
  }
  if (!taken) return std::move(taken).error();
  return true;
}

bool TakeFlag(std::string_view name, Options& to) {
  const std::pair<std::string_view, bool Options::*> flags[] = {
      {"--json", &Options::json},
      {"--insecure", &Options::insecure},
      {"--hsm", &Options::hsm},
      {"--help", &Options::help}};
  const auto* const flag = std::ranges::find(
      flags, name, &std::pair<std::string_view, bool Options::*>::first);
  if (flag == std::end(flags)) return false;
  to.*(flag->second) = true;
  return true;
}

Result<void> Check(const Options& options) {
  if (options.operations.empty()) return UsageError("--op is missing");
  const bool healthz_alone =
      options.operations.size() == 1 && options.operations.front().operation == "healthz";
  if (options.credentials.empty() && !healthz_alone)
    return UsageError("--credentials is missing: only healthz goes without");
  if (options.url.empty() && options.credentials.empty())
    return UsageError("--url is missing");
  if (options.threads > options.connections)
    return UsageError("--threads: there are not as many connections");
  return {};
}

}  // namespace

std::string_view Usage() { return kUsage; }

Result<Options> ParseOptions(std::span<const char* const> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (TakeFlag(argument, options)) continue;
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const bool joined = equals != std::string_view::npos;
    if (!joined && i + 1 == arguments.size())
      return UsageError(std::string(argument) +
                        ": there is no such option, or its value is missing");
    const std::string_view value =
        joined ? argument.substr(equals + 1) : std::string_view(arguments[i + 1]);
    KMS_TRY(const bool known, Take(name, value, options));
    if (!known) return UsageError(std::string(argument) + ": there is no such option");
    if (!joined) ++i;
  }
  if (!options.help) KMS_CHECK_OK(Check(options));
  return options;
}

}  // namespace kms::load
