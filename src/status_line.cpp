// The line about a call that takes long.
#include "status_line.h"

#include <Rcpp.h>

#include <cstdio>
#include <string>

namespace henderson {

namespace {

struct State {
  StatusLine::Clock::time_point started, told;
  int evaluations = 0, width = 0, calls = 0;
  bool asked = false, wanted = false;
};

State& state() {
  static State one;
  return one;
}

bool is_wanted() {
  const SEXP option = Rf_GetOption1(Rf_install("henderson.progress"));
  if (Rf_isNull(option)) return Rcpp::as<bool>(Rcpp::Function("interactive")());
  return TYPEOF(option) == LGLSXP && Rf_xlength(option) == 1 && LOGICAL(option)[0] == 1;
}

std::string text_of(double seconds, int evaluations) {
  char time[32], count[48] = "";
  std::snprintf(time, sizeof time, seconds < 120 ? "%.0f s" : "%.1f min", seconds < 120 ? seconds : seconds / 60);
  if (evaluations > 0) std::snprintf(count, sizeof count, "evaluation %d of the criterion, ", evaluations);
  return std::string("Computing: ") + count + time;
}

void write(const std::string& text) {
  REprintf("\r%-*s", state().width, text.c_str());
  state().width = static_cast<int>(text.size());
  R_FlushConsole();
}

}  // namespace

StatusLine::Call::Call() {
  State& now = state();
  if (now.calls++ > 0) return;
  now = State();
  now.calls = 1;
  now.started = now.told = Clock::now();
}

StatusLine::Call::~Call() {
  State& now = state();
  if (--now.calls > 0 || now.width == 0) return;
  write("");
  REprintf("\r");
}

void StatusLine::tell(Clock::time_point at) {
  State& now = state();
  using Seconds = std::chrono::duration<double>;
  const double elapsed = Seconds(at - now.started).count();
  if (now.calls == 0 || elapsed < 2 || Seconds(at - now.told).count() < 0.5) return;
  now.told = at;
  if (!now.asked) now.wanted = is_wanted();
  now.asked = true;
  if (now.wanted) write(text_of(elapsed, now.evaluations));
}

void StatusLine::count(int evaluations) { state().evaluations = evaluations; }

}  // namespace henderson
