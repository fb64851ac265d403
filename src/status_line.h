// A line about a call of the engine that takes long, as R's progress bars are shown: in interactive use, or as the option
// `henderson.progress` says.
#ifndef HENDERSON_SRC_STATUS_LINE_H
#define HENDERSON_SRC_STATUS_LINE_H

#include <chrono>

namespace henderson {

class StatusLine {
 public:
  using Clock = std::chrono::steady_clock;

  // One call of the engine: nothing is shown in its first two seconds, and the line is cleared at its end.
  class Call {
   public:
    Call();
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
  };

  // To be called by the main thread, which may talk to R.
  static void tell(Clock::time_point now);

  // Steps of the search so far.
  static void count(int evaluations);
};

}  // namespace henderson

#endif
