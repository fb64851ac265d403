// R = L L' of one pattern of positions, as an operator on rows: whitened rows are L^{-1} rows, and a direction of R
// acts on them as K_i = L^{-1} R_i L^{-T}.
#ifndef HENDERSON_RESIDUAL_SUBJECT_OPERATOR_HPP
#define HENDERSON_RESIDUAL_SUBJECT_OPERATOR_HPP

#include <utility>

#include "henderson/linalg/limits.hpp"
#include "henderson/residual/residual_model.hpp"

namespace henderson {

class SubjectOperator {
 public:
  virtual ~SubjectOperator() = default;
  bool ok() const { return std::isfinite(log_det_); }
  double log_det() const { return log_det_; }
  // Numbers of the parameters on which R depends; i and j below count within them.
  const std::vector<Index>& active() const { return active_; }
  virtual void whiten(Eigen::Ref<MatrixXd> rows) const = 0;
  virtual void direct(Index i, const MatrixXd& whitened, MatrixXd& out) const = 0;  // K_i whitened
  virtual double trace(Index i) const = 0;                                          // tr K_i
  virtual double trace(Index i, Index j) const = 0;                                 // tr K_i K_j
  virtual bool has_second(Index i, Index j) const = 0;  // is d2R / d psi_i d psi_j other than zero?
  virtual double second_trace(Index i, Index j) const = 0;
  virtual MatrixXd second_form(Index i, Index j, const MatrixXd& left,
                               const MatrixXd& right) const = 0;  // left' K_ij right

 protected:
  double log_det_ = std::numeric_limits<double>::infinity();
  std::vector<Index> active_;
};

class DenseOperator : public SubjectOperator {
 public:
  DenseOperator(const ResidualModel& model, const VectorXd& psi, Index group, const MatrixXd& positions,
                const MatrixXd& w, int order);
  void whiten(Eigen::Ref<MatrixXd> rows) const override { l_.triangularView<Eigen::Lower>().solveInPlace(rows); }
  void direct(Index i, const MatrixXd& whitened, MatrixXd& out) const override { out.noalias() = k_[i] * whitened; }
  double trace(Index i) const override { return k_[i].trace(); }
  double trace(Index i, Index j) const override { return k_[i].cwiseProduct(k_[j]).sum(); }
  bool has_second(Index i, Index j) const override { return second(i, j).size() > 0; }
  double second_trace(Index i, Index j) const override { return second(i, j).trace(); }
  MatrixXd second_form(Index i, Index j, const MatrixXd& left, const MatrixXd& right) const override;

 private:
  MatrixXd turned(const MatrixXd& d) const;
  const MatrixXd& second(Index i, Index j) const { return kk_[i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i]; }
  MatrixXd l_;
  std::vector<MatrixXd> k_, kk_;
};

}  // namespace henderson

#endif
