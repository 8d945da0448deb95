#include "store/reader_gate.h"

namespace kms {

// All accesses are sequentially consistent: either the reader sees that the gate is
// closed, or the closer sees the reader.
bool ReaderGate::Enter() {
  for (;;) {
    inside_.fetch_add(1);
    if (!closed_.load()) return true;
    Leave();
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return condemned_ || !closed_.load(); });
    if (condemned_) return false;
  }
}

void ReaderGate::Leave() {
  if (inside_.fetch_sub(1) != 1 || !closed_.load()) return;
  const std::lock_guard lock(mutex_);
  moved_.notify_all();
}

bool ReaderGate::Close(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  closed_.store(true);
  if (moved_.wait_for(lock, patience, [this] { return inside_.load() == 0; }))
    return true;
  closed_.store(false);
  moved_.notify_all();
  return false;
}

void ReaderGate::Open() {
  const std::lock_guard lock(mutex_);
  if (condemned_) return;
  closed_.store(false);
  moved_.notify_all();
}

void ReaderGate::Condemn() {
  const std::lock_guard lock(mutex_);
  condemned_ = true;
  moved_.notify_all();
}

}  // namespace kms
