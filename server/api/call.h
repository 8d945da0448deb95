// Call: what a handler works with.

#ifndef KMS_SERVER_API_CALL_H_
#define KMS_SERVER_API_CALL_H_

#include <boost/json/storage_ptr.hpp>
#include <functional>

#include "api/dialect.h"
#include "api/operation.h"
#include "api/site.h"
#include "kms/audit_log.h"
#include "kms/kms.h"
#include "kms/request_context.h"

namespace kms::server {

struct Call {
  Kms& kms;
  const Dialect& dialect;
  const Operation& operation;
  const RequestContext& context;
  boost::json::storage_ptr storage;  // for the result; wiped
  const Site& site;
  const AuditLog* audit = nullptr;  // none: nothing is told

  // What is done in many parts tells after each that it goes on, so that the patience
  // with the HSM is for one part. False once the request was answered without it: the
  // rest is for nobody.
  bool GoesOn() const { return !go_on || go_on(); }
  std::function<bool()> go_on = nullptr;  // empty: nobody waits for the HSM
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_CALL_H_
