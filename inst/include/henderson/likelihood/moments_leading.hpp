// Moments when there is one grouping factor: level by level, exact, linear in the number of levels.
#ifndef HENDERSON_LIKELIHOOD_MOMENTS_LEADING_HPP
#define HENDERSON_LIKELIHOOD_MOMENTS_LEADING_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/moments.hpp"
#include "henderson/linalg/checkpoint.hpp"

namespace henderson {

// Z'V^{-1}X per level, Z'Py and H^{-1/2} R, stacked over (pseudo-)levels.
struct LeadingSolution {
  MatrixXd zx;   // Z'V^{-1}X L^{-T}, so that Z'PZ = D - zx zx'
  VectorXd w;    // Z'Py
};

LeadingSolution solve_leading(const Problem& pr, const Evaluation& at, bool with_x);

Moments moments_leading(const Problem& pr, const Evaluation& at, const std::vector<Direction>& directions,
                        Checkpoint* checkpoint = nullptr);

}  // namespace henderson

#endif
