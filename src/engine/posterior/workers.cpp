#include "henderson/posterior/workers.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace henderson {

namespace {

constexpr Index kBlocksPerThread = 64, kLargestBlock = 64;

// The next block of a common stock, until it is empty or a thread has failed.
class Stock {
 public:
  Stock(Index n, int threads)
      : n_(n), block_(std::min(kLargestBlock, std::max<Index>(1, n / (threads * kBlocksPerThread)))) {}

  void work(Checkpoint& checkpoint, const BlockOfWork& body) {
    try {
      while (!stopped_) {
        const Index first = next_.fetch_add(block_);
        if (first >= n_) return;
        body(first, std::min(n_, first + block_), checkpoint);
        checkpoint.check();
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_ = true;
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Index n_, block_;
  std::atomic<Index> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void work_in_blocks(Index n, int threads, Checkpoint& checkpoint, const BlockOfWork& body) {
  threads = static_cast<int>(std::min<Index>(std::max(1, threads), std::max<Index>(1, n)));
  Stock stock(n, threads);
  std::vector<std::thread> others;
  std::vector<Checkpoint> silent(threads);
  try {
    for (int k = 1; k < threads; ++k) others.emplace_back([&, k] { stock.work(silent[k], body); });
  } catch (const std::system_error&) {
    // A system without threads: the calling one does all the work.
  }
  stock.work(checkpoint, body);
  for (std::thread& other : others) other.join();
  stock.rethrow();
}

}  // namespace henderson
