// What a search reports while it runs.
#ifndef HENDERSON_OPTIMIZE_MONITOR_HPP
#define HENDERSON_OPTIMIZE_MONITOR_HPP

#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

struct Monitor : Checkpoint {
  virtual void on_iteration(int /*iteration*/, double /*value*/, double /*decrement*/) {}
};

}  // namespace henderson

#endif
