#include "henderson/constraints/held_profile.hpp"

#include <vector>

namespace henderson {

HeldProfile follow_profile(const ConstrainedSearch& search, std::vector<Held> held, const VectorXd& values,
                           VectorXd theta, double sigma, Monitor& monitor) {
  HeldProfile out;
  out.value.resize(values.size());
  out.sigma.resize(values.size());
  out.theta.resize(theta.size(), values.size());
  for (Index i = 0; i < values.size(); ++i) {
    held.back().value = values[i];
    const ConstrainedPoint p = search.run(held, theta, sigma);
    out.value[i] = p.value;
    out.sigma[i] = p.sigma;
    out.theta.col(i) = p.theta;
    out.converged.push_back(p.converged);
    out.evaluations += p.evaluations;
    if (p.converged) {
      theta = p.theta;
      sigma = p.sigma;
    }
    monitor.check();
  }
  return out;
}

}  // namespace henderson
