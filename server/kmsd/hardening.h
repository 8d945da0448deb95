// What a process that holds keys does about itself before it holds any.

#ifndef KMS_SERVER_KMSD_HARDENING_H_
#define KMS_SERVER_KMSD_HARDENING_H_

#include <string>
#include <vector>

namespace kms::server {

// HardenProcess switches core dumps and tracing off, makes new files private, has OpenSSL
// wipe all that it frees, and checks that key memory can be locked. To be called before
// anything else. Returns what could not be done, for the log.
std::vector<std::string> HardenProcess();

// ReturnLargePieces has memory in pieces of 64 KiB and more, which long request bodies
// are, go back to the system when it is freed. By default the allocator learns from the
// first of them to keep the others. To be called before there are threads.
void ReturnLargePieces();

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HARDENING_H_
