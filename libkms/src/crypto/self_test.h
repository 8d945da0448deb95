// Known answers of the algorithms, run before the first use.

#ifndef KMS_CRYPTO_SELF_TEST_H_
#define KMS_CRYPTO_SELF_TEST_H_

#include "kms/result.h"

namespace kms::internal {

// RunSelfTest fails with kInternal, naming the algorithm in the detail.
Result<void> RunSelfTest();

}  // namespace kms::internal

#endif  // KMS_CRYPTO_SELF_TEST_H_
