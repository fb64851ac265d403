// The model by dense n x n formulas: what the engine is compared with. Relative to sigma^2, in the user's columns.
#ifndef HENDERSON_TESTS_DENSE_HPP
#define HENDERSON_TESTS_DENSE_HPP

#include <cmath>
#include <vector>

#include "support/design.hpp"

namespace henderson_tests {

struct Dense {
  std::vector<Index> row;            // rows of positive weight
  MatrixXd x;                        // their kept columns
  std::vector<MatrixXd> z;           // per term: n x (levels q), levels slowest
  std::vector<MatrixXd> sigma;       // per term, relative
  MatrixXd v_inverse, p;             // V^{-1}, and with X taken out
  MatrixXd vcov;                     // (X'V^{-1}X)^{-1}
  VectorXd y, beta;
  double log_det_v = 0, log_det_x = 0, r2 = 0, sigma2 = 0, value = 0;

  VectorXd effects(std::size_t t) const {  // b of one term, levels slowest
    return block(t) * z[t].transpose() * v_inverse * (y - x * beta);
  }
  MatrixXd block(std::size_t t) const {  // I x Sigma
    const Index q = sigma[t].rows(), levels = z[t].cols() / q;
    MatrixXd out = MatrixXd::Zero(levels * q, levels * q);
    for (Index l = 0; l < levels; ++l) out.block(l * q, l * q, q, q) = sigma[t];
    return out;
  }
};

inline MatrixXd expand(const MatrixXd& z, const std::vector<int>& code, Index levels, const std::vector<Index>& row) {
  const Index q = z.cols();
  MatrixXd out = MatrixXd::Zero(row.size(), levels * q);
  for (std::size_t i = 0; i < row.size(); ++i) out.block(i, (code[row[i]] - 1) * q, 1, q) = z.row(row[i]);
  return out;
}

inline std::vector<Index> positive_rows(const Design& d) {
  std::vector<Index> out;
  for (Index i = 0; i < d.rows(); ++i)
    if (d.weight.size() == 0 || d.weight[i] > 0) out.push_back(i);
  return out;
}

// At the covariance matrices `sigma` of the terms.
inline Dense dense_at(const Design& d, const std::vector<Index>& kept, const std::vector<MatrixXd>& sigma, bool reml,
                      Index response = 0) {
  Dense out;
  out.row = positive_rows(d);
  out.sigma = sigma;
  const Index n = out.row.size(), p = kept.size();
  out.x.resize(n, p);
  out.y.resize(n);
  MatrixXd v = MatrixXd::Zero(n, n);
  for (Index i = 0; i < n; ++i) {
    out.y[i] = d.y(out.row[i], response);
    for (Index j = 0; j < p; ++j) out.x(i, j) = d.x(out.row[i], kept[j]);
    v(i, i) = d.weight.size() == 0 ? 1 : 1 / d.weight[out.row[i]];
  }
  for (std::size_t t = 0; t < d.layout.terms.size(); ++t) {
    const int g = d.layout.terms[t].group;
    out.z.push_back(expand(d.z[t], d.code[g], d.layout.groups[g].levels, out.row));
    v += out.z[t] * out.block(t) * out.z[t].transpose();
  }
  const Eigen::LLT<MatrixXd> llt(v);
  out.v_inverse = llt.solve(MatrixXd::Identity(n, n));
  out.log_det_v = 2 * MatrixXd(llt.matrixL()).diagonal().array().log().sum();
  const MatrixXd vx = p == 0 ? MatrixXd(n, 0) : MatrixXd(llt.solve(out.x));
  const Eigen::LLT<MatrixXd> xvx(out.x.transpose() * vx);
  out.vcov = p == 0 ? MatrixXd(0, 0) : MatrixXd(xvx.solve(MatrixXd::Identity(p, p)));
  out.log_det_x = p == 0 ? 0 : 2 * MatrixXd(xvx.matrixL()).diagonal().array().log().sum();
  out.p = out.v_inverse - vx * out.vcov * vx.transpose();
  out.beta = out.vcov * (vx.transpose() * out.y);
  out.r2 = out.y.dot(out.p * out.y);
  const double nu = static_cast<double>(reml ? n - p : n);
  out.sigma2 = out.r2 / nu;
  out.value = out.log_det_v + nu * (1 + std::log(2 * M_PI * out.sigma2)) + (reml ? out.log_det_x : 0);
  return out;
}

// The terms' covariance matrices in the user's columns at the engine's theta.
inline std::vector<MatrixXd> user_sigma(const henderson::Layout& layout, const henderson::CrossProducts& data,
                                        const VectorXd& theta) {
  std::vector<MatrixXd> out;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const henderson::Term& term = layout.terms[t];
    const MatrixXd own = term.structure->sigma(theta.segment(term.theta, term.n_theta), term.q);
    out.push_back(data.z_basis[t] * own * data.z_basis[t].transpose());
  }
  return out;
}

inline Dense dense_at(const Design& d, const henderson::CrossProducts& data, const VectorXd& theta, bool reml,
                      Index response = 0) {
  return dense_at(d, data.x.kept, user_sigma(d.layout, data, theta), reml, response);
}

// Z of one group in the engine's coordinates: its terms side by side within each level.
inline MatrixXd group_z(const Design& d, const henderson::CrossProducts& data, int group,
                        const std::vector<Index>& row) {
  const henderson::Group& g = d.layout.groups[group];
  MatrixXd z(d.rows(), g.q);
  for (const int t : g.terms) {
    z.middleCols(d.layout.terms[t].column, d.layout.terms[t].q) = d.z[t] * data.z_basis[t];
  }
  return expand(z, d.code[group], g.levels, row);
}

}  // namespace henderson_tests

#endif
