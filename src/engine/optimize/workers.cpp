#include "henderson/optimize/workers.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace henderson {

namespace {

struct Ended {};

// What the threads share.
struct Board {
  std::atomic<Index> next{0}, finished{0};
  std::atomic<bool> end{false};
  std::atomic<int> running{0};
  std::exception_ptr failure;
  std::mutex mutex;
  std::condition_variable changed;
};

struct EndMonitor : Monitor {
  explicit EndMonitor(const std::atomic<bool>& end) : end_(end) {}
  void check() override {
    if (end_) throw Ended();
  }
  const std::atomic<bool>& end_;
};

void do_pieces(Board& board, Index pieces, const std::function<void(Index, Monitor&)>& work) {
  EndMonitor monitor(board.end);
  try {
    for (Index k = board.next++; k < pieces && !board.end; k = board.next++) {
      work(k, monitor);
      ++board.finished;
    }
  } catch (const Ended&) {
  } catch (...) {
    const std::lock_guard<std::mutex> lock(board.mutex);
    if (!board.failure) board.failure = std::current_exception();
    board.end = true;
  }
  const std::lock_guard<std::mutex> lock(board.mutex);
  --board.running;
  board.changed.notify_all();
}

// Threads that are joined whatever happens.
class Crew {
 public:
  explicit Crew(Board& board) : board_(board) {}
  // Whether the system had a thread to give.
  template <class Work>
  bool add(const Work& work) {
    ++board_.running;
    try {
      threads_.emplace_back(work);
      return true;
    } catch (const std::system_error&) {
      --board_.running;
      return false;
    }
  }
  ~Crew() {
    board_.end = board_.end || board_.running > 0;
    for (std::thread& t : threads_) t.join();
  }

 private:
  Board& board_;
  std::vector<std::thread> threads_;
};

void do_alone(Index pieces, Monitor& monitor, const std::function<void(Index, Monitor&)>& work,
              const std::function<void(Index)>& done) {
  for (Index k = 0; k < pieces; ++k) {
    work(k, monitor);
    done(k + 1);
    monitor.check();
  }
}

struct CheckingMonitor : Monitor {
  explicit CheckingMonitor(Checkpoint& checkpoint) : checkpoint_(checkpoint) {}
  void check() override { checkpoint_.check(); }
  Checkpoint& checkpoint_;
};

constexpr Index kBlocksPerThread = 64, kLargestBlock = 64;

}  // namespace

void share_work(Index pieces, int threads, Monitor& monitor, const std::function<void(Index, Monitor&)>& work,
                const std::function<void(Index)>& done) {
  if (threads <= 1 || pieces <= 1) return do_alone(pieces, monitor, work, done);
  Board board;
  {
    Crew crew(board);
    int added = 0;
    while (added < std::min<Index>(threads, pieces) && crew.add([&] { do_pieces(board, pieces, work); })) ++added;
    if (added == 0) return do_alone(pieces, monitor, work, done);
    std::unique_lock<std::mutex> lock(board.mutex);
    while (board.running > 0) {
      board.changed.wait_for(lock, std::chrono::milliseconds(20));
      lock.unlock();
      monitor.check();
      done(board.finished);
      lock.lock();
    }
  }
  if (board.failure) std::rethrow_exception(board.failure);
  done(pieces);      // threads that end before the first wait leave nothing to report on
}

void work_in_blocks(Index n, int threads, Checkpoint& checkpoint,
                    const std::function<void(Index, Index, Checkpoint&)>& body) {
  threads = static_cast<int>(std::min<Index>(std::max(1, threads), std::max<Index>(1, n)));
  const Index block = std::min(kLargestBlock, std::max<Index>(1, n / (threads * kBlocksPerThread)));
  CheckingMonitor monitor(checkpoint);
  const auto work = [&](Index k, Monitor& own) { body(k * block, std::min(n, (k + 1) * block), own); };
  share_work((n + block - 1) / block, threads, monitor, work, [](Index) {});
}

}  // namespace henderson
