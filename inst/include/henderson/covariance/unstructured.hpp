// Unstructured: the lower triangle of L, column by column.
#ifndef HENDERSON_COVARIANCE_UNSTRUCTURED_HPP
#define HENDERSON_COVARIANCE_UNSTRUCTURED_HPP

#include <Eigen/QR>

#include "henderson/covariance/covariance.hpp"

namespace henderson {

class Unstructured : public Covariance {
 public:
  std::string name() const override { return "unstructured"; }
  Index n_parameters(Index q) const override { return q * (q + 1) / 2; }
  bool rotatable() const override { return true; }

  VectorXd start(Index q) const override { return nearest(MatrixXd::Identity(q, q)); }

  MatrixXd factor(const VectorXd& theta, Index q) const override {
    MatrixXd l = MatrixXd::Zero(q, q);
    for (Index j = 0, k = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) l(i, j) = theta[k++];
    return l;
  }

  MatrixXd factor_derivative(const VectorXd&, Index q, Index k) const override {
    return factor(VectorXd::Unit(n_parameters(q), k), q);
  }
  MatrixXd factor_second_derivative(const VectorXd&, Index q, Index, Index) const override {
    return MatrixXd::Zero(q, q);
  }

  VectorXd nearest(const MatrixXd& sigma) const override { return stacked(semidefinite_cholesky(sigma)); }
  VectorXd of_root(const MatrixXd& root) const override {
    const Eigen::HouseholderQR<MatrixXd> qr(root.transpose());
    MatrixXd l = MatrixXd(qr.matrixQR().triangularView<Eigen::Upper>()).transpose();
    for (Index j = 0; j < l.cols(); ++j)
      if (l(j, j) < 0) l.col(j) = -l.col(j);
    return stacked(l);
  }

  std::vector<MatrixXd> span(Index q) const override {
    std::vector<MatrixXd> basis;
    for (Index j = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) {
        basis.push_back(MatrixXd::Zero(q, q));
        basis.back()(i, j) = basis.back()(j, i) = 1;
      }
    return basis;
  }

 private:
  static VectorXd stacked(const MatrixXd& l) {
    const Index q = l.rows();
    VectorXd theta(q * (q + 1) / 2);
    for (Index j = 0, k = 0; j < q; ++j)
      for (Index i = j; i < q; ++i) theta[k++] = l(i, j);
    return theta;
  }
};

}  // namespace henderson

#endif
