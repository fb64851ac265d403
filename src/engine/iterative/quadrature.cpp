#include "henderson/iterative/quadrature.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {
namespace iterative {

namespace {

constexpr int kMostSteps = 300;
constexpr double kEnough = 1e-3;   // of log|C|, in units of -2 log L

// A = K^{-1} C K^{-T} within the complement of K^{-1}V.
class Complement {
 public:
  Complement(const Model& model, const Deflation& fixed) : model_(model), v_(model.m.solve_root(fixed.v, false)) {
    n_ = v_.transpose() * v_;
    inverse_ = n_.inverse();
  }
  void project(Panel& x) const {
    const MatrixXd share = inverse_ * MatrixXd(v_.transpose() * x);
    x -= v_ * share;
  }
  Panel multiply(const Panel& x) const {
    return model_.m.solve_root(model_.c.multiply(model_.m.solve_root(x, true)), false);
  }
  // tr(A - I) within the complement.
  double first_moment() const {
    const MatrixXd vav = v_.transpose() * multiply(v_);
    return static_cast<double>(v_.cols()) - inverse_.cwiseProduct(vav).sum();
  }
  const MatrixXd& gram() const { return n_; }

 private:
  const Model& model_;
  Panel v_;
  MatrixXd n_, inverse_;
};

// log |det x|, which the determinant of many columns would overflow.
double log_abs_det(const MatrixXd& x) {
  if (x.size() == 0) return 0;
  return Eigen::PartialPivLU<MatrixXd>(x).matrixLU().diagonal().array().abs().log().sum();
}

// e_1' log(T) e_1 for the tridiagonal T.
double log_quadrature(const std::vector<double>& alpha, const std::vector<double>& beta) {
  const Index k = static_cast<Index>(alpha.size());
  MatrixXd t = MatrixXd::Zero(k, k);
  for (Index i = 0; i < k; ++i) {
    t(i, i) = alpha[i];
    if (i + 1 < k) t(i, i + 1) = t(i + 1, i) = beta[i];
  }
  const SymmetricEigen eigen(t);
  double out = 0;
  for (Index i = 0; i < k; ++i)
    out += eigen.eigenvectors()(0, i) * eigen.eigenvectors()(0, i) * std::log(std::max(eigen.eigenvalues()[i], 1e-300));
  return out;
}

struct Quadratures {
  VectorXd value, first;   // x'log(A)x and x'(A - I)x
  double change = 0;       // of their mean in the steps that were not taken
};

// The three-term recursion for all columns at once.
Quadratures lanczos(const Complement& a, const Panel& start) {
  const Index m = start.cols();
  const VectorXd square = column_products(start, start);
  Panel v = start * square.cwiseSqrt().cwiseInverse().asDiagonal(), before = Panel::Zero(v.rows(), m);
  std::vector<std::vector<double>> alpha(m), beta(m);
  VectorXd last_beta = VectorXd::Zero(m);
  Quadratures out;
  out.value = VectorXd::Zero(m);
  out.first.resize(m);
  double before_change = 1e-300;
  int next = 3;
  for (int step = 1; step <= kMostSteps; ++step) {
    Panel w = a.multiply(v);
    a.project(w);
    const VectorXd own = column_products(v, w);
    add_scaled(w, v, -own);
    add_scaled(w, before, -last_beta);
    last_beta = column_products(w, w).cwiseSqrt();
    before = v;
    for (Index k = 0; k < m; ++k) {
      alpha[k].push_back(own[k]);
      beta[k].push_back(last_beta[k]);
    }
    if (step == 1) out.first = square.cwiseProduct((own.array() - 1).matrix());
    v = w * last_beta.cwiseMax(1e-300).cwiseInverse().asDiagonal();
    const bool last = step == kMostSteps || last_beta.isZero(1e-12);
    if (step < next && !last) continue;
    next = step + 1 + step / 8;
    VectorXd now(m);
    for (Index k = 0; k < m; ++k) now[k] = square[k] * log_quadrature(alpha[k], beta[k]);
    const double change = std::abs((now - out.value).mean());
    out.value = now;
    // What a geometric series leaves after its last terms.
    out.change = last ? change : change / std::max(0.02, 1 - change / before_change);
    before_change = change;
    if (out.change < kEnough || last) break;
  }
  return out;
}

}  // namespace

LogDeterminant log_determinant(const Model& model, const Traces& traces, std::uint64_t seed, int probes) {
  const Deflation& fixed = traces.fixed();
  const Complement complement(model, fixed);
  const Index rows = model.incidence.columns();
  VectorXd value(probes), first(probes);
  double change = 0;
  for (Index at = 0; at < probes; at += 16) {
    const Index width = std::min<Index>(16, probes - at);
    Panel xi(rows, width);
    for (Index j = 0; j < rows; ++j)
      for (Index k = 0; k < width; ++k)
        xi(j, k) = sign_of(seed, static_cast<std::uint64_t>(at + k), static_cast<std::uint64_t>(j));
    complement.project(xi);
    if (column_products(xi, xi).minCoeff() < 1e-10) {   // nothing is left of them
      value.segment(at, width).setZero();
      first.segment(at, width).setZero();
      continue;
    }
    const Quadratures part = lanczos(complement, xi);
    value.segment(at, width) = part.value;
    first.segment(at, width) = part.first;
    change = std::max(change, part.change);
  }
  LogDeterminant out;
  const VectorXd moved = first.array() - first.mean(), deviation = value.array() - value.mean();
  const double slope = moved.squaredNorm() > 0 ? deviation.dot(moved) / moved.squaredNorm() : 0;
  const MatrixXd vw = fixed.v.transpose() * traces.solved_fixed();
  out.value = model.m.log_det() + value.mean() - slope * (first.mean() - complement.first_moment()) +
              log_abs_det(complement.gram()) - log_abs_det(vw);
  const double spread = (deviation - slope * moved).squaredNorm() / std::max(1, probes - 2) / probes;
  out.error = std::sqrt(spread + change * change);
  return out;
}

double criterion(const Model& model, const Point& at, double log_det_c) {
  const Problem& pr = model.problem;
  double out = at.log_det_lead + log_det_c + at.degrees * (1 + std::log(2 * M_PI * at.sigma2)) - pr.log_weight;
  if (at.reml) out += at.log_det_x + 2 * pr.log_det_r;
  return out;
}

}  // namespace iterative
}  // namespace henderson
