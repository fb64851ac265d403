// The residual covariance of a whole model: one structure, its parameters repeated for each group of subjects, and a
// log-linear variance function of the rows.
//
// psi holds the parameters of group 1, 2, ..., then the coefficients gamma of the variance function: R_ab is
// structure_ab exp((w_a + w_b)' gamma / 2).
#ifndef HENDERSON_RESIDUAL_RESIDUAL_MODEL_HPP
#define HENDERSON_RESIDUAL_RESIDUAL_MODEL_HPP

#include <memory>
#include <utility>

#include "henderson/residual/structure.hpp"

namespace henderson {

// R of one subject with the numbers of the parameters on which it depends.
struct SubjectMatrices {
  std::vector<Index> active;
  ResidualMatrices m;
};

class ResidualModel {
 public:
  ResidualModel() = default;
  ResidualModel(std::shared_ptr<const ResidualStructure> structure, Index groups, Index variance_terms)
      : structure_(std::move(structure)), groups_(groups), own_(structure_->size()), gamma_(variance_terms) {}

  Index size() const { return groups_ * own_ + gamma_; }
  Index groups() const { return groups_; }
  Index variance_terms() const { return gamma_; }
  bool owns_scale() const { return structure_->owns_scale(); }
  const ResidualStructure& structure() const { return *structure_; }

  std::vector<ResidualParameter> parameters() const {
    std::vector<ResidualParameter> out;
    for (Index g = 0; g < groups_; ++g) {
      const std::vector<ResidualParameter> own = structure_->parameters();
      out.insert(out.end(), own.begin(), own.end());
    }
    for (Index j = 0; j < gamma_; ++j)
      out.push_back({ResidualKind::log_ratio, j, 0, Step::natural});
    return out;
  }

  // `w`: rows of the subject x variance terms.
  void fill(const VectorXd& psi, Index group, const MatrixXd& positions, const MatrixXd& w, int order,
            SubjectMatrices& out) const {
    structure_->fill(psi.segment(group * own_, own_), positions, order, out.m);
    out.active.clear();
    for (Index k = 0; k < own_; ++k)
      out.active.push_back(group * own_ + k);
    if (gamma_ > 0) add_variances(psi.tail(gamma_), w, order, out);
  }

  VectorXd moved(const VectorXd& psi, const VectorXd& step) const {
    VectorXd out = psi + step;
    for (Index g = 0; g < groups_; ++g)
      out.segment(g * own_, own_) = structure_->moved(psi.segment(g * own_, own_), step.segment(g * own_, own_));
    return out;
  }
  MatrixXd jacobian(const VectorXd& psi) const {
    MatrixXd out = MatrixXd::Identity(size(), size());
    for (Index g = 0; g < groups_; ++g)
      out.block(g * own_, g * own_, own_, own_) = structure_->jacobian(psi.segment(g * own_, own_));
    return out;
  }
  MatrixXd curvature(const VectorXd& psi, const VectorXd& gradient) const {
    MatrixXd out = MatrixXd::Zero(size(), size());
    for (Index g = 0; g < groups_; ++g)
      out.block(g * own_, g * own_, own_, own_) =
          structure_->curvature(psi.segment(g * own_, own_), gradient.segment(g * own_, own_));
    return out;
  }

 private:
  // gamma has no curvature in the search; R_gamma = R o (w_a + w_b) / 2, and once more for second derivatives.
  void add_variances(const VectorXd& gamma, const MatrixXd& w, int order, SubjectMatrices& out) const {
    ResidualMatrices& m = out.m;
    const VectorXd sd = (w * gamma / 2).array().exp();
    const MatrixXd scale = sd * sd.transpose();
    m.r = m.r.cwiseProduct(scale).eval();
    for (MatrixXd& d : m.d)
      d = d.cwiseProduct(scale).eval();
    for (MatrixXd& d : m.dd)
      if (d.size() > 0) d = d.cwiseProduct(scale).eval();
    const VectorXd one = VectorXd::Ones(w.rows());
    for (Index j = 0; j < gamma_; ++j) {
      out.active.push_back(groups_ * own_ + j);
      const MatrixXd mean = (w.col(j) * one.transpose() + one * w.col(j).transpose()) / 2;
      if (order < 1) continue;
      for (Index i = 0; order > 1 && i < own_ + j; ++i)
        m.dd.push_back(m.d[i].cwiseProduct(mean));
      m.d.push_back(m.r.cwiseProduct(mean));
      if (order > 1) m.dd.push_back(m.d.back().cwiseProduct(mean));
    }
  }

  std::shared_ptr<const ResidualStructure> structure_;
  Index groups_ = 1, own_ = 0, gamma_ = 0;
};

}  // namespace henderson

#endif
