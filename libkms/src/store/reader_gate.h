// ReaderGate: counts the readers of a memory map, and lets one thread wait until
// there is none, so that it may move the map.
//
// Entering and leaving an open gate costs two atomic operations and no lock.
//
// Threads: all members from any thread; one closes at a time.

#ifndef KMS_STORE_READER_GATE_H_
#define KMS_STORE_READER_GATE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kms {

class ReaderGate {
 public:
  // Enter waits while the gate is closed. False: it never opens again.
  bool Enter();
  void Leave();

  // Close keeps new readers out and waits for those inside. When they are not gone
  // within `patience` it opens the gate again and returns false.
  bool Close(std::chrono::milliseconds patience);
  void Open();

  // Condemn turns a closed gate into one that nobody passes any more.
  void Condemn();

 private:
  std::atomic<std::int64_t> inside_{0};
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::condition_variable moved_;
  bool condemned_ = false;
};

}  // namespace kms

#endif  // KMS_STORE_READER_GATE_H_
