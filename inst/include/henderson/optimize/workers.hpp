// Independent pieces of work, shared among threads. Which thread does a piece has no influence on its result.
#ifndef HENDERSON_OPTIMIZE_WORKERS_HPP
#define HENDERSON_OPTIMIZE_WORKERS_HPP

#include <Eigen/Core>
#include <functional>

#include "henderson/optimize/monitor.hpp"

namespace henderson {

using Eigen::Index;

// Calls work(k, monitor) for k = 0, ..., pieces - 1. Only the calling thread asks `monitor` and calls `done(pieces so
// far)`; the other threads are given a monitor that ends their work when that one, or a piece, throws.
void share_work(Index pieces, int threads, Monitor& monitor, const std::function<void(Index, Monitor&)>& work,
                const std::function<void(Index)>& done);

// Calls body(first, last, checkpoint) for blocks that cover the items 0, ..., n - 1.
void work_in_blocks(Index n, int threads, Checkpoint& checkpoint,
                    const std::function<void(Index, Index, Checkpoint&)>& body);

}  // namespace henderson

#endif
