// Structures made of structures: with a nugget, with a variance of its own, as a separable product.
#ifndef HENDERSON_RESIDUAL_COMPOSED_HPP
#define HENDERSON_RESIDUAL_COMPOSED_HPP

#include <memory>
#include <utility>

#include "henderson/residual/structure.hpp"

namespace henderson {

// No correlation and one variance.
class Independent : public ResidualStructure {
 public:
  std::vector<ResidualParameter> parameters() const override { return {}; }
  std::vector<VectorXd> starts(const ResidualMoments&) const override { return {VectorXd()}; }
  void fill(const VectorXd&, const MatrixXd& positions, int order, ResidualMatrices& out) const override {
    out.resize(0, order);
    out.r = MatrixXd::Identity(positions.rows(), positions.rows());
  }
};

// A structure with one more parameter behind its own; the search moves the structure's part as the structure does.
class Extended : public ResidualStructure {
 public:
  bool owns_scale() const override { return inner_->owns_scale(); }
  std::vector<ResidualParameter> parameters() const override {
    std::vector<ResidualParameter> out = inner_->parameters();
    out.push_back(last_);
    return out;
  }
  VectorXd moved(const VectorXd& psi, const VectorXd& step) const override {
    const Index k = psi.size() - 1;
    VectorXd out(psi.size());
    out.head(k) = inner_->moved(psi.head(k), step.head(k));
    out[k] = moved_by(last_.step, psi[k], step[k]);
    return out;
  }
  MatrixXd jacobian(const VectorXd& psi) const override {
    const Index k = psi.size() - 1;
    MatrixXd out = MatrixXd::Zero(k + 1, k + 1);
    out.topLeftCorner(k, k) = inner_->jacobian(psi.head(k));
    out(k, k) = slope_of(last_.step, psi[k]);
    return out;
  }
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const override {
    const Index k = psi.size() - 1;
    MatrixXd out = MatrixXd::Zero(k + 1, k + 1);
    out.topLeftCorner(k, k) = inner_->curvature(psi.head(k), gradient.head(k));
    out(k, k) = gradient[k] * curvature_of(last_.step, psi[k]);
    return out;
  }

 protected:
  Extended(std::shared_ptr<const ResidualStructure> inner, ResidualParameter last)
      : inner_(std::move(inner)), last_(last) {}
  std::vector<VectorXd> extended_starts(const ResidualMoments& moments, const std::vector<double>& last) const {
    std::vector<VectorXd> out;
    for (const VectorXd& own : inner_->starts(moments))
      for (const double value : last) {
        out.emplace_back(own.size() + 1);
        out.back() << own, value;
      }
    return out;
  }
  std::shared_ptr<const ResidualStructure> inner_;
  ResidualParameter last_;
};

// (1 - share) C + share I: measurement error beside the process.
class Nugget : public Extended {
 public:
  explicit Nugget(std::shared_ptr<const ResidualStructure> inner)
      : Extended(std::move(inner), {ResidualKind::share, 0, 0, Step::logistic, 0, 1}) {}
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override {
    return extended_starts(moments, {0.2, 0.6});
  }

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override {
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
};

// variance * C, for groups that each have a variance.
class Scaled : public Extended {
 public:
  explicit Scaled(std::shared_ptr<const ResidualStructure> inner)
      : Extended(std::move(inner), {ResidualKind::variance, 0, 0, Step::logarithm, 0}) {}
  bool owns_scale() const override { return true; }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override {
    return extended_starts(moments, {moments.variance});
  }

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override {
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
};

// Separable: R_ab is the product of both structures, each at its own columns of the positions.
class Product : public ResidualStructure {
 public:
  Product(std::shared_ptr<const ResidualStructure> first, Index first_columns,
          std::shared_ptr<const ResidualStructure> second)
      : a_(std::move(first)), b_(std::move(second)), columns_(first_columns), k_(a_->size()), l_(b_->size()) {}
  bool owns_scale() const override { return a_->owns_scale() || b_->owns_scale(); }
  std::vector<ResidualParameter> parameters() const override {
    std::vector<ResidualParameter> out = a_->parameters();
    const std::vector<ResidualParameter> more = b_->parameters();
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  std::vector<VectorXd> starts(const ResidualMoments& moments) const override {
    std::vector<VectorXd> out;
    for (const VectorXd& x : a_->starts(moments))
      for (const VectorXd& y : b_->starts(ResidualMoments{MatrixXd(), 1, 1, 1})) {
        out.emplace_back(k_ + l_);
        out.back() << x, y;
      }
    return out;
  }
  VectorXd moved(const VectorXd& psi, const VectorXd& step) const override {
    VectorXd out(k_ + l_);
    out << a_->moved(psi.head(k_), step.head(k_)), b_->moved(psi.tail(l_), step.tail(l_));
    return out;
  }
  MatrixXd jacobian(const VectorXd& psi) const override {
    return blocks(a_->jacobian(psi.head(k_)), b_->jacobian(psi.tail(l_)));
  }
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const override {
    return blocks(a_->curvature(psi.head(k_), gradient.head(k_)), b_->curvature(psi.tail(l_), gradient.tail(l_)));
  }

  void fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const override {
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

 private:
  static MatrixXd blocks(const MatrixXd& a, const MatrixXd& b) {
    MatrixXd out = MatrixXd::Zero(a.rows() + b.rows(), a.cols() + b.cols());
    out.topLeftCorner(a.rows(), a.cols()) = a;
    out.bottomRightCorner(b.rows(), b.cols()) = b;
    return out;
  }
  std::shared_ptr<const ResidualStructure> a_, b_;
  Index columns_, k_, l_;
};

}  // namespace henderson

#endif
