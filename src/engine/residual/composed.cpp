#include "henderson/residual/composed.hpp"

#include <algorithm>

namespace henderson {

void Independent::fill(const VectorXd&, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  out.resize(0, order);
  out.r = MatrixXd::Identity(positions.rows(), positions.rows());
}

std::vector<ResidualParameter> Extended::parameters() const {
  std::vector<ResidualParameter> out = inner_->parameters();
  out.push_back(last_);
  return out;
}

VectorXd Extended::moved(const VectorXd& psi, const VectorXd& step) const {
  const Index k = psi.size() - 1;
  VectorXd out(psi.size());
  out.head(k) = inner_->moved(psi.head(k), step.head(k));
  out[k] = moved_by(last_.step, psi[k], step[k]);
  return out;
}

std::vector<VectorXd> Extended::alternatives(const VectorXd& psi) const {
  const Index k = psi.size() - 1;
  std::vector<VectorXd> out = inner_->alternatives(psi.head(k));
  for (VectorXd& own : out) {
    own.conservativeResize(k + 1);
    own[k] = psi[k];
  }
  return out;
}

MatrixXd Extended::jacobian(const VectorXd& psi) const {
  const Index k = psi.size() - 1;
  MatrixXd out = MatrixXd::Zero(k + 1, k + 1);
  out.topLeftCorner(k, k) = inner_->jacobian(psi.head(k));
  out(k, k) = slope_of(last_.step, psi[k]);
  return out;
}

MatrixXd Extended::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  const Index k = psi.size() - 1;
  MatrixXd out = MatrixXd::Zero(k + 1, k + 1);
  out.topLeftCorner(k, k) = inner_->curvature(psi.head(k), gradient.head(k));
  out(k, k) = gradient[k] * curvature_of(last_.step, psi[k]);
  return out;
}

Extended::Extended(std::shared_ptr<const ResidualStructure> inner, ResidualParameter last)
    : inner_(std::move(inner)), last_(last) {}

std::vector<VectorXd> Extended::extended_starts(const ResidualMoments& moments, const std::vector<double>& last) const {
  std::vector<VectorXd> out;
  for (const VectorXd& own : inner_->starts(moments))
    for (const double value : last) {
      out.emplace_back(own.size() + 1);
      out.back() << own, value;
    }
  return out;
}

Nugget::Nugget(std::shared_ptr<const ResidualStructure> inner)
    : Extended(std::move(inner), {ResidualKind::share, 0, 0, Step::logistic, 0, 1}) {}

std::vector<VectorXd> Nugget::starts(const ResidualMoments& moments) const {
  return extended_starts(moments, {0.2, 0.6});
}

void Nugget::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index k = psi.size() - 1, n = positions.rows();
  const double share = psi[k];
  inner_->fill(psi.head(k), positions, order, out);
  const MatrixXd c = out.r;
  out.r = (1 - share) * c + share * MatrixXd::Identity(n, n);
  if (order > 1)
    for (Index i = 0; i < k; ++i)
      out.dd.push_back(-out.d[i]);
  if (order > 1) out.dd.emplace_back();
  for (MatrixXd& d : out.d)
    d *= 1 - share;
  for (Index i = 0; order > 1 && i < k * (k + 1) / 2; ++i)
    if (out.dd[i].size() > 0) out.dd[i] *= 1 - share;
  if (order > 0) out.d.push_back(MatrixXd::Identity(n, n) - c);
}

Scaled::Scaled(std::shared_ptr<const ResidualStructure> inner)
    : Extended(std::move(inner), {ResidualKind::variance, 0, 0, Step::logarithm, 0}) {}

std::vector<VectorXd> Scaled::starts(const ResidualMoments& moments) const {
  return extended_starts(moments, {moments.variance});
}

void Scaled::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index k = psi.size() - 1;
  const double variance = psi[k];
  inner_->fill(psi.head(k), positions, order, out);
  const MatrixXd c = out.r;
  out.r *= variance;
  if (order > 1)
    for (Index i = 0; i < k; ++i)
      out.dd.push_back(out.d[i]);
  if (order > 1) out.dd.emplace_back();
  for (MatrixXd& d : out.d)
    d *= variance;
  for (Index i = 0; order > 1 && i < k * (k + 1) / 2; ++i)
    if (out.dd[i].size() > 0) out.dd[i] *= variance;
  if (order > 0) out.d.push_back(c);
}

