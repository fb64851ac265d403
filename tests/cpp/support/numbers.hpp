// Random numbers and comparisons for the tests.
#ifndef HENDERSON_TESTS_NUMBERS_HPP
#define HENDERSON_TESTS_NUMBERS_HPP

#include <Eigen/Dense>
#include <random>

namespace henderson_tests {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Rng = std::mt19937;

inline double normal(Rng& rng) { return std::normal_distribution<double>()(rng); }

inline MatrixXd normals(Rng& rng, Index rows, Index cols) {
  MatrixXd out(rows, cols);
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i < rows; ++i) out(i, j) = normal(rng);
  return out;
}

// Largest difference beside the largest entry of what is expected.
template <class A, class B>
double relative(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  if (a.size() == 0) return 0;
  const double size = b.cwiseAbs().maxCoeff();
  return (a - b).cwiseAbs().maxCoeff() / (size > 0 ? size : 1);
}

inline double relative(double a, double b) { return std::abs(a - b) / (1 + std::abs(b)); }

inline MatrixXd symmetric(const MatrixXd& lower) { return lower.selfadjointView<Eigen::Lower>(); }

// A well-conditioned positive definite matrix.
inline MatrixXd positive_definite(Rng& rng, Index n) {
  const MatrixXd a = normals(rng, n + 4, n);
  return a.transpose() * a + MatrixXd::Identity(n, n);
}

}  // namespace henderson_tests

#endif
