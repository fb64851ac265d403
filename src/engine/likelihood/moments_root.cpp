#include "henderson/likelihood/moments_root.hpp"

#include <vector>

#include "henderson/likelihood/root_form.hpp"

namespace henderson {

RootMoments::RootMoments(const Problem& pr, const Evaluation& at, Checkpoint& checkpoint)
    : pr_(pr), at_(at), checkpoint_(checkpoint) {
  u_ = at.root_d.leftCols(pr.p);
  at.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(u_);
  e_ = at.root_d.col(pr.p) - at.root_d.leftCols(pr.p) * at.beta;
  for (std::size_t g = 0; g < pr.layout->groups.size(); ++g) read_group(static_cast<int>(g));
}

void RootMoments::read_group(int group) {
  const Index q = pr_.layout->groups[group].q;
  const std::vector<Index> first = dense_columns(*pr_.layout, pr_.rest, group);
  std::vector<MatrixXd> columns;
  std::vector<VectorXd> w;
  for (Index a = 0; a < q; ++a) {
    MatrixXd own(at_.root_z.rows(), static_cast<Index>(first.size()));
    for (std::size_t l = 0; l < first.size(); ++l) own.col(l) = at_.root_z.col(first[l] + a);
    w.push_back(own.transpose() * e_);
    columns.push_back(std::move(own));
  }
  columns_.push_back(std::move(columns));
  w_.push_back(std::move(w));
}

// With few directions and many columns, as of known relationships, the sums are made without the products.
void RootMoments::make_products(const std::vector<Direction>& directions) {
  std::vector<Index> count(columns_.size(), 0);
  for (const Direction& d : directions) ++count[d.group];
  products_.assign(columns_.size(), {});
  for (std::size_t g = 0; g < columns_.size(); ++g) {
    const Index q = static_cast<Index>(columns_[g].size());
    if (2 * count[g] <= q && q > 1) continue;
    for (Index a = 0; a < q; ++a) {
      checkpoint_.check();
      for (Index b = 0; b <= a; ++b) products_[g].push_back(columns_[g][a] * columns_[g][b].transpose());
    }
  }
}

void RootMoments::add_blocks(int group, Moments& out) const {
  const auto& columns = columns_[group];
  const Index q = static_cast<Index>(columns.size());
  MatrixXd block(q, q), squares(q, q);
  std::vector<MatrixXd> fixed;
  for (const MatrixXd& own : columns) fixed.push_back(u_.transpose() * own);
  for (Index a = 0; a < q; ++a)
    for (Index b = 0; b <= a; ++b) {
      block(a, b) = columns[a].cwiseProduct(columns[b]).sum();
      if (at_.reml) block(a, b) -= fixed[a].cwiseProduct(fixed[b]).sum();
      block(b, a) = block(a, b);
      squares(a, b) = squares(b, a) = w_[group][a].dot(w_[group][b]) / at_.sigma2;
    }
  out.block_trace.push_back(block);
  out.block_quadratic.push_back(squares);
}

MatrixXd RootMoments::directed(const Direction& d) const {
  checkpoint_.check();
  if (products_[d.group].empty()) return summed_directly(d);
  MatrixXd out = MatrixXd::Zero(at_.root_z.rows(), at_.root_z.rows());
  Index k = 0;
  for (Index a = 0; a < d.e.rows(); ++a)
    for (Index b = 0; b <= a; ++b, ++k) {
      if (d.e(a, b) == 0) continue;
      const MatrixXd& product = products_[d.group][k];
      out += d.e(a, b) * product;
      if (b < a) out += d.e(a, b) * product.transpose();
    }
  return out;
}

MatrixXd RootMoments::summed_directly(const Direction& d) const {
  const std::vector<MatrixXd>& columns = columns_[d.group];
  const Index rows = at_.root_z.rows(), q = d.e.rows(), levels = columns[0].cols();
  MatrixXd all(rows, q), out = MatrixXd::Zero(rows, rows);
  for (Index l = 0; l < levels; ++l) {
    for (Index a = 0; a < q; ++a) all.col(a) = columns[a].col(l);
    const MatrixXd turned = all * d.e;
    out.noalias() += turned * all.transpose();
  }
  return out;
}

VectorXd RootMoments::directed_response(const Direction& d) const {
  VectorXd out = VectorXd::Zero(at_.root_z.rows());
  for (Index a = 0; a < d.e.rows(); ++a)
    for (Index b = 0; b < d.e.cols(); ++b)
      if (d.e(a, b) != 0) out += d.e(a, b) * (columns_[d.group][a] * w_[d.group][b]);
  return out;
}

Moments RootMoments::compute(const std::vector<Direction>& directions) {
  make_products(directions);
  const Index k = static_cast<Index>(directions.size()), rows = at_.root_z.rows();
  Moments out;
  for (std::size_t g = 0; g < columns_.size(); ++g) add_blocks(static_cast<int>(g), out);
  contract_blocks(directions, out);
  MatrixXd f(rows, k);
  out.t.resize(k, k);
  std::vector<MatrixXd> turned(k);
  for (Index i = 0; i < k; ++i) {
    f.col(i) = directed_response(directions[i]);
    const MatrixXd own = directed(directions[i]);
    turned[i] = own;
    if (at_.reml) turned[i] -= u_ * (u_.transpose() * own);
    const MatrixXd transposed = turned[i].transpose();
    for (Index j = 0; j <= i; ++j) out.t(i, j) = out.t(j, i) = turned[j].cwiseProduct(transposed).sum();
  }
  const MatrixXd uf = u_.transpose() * f;
  out.ai = (f.transpose() * f - uf.transpose() * uf) / at_.sigma2;
  return out;
}

}  // namespace henderson
