// Dialect: how one generation of the manual's interface words requests and answers,
// as a value in front of the one table of operations. Handlers ask it for everything
// that differs between generations; kms/ knows none of it.
//
// The seed dialect is the manual's own (design, section 3). That of access points is
// chosen by their signature scheme, never by a path.

#ifndef KMS_SERVER_API_DIALECT_H_
#define KMS_SERVER_API_DIALECT_H_

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/operation.h"
#include "http/wiped_string.h"
#include "kms/clock.h"
#include "kms/key.h"
#include "kms/result.h"

namespace kms::server {

class Dialect {
 public:
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;
  virtual ~Dialect();

  // WriteSuccess words the answer of `operation`; an empty result is left out.
  virtual WipedString WriteSuccess(const Operation& operation,
                                   const boost::json::object& result) const = 0;

  // WriteFailure words a refusal. `note` is added to the message: the parameter that
  // was refused, or the server's time for a refusal for time. For a reason of HTTP
  // status 500 and above nothing but the request id is told.
  virtual WipedString WriteFailure(const Error& error, std::string_view request_id,
                                   std::string_view note) const = 0;

  // StatusOf is the HTTP status of a refusal.
  virtual int StatusOf(Reason reason) const = 0;

  // Date is "yyyy-MM-dd HH:mm:ss" in the dialect's zone; LongDate is
  // "Fri Jul 30 14:46:11 CST 2021" (createKey).
  virtual std::string Date(UnixMillis time) const = 0;
  virtual std::string LongDate(UnixMillis time) const = 0;

  // AllowsSpec: whether a key of `spec` may be made at `level`. In the manual the SM
  // algorithms exist at HSM level only.
  // Fails: Reason::kBadKeySpec.
  virtual Result<void> AllowsSpec(KeySpec spec, ProtectionLevel level) const = 0;

  // PageIndex turns the page number of a request into an index from 0, by what the row of
  // the operation counts from.
  virtual std::size_t PageIndex(const Operation& operation,
                                std::int64_t number) const = 0;

 protected:
  Dialect() = default;
};

// NewSeedDialect returns the manual's dialect. Dates are `utc_offset_minutes` east of
// UTC, and called `zone` in long dates.
std::unique_ptr<Dialect> NewSeedDialect(int utc_offset_minutes = 0,
                                        std::string_view zone = "UTC");

// NewAccessPointDialect returns what clients of access points speak: answers wrapped as
// {"code":200,"msg":"success","data":{…}}, refusals with the published code as "code".
// Dates and units are those of the seed dialect.
std::unique_ptr<Dialect> NewAccessPointDialect(int utc_offset_minutes = 0,
                                               std::string_view zone = "UTC");

}  // namespace kms::server

#endif  // KMS_SERVER_API_DIALECT_H_
