// Work on many independent items, by one thread or several: the results do not depend on how many.
#ifndef HENDERSON_POSTERIOR_WORKERS_HPP
#define HENDERSON_POSTERIOR_WORKERS_HPP

#include <Eigen/Core>
#include <functional>

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

using Eigen::Index;

// Items [first, last); `checkpoint` is the caller's in the calling thread and says nothing in the others.
using BlockOfWork = std::function<void(Index first, Index last, Checkpoint& checkpoint)>;

// Calls `body` for blocks that cover [0, n). An exception of any thread ends all of them and is thrown again.
void work_in_blocks(Index n, int threads, Checkpoint& checkpoint, const BlockOfWork& body);

}  // namespace henderson

#endif
