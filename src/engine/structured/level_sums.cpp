#include "henderson/structured/level_sums.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <cstdint>

#include "henderson/linalg/error.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

constexpr double kNeedsRidge = 1e-6, kRidge = 1e-4;  // of covariance matrices, relative to the levels' information

std::vector<MatrixXd> LevelSums::sums(const std::vector<double>& inverse, const std::vector<MatrixXd>& factor) const {
  std::vector<MatrixXd> out;
  std::vector<int> singular;
  for (const MatrixXd& own : factor) {
    const int group = static_cast<int>(out.size());
    out.push_back(MatrixXd::Zero(own.rows(), own.cols()));
    const bool here = std::any_of(unit_.levels.begin(), unit_.levels.end(),
                                  [&](const UnitLevel& l) { return l.group == group; });
    if (!here) continue;
    if (nearly_singular(group, own))
      singular.push_back(group);
    else
      out.back() = sum(inverse, own, group);
  }
  if (!singular.empty()) add_limits(singular, factor, out);
  return out;
}

MatrixXd LevelSums::sum(const std::vector<double>& inverse, const MatrixXd& factor, int group) const {
  const Index q = factor.rows();
  MatrixXd out = MatrixXd::Zero(q, q);
  const auto subtract = [&](Index a, Index b, double weight) {
    for (Index c = 0; c < q; ++c)
      for (Index d = 0; d < q; ++d)
        out(c, d) -= weight * inverse[static_cast<std::size_t>(unit_.sparse->place(a + c, b + d))];
  };
  Index levels = 0;
  for (const UnitLevel& own : unit_.levels) levels += own.group == group;
  const auto related = std::find_if(unit_.related.begin(), unit_.related.end(), [&](const UnitRelation& r) {
    return std::any_of(unit_.levels.begin(), unit_.levels.end(),
                       [&](const UnitLevel& l) { return l.group == group && l.first == r.first[0]; });
  });
  if (related == unit_.related.end()) {
    for (const UnitLevel& own : unit_.levels)
      if (own.group == group) subtract(own.first, own.first, 1);
  } else {
    const SparsePattern& lower = related->precision->lower();
    levels = lower.size();
    for (Index j = 0; j < lower.size(); ++j)
      for (std::int64_t s = lower.start[j]; s < lower.start[j + 1]; ++s) {
        const Index a = related->first[lower.row[s]], b = related->first[j];
        subtract(a, b, related->precision->value()[s]);
        if (a != b) subtract(b, a, related->precision->value()[s]);
      }
  }
  out.diagonal().array() += static_cast<double>(levels);
  const MatrixXd back = factor.inverse();
  return back.transpose() * out * back;
}

VectorXd LevelSums::mean_information(int group, Index q) const {
  VectorXd out = VectorXd::Zero(q);
  double levels = 0;
  for (const UnitLevel& l : unit_.levels)
    if (l.group == group) {
      out += information_.segment(l.first, q);
      ++levels;
    }
  out /= std::max(1.0, levels);
  return (out.array() > 0).select(out, 1.0);
}

bool LevelSums::nearly_singular(int group, const MatrixXd& factor) const {
  const MatrixXd own = mean_information(group, factor.rows()).cwiseSqrt().asDiagonal() * factor;
  return SymmetricEigen(own * own.transpose()).eigenvalues().minCoeff() < kNeedsRidge;
}

void LevelSums::add_limits(const std::vector<int>& singular, const std::vector<MatrixXd>& factor,
                           std::vector<MatrixXd>& out) const {
  for (const double ridge : {kRidge, 2 * kRidge}) {
    std::vector<MatrixXd> near = factor;
    for (const int g : singular) {
      MatrixXd sigma = factor[g] * factor[g].transpose();
      sigma.diagonal() += ridge * mean_information(g, sigma.rows()).cwiseInverse();
      near[g] = Eigen::LLT<MatrixXd>(sigma).matrixL();
    }
    const SparseEquations equations(unit_, operators_, near, 0, checkpoint_);
    if (!equations.ok()) throw Error("not_finite", "the equations of the random effects are not positive definite");
    const std::vector<double> inverse = equations.inverse_on_pattern(checkpoint_);
    for (const int g : singular) out[g] += (ridge == kRidge ? 2.0 : -1.0) * sum(inverse, near[g], g);
  }
}

}  // namespace henderson
