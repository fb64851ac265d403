#include "henderson/constraints/held_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

bool contains(const std::vector<TermColumn>& columns, int term, Index row) {
  return std::find(columns.begin(), columns.end(), TermColumn{term, row}) != columns.end();
}

MatrixXd HeldRows::factor(int t, const VectorXd& theta) const {
  const Term& term = layout_->terms[t];
  return basis(t) * term.structure->factor(theta.segment(term.theta, term.n_theta), term.q);
}

VectorXd HeldRows::row(const TermColumn& column, const VectorXd& theta) const {
  return factor(column.term, theta).row(column.row).transpose();
}

MatrixXd HeldRows::row_derivative(int t, Index row, const VectorXd& own) const {
  const Term& term = layout_->terms[t];
  MatrixXd out(term.q, term.n_theta);
  for (Index j = 0; j < term.n_theta; ++j)
    out.col(j) = (basis(t).row(row) * term.structure->factor_derivative(own, term.q, j)).transpose();
  return out;
}

MatrixXd HeldRows::row_curvature(int t, Index row, const VectorXd& own, const VectorXd& along) const {
  const Term& term = layout_->terms[t];
  MatrixXd out(term.n_theta, term.n_theta);
  for (Index k = 0; k < term.n_theta; ++k)
    for (Index j = 0; j <= k; ++j) {
      out(k, j) = out(j, k) = basis(t).row(row) * (term.structure->factor_second_derivative(own, term.q, k, j) * along);
    }
  return out;
}

double HeldRows::weight(const TermColumn& column, const VectorXd& theta) const {
  return row(column, theta).squaredNorm() / unit_square(column);
}

double HeldRows::unit_square(const TermColumn& column) const {
  return basis(column.term).row(column.row).squaredNorm() / rows_per_level(column.term);
}

double HeldRows::rows_per_level(int term) const {
  return static_cast<double>(data_->n) / static_cast<double>(layout_->groups[layout_->terms[term].group].levels);
}

void HeldRows::set_factor(int t, const MatrixXd& factor, VectorXd& theta) const {
  const Term& term = layout_->terms[t];
  const MatrixXd half = Eigen::HouseholderQR<MatrixXd>(basis(t)).solve(factor);
  theta.segment(term.theta, term.n_theta) = term.structure->project(half * half.transpose());
}

VectorXd HeldRows::with_row(const TermColumn& column, const VectorXd& row, VectorXd theta) const {
  MatrixXd a = factor(column.term, theta);
  a.row(column.row) = row.transpose();
  set_factor(column.term, a, theta);
  return theta;
}

VectorXd HeldRows::without(const std::vector<TermColumn>& columns, VectorXd theta) const {
  for (const TermColumn& c : columns) theta = with_row(c, VectorXd::Zero(layout_->terms[c.term].q), theta);
  return theta;
}

std::vector<TermColumn> HeldRows::collapsible(const std::vector<Held>& held) const {
  std::vector<TermColumn> out;
  for (const Held& h : held) {
    if (h.term == kResidual || h.row == h.col) continue;
    for (const Index j : {h.row, h.col})
      if (!holds_sd(held, h.term, j) && !contains(out, h.term, j)) out.push_back({h.term, j});
  }
  return out;
}

bool HeldRows::holds_sd(const std::vector<Held>& held, int term, Index row) {
  return std::any_of(held.begin(), held.end(),
                     [&](const Held& h) { return h.term == term && h.row == row && h.col == row; });
}

HeldValue HeldRows::evaluate(const Held& held, const VectorXd& theta, double log_sigma) const {
  const Index k = theta.size();
  HeldValue out{std::exp(log_sigma), VectorXd::Zero(k + 1), MatrixXd::Zero(k + 1, k + 1)};
  if (held.term == kResidual) {
    out.gradient[k] = out.hessian(k, k) = out.value;
    return out;
  }
  const Term& term = layout_->terms[held.term];
  const VectorXd own = theta.segment(term.theta, term.n_theta);
  const MatrixXd factor = this->factor(held.term, theta);
  const VectorXd a = factor.row(held.row).transpose(), b = factor.row(held.col).transpose();
  const MatrixXd da = row_derivative(held.term, held.row, own), db = row_derivative(held.term, held.col, own);
  const double aa = a.squaredNorm(), bb = b.squaredNorm(), ab = a.dot(b);
  const VectorXd g_aa = 2 * da.transpose() * a, g_bb = 2 * db.transpose() * b,
                 g_ab = da.transpose() * b + db.transpose() * a;
  const auto bend = [&](Index of, const VectorXd& along) { return row_curvature(held.term, of, own, along); };
  const MatrixXd h_aa = 2 * da.transpose() * da + 2 * bend(held.row, a),
                 h_bb = 2 * db.transpose() * db + 2 * bend(held.col, b);
  const MatrixXd h_ab = da.transpose() * db + db.transpose() * da + bend(held.row, b) + bend(held.col, a);
  VectorXd g;
  MatrixXd h;
  double scale = 1;
  if (held.row == held.col) {          // sigma |a|
    const double norm = std::sqrt(aa);
    g = g_aa / (2 * norm);
    h = h_aa / (2 * norm) - g * g.transpose() / norm;
    scale = std::exp(log_sigma);
    out.value = scale * norm;
    out.gradient[k] = out.hessian(k, k) = out.value;
    out.hessian.col(k).segment(term.theta, term.n_theta) = scale * g;
    out.hessian.row(k).segment(term.theta, term.n_theta) = scale * g.transpose();
  } else {                             // ab / sqrt(aa bb)
    const double root = std::sqrt(aa) * std::sqrt(bb), rho = ab / root;
    const VectorXd la = g_aa / aa, lb = g_bb / bb;
    g = g_ab / root - 0.5 * rho * (la + lb);
    h = h_ab / root - 0.5 * (g_ab * (la + lb).transpose() + (la + lb) * g_ab.transpose()) / root -
        0.5 * rho * (h_aa / aa + h_bb / bb - la * la.transpose() - lb * lb.transpose()) +
        0.25 * rho * (la + lb) * (la + lb).transpose();
    out.value = rho;
  }
  out.gradient.segment(term.theta, term.n_theta) = scale * g;
  out.hessian.block(term.theta, term.theta, term.n_theta, term.n_theta) = scale * h;
  return out;
}

