// How the three operations that tell about keys word them. The manual's examples differ:
// createKey answers texts and long dates, the others numbers and short dates.

#ifndef KMS_SERVER_API_OPERATIONS_KEY_RESULTS_H_
#define KMS_SERVER_API_OPERATIONS_KEY_RESULTS_H_

#include <boost/json/object.hpp>

#include "api/call.h"
#include "kms/key.h"

namespace kms::server {

boost::json::object WriteCreatedKey(const Call& call, const KeyDescription& key);
boost::json::object WriteDescribedKey(const Call& call, const KeyDescription& key);

// WriteListedKey writes one item of listKeys.
void WriteListedKey(const Call& call, const KeyDescription& key,
                    boost::json::object& item);

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPERATIONS_KEY_RESULTS_H_