std::vector<ResidualParameter> VarianceFactor::parameters() const {
  return {{ResidualKind::variance, 0, 0, Step::logarithm, 0}};
}

void VarianceFactor::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index n = positions.rows();
  out.resize(1, order);
  out.r = MatrixXd::Constant(n, n, psi[0]);
  if (order > 0) out.d[0] = MatrixXd::Ones(n, n);
}

std::vector<AxisFactor> Scaled::axes(Index columns) const {
  std::vector<AxisFactor> out = inner_->axes(columns);
  if (!out.empty()) out.push_back({std::make_shared<VarianceFactor>(), inner_->size(), 0});
  return out;
}

// The factors of the first part, if it is a product itself, then the second.
std::vector<AxisFactor> Product::axes(Index columns) const {
  std::vector<AxisFactor> out = a_->axes(columns_);
  if (out.empty()) out.push_back({a_, 0, columns_});
  out.push_back({b_, k_, columns - columns_});
  return out;
}

Product::Product(std::shared_ptr<const ResidualStructure> first, Index first_columns,
                 std::shared_ptr<const ResidualStructure> second)
    : a_(std::move(first)), b_(std::move(second)), columns_(first_columns), k_(a_->size()), l_(b_->size()) {}

std::vector<ResidualParameter> Product::parameters() const {
  std::vector<ResidualParameter> out = a_->parameters();
  int parts = 1;
  for (ResidualParameter& p : out) parts = std::max(parts, p.part = std::max(p.part, 1));
  for (ResidualParameter p : b_->parameters()) {
    p.part = parts + std::max(p.part, 1);
    out.push_back(p);
  }
  return out;
}

std::vector<VectorXd> Product::starts(const ResidualMoments& moments) const {
  const Index rest = moments.shortest_along.size() - columns_;
  ResidualMoments first = moments.part(0, columns_);
  first.covariance = moments.covariance;
  first.variance = moments.variance;
  std::vector<VectorXd> out;
  for (const VectorXd& x : a_->starts(first))
    for (const VectorXd& y : b_->starts(rest > 0 ? moments.part(columns_, rest) : ResidualMoments())) {
      out.emplace_back(k_ + l_);
      out.back() << x, y;
    }
  return out;
}

VectorXd Product::moved(const VectorXd& psi, const VectorXd& step) const {
  VectorXd out(k_ + l_);
  out << a_->moved(psi.head(k_), step.head(k_)), b_->moved(psi.tail(l_), step.tail(l_));
  return out;
}

MatrixXd Product::jacobian(const VectorXd& psi) const {
  return blocks(a_->jacobian(psi.head(k_)), b_->jacobian(psi.tail(l_)));
}

MatrixXd Product::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  return blocks(a_->curvature(psi.head(k_), gradient.head(k_)), b_->curvature(psi.tail(l_), gradient.tail(l_)));
}

void Product::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  ResidualMatrices a, b;
  a_->fill(psi.head(k_), positions.leftCols(columns_), order, a);
  b_->fill(psi.tail(l_), positions.rightCols(positions.cols() - columns_), order, b);
  out.resize(k_ + l_, order);
  out.r = a.r.cwiseProduct(b.r);
  if (order < 1) return;
  for (Index i = 0; i < k_; ++i)
    out.d[i] = a.d[i].cwiseProduct(b.r);
  for (Index i = 0; i < l_; ++i)
    out.d[k_ + i] = a.r.cwiseProduct(b.d[i]);
  if (order < 2) return;
  for (Index i = 0; i < k_; ++i)
    for (Index j = 0; j <= i; ++j)
      if (a.second(i, j).size() > 0) out.second(i, j) = a.second(i, j).cwiseProduct(b.r);
  for (Index i = 0; i < l_; ++i) {
    for (Index j = 0; j < k_; ++j)
      out.second(k_ + i, j) = b.d[i].cwiseProduct(a.d[j]);
    for (Index j = 0; j <= i; ++j)
      if (b.second(i, j).size() > 0) out.second(k_ + i, k_ + j) = a.r.cwiseProduct(b.second(i, j));
  }
}

MatrixXd Product::blocks(const MatrixXd& a, const MatrixXd& b) {
  MatrixXd out = MatrixXd::Zero(a.rows() + b.rows(), a.cols() + b.cols());
  out.topLeftCorner(a.rows(), a.cols()) = a;
  out.bottomRightCorner(b.rows(), b.cols()) = b;
  return out;
}

}  // namespace henderson