Constraints HeldRows::constraints(const std::vector<Held>& held, const std::vector<TermColumn>& zero,
                                  const VectorXd& theta, double log_sigma) const {
  Constraints out;
  std::vector<VectorXd> gradient;
  std::vector<double> gap;
  const Index k = theta.size();
  const auto add = [&](double missing, const VectorXd& slope, const MatrixXd& bend) {
    gap.push_back(missing);
    gradient.push_back(slope);
    out.hessian.push_back(bend);
  };
  const auto add_row = [&](const TermColumn& c) {
    const Term& term = layout_->terms[c.term];
    const VectorXd now = row(c, theta);
    const MatrixXd d = row_derivative(c.term, c.row, theta.segment(term.theta, term.n_theta));
    for (Index j = 0; j < term.q; ++j) {
      if (d.row(j).isZero(0)) continue;
      VectorXd slope = VectorXd::Zero(k + 1);
      slope.segment(term.theta, term.n_theta) = d.row(j).transpose();
      add(-now[j], slope, MatrixXd::Zero(k + 1, k + 1));
    }
  };
  for (const Held& h : held) {
    if (h.term != kResidual && (contains(zero, h.term, h.row) || contains(zero, h.term, h.col))) continue;
    if (h.term != kResidual && h.row == h.col && h.value == 0) {
      add_row({h.term, h.row});
      continue;
    }
    const HeldValue at = evaluate(h, theta, log_sigma);
    const double size = unit(h);
    add((h.value - at.value) / size, at.gradient / size, at.hessian / size);
  }
  for (const TermColumn& c : zero) add_row(c);
  out.gap = Eigen::Map<const VectorXd>(gap.data(), gap.size());
  out.gradient.resize(k + 1, gradient.size());
  for (std::size_t c = 0; c < gradient.size(); ++c) out.gradient.col(c) = gradient[c];
  return out;
}

Direct steepest(const std::vector<Held>& held, const TermColumn& column, const MatrixXd& a, const VectorXd& slope) {
  const Index q = a.cols();
  MatrixXd known = MatrixXd::Zero(q, q);
  VectorXd angle = VectorXd::Zero(q);
  for (const Held& h : held) {
    if (h.term != column.term || h.row == h.col || (h.row != column.row && h.col != column.row)) continue;
    const Index other = h.row == column.row ? h.col : h.row;
    const double norm = a.row(other).norm();
    if (!(norm > 0)) continue;
    known.row(other) = a.row(other) / norm;
    angle[other] = h.value;
  }
  const Eigen::CompleteOrthogonalDecomposition<MatrixXd> solver(known);
  const VectorXd u = solver.solve(angle);
  if (u.squaredNorm() >= 1 || (known * u - angle).norm() > 1e-8) return {};
  const double rest = std::sqrt(1 - u.squaredNorm());
  const auto outside = [&](const VectorXd& x) { return VectorXd(x - solver.solve(known * x)); };
  // Downwards, with some of a direction that no other row has: the rows stay independent.
  const SymmetricEigen eigen(a.transpose() * a);
  const VectorXd down = outside(-slope), own = outside(eigen.eigenvectors().col(0));
  VectorXd free = VectorXd::Zero(q);
  if (down.norm() > 1e-12 * slope.norm()) free += down / down.norm();
  if (own.norm() > 1e-6) free += 0.3 * own / own.norm();
  if (!(free.norm() > 1e-6)) return {};
  return {u + rest * free / free.norm(), slope.dot(u) - rest * down.norm()};
}

}  // namespace henderson
