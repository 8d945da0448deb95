// What is asked for each operation: bodies, made with ciphertexts, signatures and MACs
// of the server's own, and what right answers have in them.

#ifndef KMS_BENCH_LOAD_TARGETS_H_
#define KMS_BENCH_LOAD_TARGETS_H_

#include <cstddef>
#include <string_view>

#include "bench/load/keys.h"
#include "bench/load/options.h"
#include "bench/load/request.h"
#include "kms/result.h"
#include "kmsctl/session.h"

namespace kms::load {

// CheckOperation fails with kInvalidArgument if no load can be made of it.
Result<void> CheckOperation(std::string_view operation);

// HealthTarget is what needs no credentials.
Target HealthTarget(unsigned weight);

// MakeTarget prepares an operation on `size` bytes.
// Fails: kInvalidArgument for an unknown operation; whatever the server refuses.
Result<Target> MakeTarget(const Share& share, std::size_t size, LoadKeys& keys,
                          server::Session& session);

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_TARGETS_H_
