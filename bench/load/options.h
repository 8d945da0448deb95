// The command line of kms-load.

#ifndef KMS_BENCH_LOAD_OPTIONS_H_
#define KMS_BENCH_LOAD_OPTIONS_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kms/result.h"

namespace kms::load {

// An operation, and how often it is called relative to the others.
struct Share {
  std::string operation;
  unsigned weight = 1;
};

struct Options {
  std::string url;          // empty: the one in the credentials
  std::string credentials;  // a file as kmsd writes it; empty: nothing is signed
  std::vector<Share> operations;
  std::vector<std::string> keys;   // ids or aliases; made where there is none that fits
  std::vector<std::string> specs;  // of the keys that are made
  bool hsm = false;                // their level
  std::size_t size = 32;           // bytes of plaintext or input
  std::size_t connections = 4;
  std::size_t pipeline = 1;  // requests in flight on each
  std::size_t threads = 1;
  double seconds = 10;
  double warmup_seconds = 0.5;
  double rate = 0;  // requests per second over all connections; 0: a closed loop
  int pid = 0;      // of the server; 0: not told
  std::string ca;   // file with the certificates to trust; empty: the credentials'
  bool insecure = false;
  bool json = false;
  bool help = false;
};

// Usage is the text for --help.
std::string_view Usage();

// ParseOptions reads the arguments after the program's name.
// Fails: kInvalidArgument, with a text that names the argument.
Result<Options> ParseOptions(std::span<const char* const> arguments);

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_OPTIONS_H_
