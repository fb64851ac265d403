#include "henderson/residual/residual_matrices.hpp"

#include <vector>

namespace henderson {

namespace {

MatrixXd picked(const MatrixXd& x, const std::vector<Index>& rows) {
  MatrixXd out(rows.size(), x.cols());
  for (std::size_t i = 0; i < rows.size(); ++i) out.row(static_cast<Index>(i)) = x.row(rows[i]);
  return out;
}

void place(const MatrixXd& x, const std::vector<Index>& at, MatrixXd& out) {
  for (std::size_t i = 0; i < at.size(); ++i)
    for (std::size_t j = 0; j < at.size(); ++j)
      out(at[i], at[j]) = x(static_cast<Index>(i), static_cast<Index>(j));
}

}  // namespace

std::vector<MatrixXd> residual_matrices(const ResidualModel& model, const VectorXd& psi, const MatrixXd& positions,
                                        const MatrixXd& w, const std::vector<Index>& group, bool slopes) {
  const Index n = positions.rows();
  std::vector<MatrixXd> out(slopes ? psi.size() + 1 : 1, MatrixXd::Zero(n, n));
  for (Index g = 0; g < model.groups(); ++g) {
    std::vector<Index> own;
    for (std::size_t i = 0; i < group.size(); ++i)
      if (group[i] == g) own.push_back(static_cast<Index>(i));
    if (own.empty()) continue;
    SubjectMatrices s;
    model.fill(psi, g, picked(positions, own), picked(w, own), slopes, s);
    place(s.m.r, own, out[0]);
    for (std::size_t k = 0; slopes && k < s.active.size(); ++k) place(s.m.d[k], own, out[s.active[k] + 1]);
  }
  return out;
}

MatrixXd residual_variances(const ResidualModel& model, const MatrixXd& psi, const MatrixXd& positions,
                            const MatrixXd& w, const std::vector<Index>& group, Checkpoint& checkpoint) {
  MatrixXd out(positions.rows(), psi.cols());
  for (Index j = 0; j < psi.cols(); ++j) {
    for (Index i = 0; i < out.rows(); ++i)
      out(i, j) = residual_matrices(model, psi.col(j), positions.row(i), w.row(i), {group[i]}, false)[0](0, 0);
    checkpoint.check();
  }
  return out;
}

}  // namespace henderson
