#include "henderson/structured/residual_moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

namespace {

// Correlations at 0, 1, ..., 10 times the shortest distance along a line. Beside random effects, which correlate all
// rows of a subject, a constant is taken out that makes the first three lags those of an AR(1) process.
std::vector<double> lag_correlations(const StructuredRows& rows, const std::vector<std::vector<Index>>& of,
                                     double shortest) {
  const VectorXd e = rows.d.col(rows.p());
  VectorXd sum = VectorXd::Zero(11), count = VectorXd::Zero(11);
  for (const auto& own : of)
    for (std::size_t a = 0; a < own.size(); ++a)
      for (std::size_t b = a >= 50 ? a - 50 : 0; b <= a; ++b) {
        const Index i = own[a], j = own[b];
        const double h = std::abs(rows.positions(i, 0) - rows.positions(j, 0)) / shortest;
        const Index at = static_cast<Index>(std::lround(std::min(h, 99.0)));
        if (at > 10 || std::abs(h - static_cast<double>(at)) > 0.25) continue;
        sum[at] += e[i] * e[j];
        count[at] += 1;
      }
  if (!(sum[0] > 0) || count[1] < 2) return {};
  const VectorXd g = sum.cwiseQuotient(count);
  double shared = 0;
  if (!rows.z.empty()) {
    const double r = std::min(0.9, std::max(-0.5, (g[1] - g[2]) / (g[0] - g[1])));
    shared = std::isfinite(r) ? std::min(0.95 * g[0], std::max(0.0, g[0] - (g[0] - g[1]) / (1 - r))) : 0;
  }
  std::vector<double> out;
  for (Index h = 0; h <= 10; ++h)
    out.push_back((g[h] - shared) / (g[0] - shared));
  return out;
}

// Products of neighbors (in the order of the rows) by half octaves of their distance.
void bin_neighbors(const StructuredRows& rows, const std::vector<std::vector<Index>>& of, ResidualMoments& out) {
  constexpr Index bins = 40;
  const VectorXd e = rows.d.col(rows.p());
  VectorXd distance = VectorXd::Zero(bins), product = distance, count = distance;
  for (const auto& own : of)
    for (std::size_t a = 1; a < own.size(); ++a) {
      const Index i = own[a], j = own[a - 1];
      const double h = std::abs(rows.positions(i, 0) - rows.positions(j, 0));
      if (!(h > 0)) continue;
      const Index bin = std::min<Index>(bins - 1, std::lround(std::floor(2 * std::log2(out.longest / h) + 0.5)));
      if (bin < 0) continue;
      distance[bin] += h;
      product[bin] += e[i] * e[j];
      count[bin] += 1;
    }
  const double variance = e.squaredNorm() / static_cast<double>(std::max<Index>(1, e.size()));
  for (Index k = 0; k < bins; ++k) {
    if (count[k] < 1) continue;
    out.distance.push_back(distance[k] / count[k]);
    out.correlation.push_back(product[k] / (count[k] * variance));
    out.pairs.push_back(count[k]);
  }
}

// Along each column of the positions, from pairs of rows of a subject that are at most 50 rows apart.
void column_distances(const StructuredRows& rows, const std::vector<std::vector<Index>>& of, ResidualMoments& out) {
  for (Index c = 0; c < rows.positions.cols(); ++c) {
    double shortest = std::numeric_limits<double>::infinity(), longest = 0;
    for (const auto& own : of)
      for (std::size_t a = 0; a < own.size(); ++a)
        for (std::size_t b = a < 50 ? 0 : a - 50; b < a; ++b) {
          const double h = std::abs(rows.positions(own[a], c) - rows.positions(own[b], c));
          if (h > 0) shortest = std::min(shortest, h);
          longest = std::max(longest, h);
        }
    if (!(longest > 0)) continue;
    out.shortest_along[c] = shortest;
    out.longest_along[c] = longest;
  }
}

}  // namespace

ResidualMoments residual_moments(const StructuredRows& rows, Index visits) {
  ResidualMoments out;
  out.shortest_along = VectorXd::Ones(rows.positions.cols());
  out.longest_along = VectorXd::Ones(rows.positions.cols());
  const VectorXd e = rows.d.col(rows.p());
  out.variance = e.squaredNorm() / static_cast<double>(std::max<Index>(1, e.size() - rows.p()));
  const std::vector<std::vector<Index>> of = rows_of_subjects(rows);
  if (rows.positions.cols() > 1) column_distances(rows, of, out);
  double shortest = std::numeric_limits<double>::infinity(), longest = 0;
  MatrixXd sum = MatrixXd::Zero(visits, visits), count = sum;
  for (const auto& own : of)
    for (std::size_t a = 0; a < own.size(); ++a)
      for (std::size_t b = visits > 0 || a < 50 ? 0 : a - 49; b <= a; ++b) {
        const Index i = own[a], j = own[b];
        if (visits > 0) {
          const Index va = static_cast<Index>(rows.positions(i, 0)), vb = static_cast<Index>(rows.positions(j, 0));
          sum(va, vb) += e[i] * e[j];
          count(va, vb) += 1;
          if (va == vb) continue;
          sum(vb, va) = sum(va, vb);
          count(vb, va) = count(va, vb);
        } else if (a != b && a - b < 50) {
          const double h = (rows.positions.row(i) - rows.positions.row(j)).norm();
          if (h > 0) shortest = std::min(shortest, h);
          longest = std::max(longest, h);
        }
      }
  if (longest > 0) {
    out.shortest = shortest;
    out.longest = longest;
    if (rows.positions.cols() == 1 && rows.z.empty()) bin_neighbors(rows, of, out);
    if (rows.positions.cols() == 1) out.lag = lag_correlations(rows, of, shortest);
  }
  if (visits == 0) return out;
  MatrixXd s = MatrixXd::Zero(visits, visits);
  for (Index a = 0; a < visits; ++a)
    s(a, a) = count(a, a) > 0 && sum(a, a) > 0 ? sum(a, a) / count(a, a) : out.variance;
  for (Index a = 0; a < visits; ++a)
    for (Index b = 0; b < a; ++b) {
      const double r = count(a, b) > 1 ? sum(a, b) / count(a, b) : 0;
      const double most = 0.98 * std::sqrt(s(a, a) * s(b, b));
      s(a, b) = s(b, a) = std::max(-most, std::min(most, r));
    }
  const VectorXd sd = s.diagonal().cwiseSqrt();
  const MatrixXd c = sd.cwiseInverse().asDiagonal() * s * sd.cwiseInverse().asDiagonal();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(c);
  const VectorXd lifted = eigen.eigenvalues().cwiseMax(0.01 * eigen.eigenvalues().maxCoeff());
  out.covariance = sd.asDiagonal() * (eigen.eigenvectors() * lifted.asDiagonal() * eigen.eigenvectors().transpose()) *
                   sd.asDiagonal();
  return out;
}

}  // namespace henderson
