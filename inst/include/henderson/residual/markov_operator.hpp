// The operator of a correlation that links each position to the one before it alone (AR(1), exponential on a line).
//
// L^{-1} is bidiagonal and R^{-1} tridiagonal with derivatives O_i and O_ij in the parameters, so that
//   K_i = -L' O_i L,   K_ij = K_i K_j + K_j K_i - L' O_ij L,
// and nothing costs more than one recursion over the rows.
#ifndef HENDERSON_RESIDUAL_MARKOV_OPERATOR_HPP
#define HENDERSON_RESIDUAL_MARKOV_OPERATOR_HPP

#include "henderson/residual/kernels.hpp"
#include "henderson/residual/subject_operator.hpp"

namespace henderson {

class MarkovOperator : public SubjectOperator {
 public:
  // `links`: the kernel from each position to the next; one parameter, number `parameter` of the model.
  MarkovOperator(const std::vector<KernelValue>& links, Index parameter, int order);
  void whiten(Eigen::Ref<MatrixXd> rows) const override;
  void direct(Index, const MatrixXd& whitened, MatrixXd& out) const override;
  double trace(Index) const override { return trace_; }
  double trace(Index, Index) const override { return trace_two_; }
  bool has_second(Index, Index) const override { return true; }
  double second_trace(Index, Index) const override { return log_det_second_ + trace_two_; }
  MatrixXd second_form(Index, Index, const MatrixXd& left, const MatrixXd& right) const override;

 private:
  void differentiate(const std::vector<KernelValue>& links);
  MatrixXd coloured(MatrixXd rows) const;
  void backward(MatrixXd& rows) const;
  static MatrixXd tridiagonal(const VectorXd& diagonal, const VectorXd& off, const MatrixXd& rows);
  VectorXd r_, s_, diagonal_, off_, second_diagonal_, second_off_;
  double trace_ = 0, trace_two_ = 0, log_det_second_ = 0;
};

}  // namespace henderson

#endif
