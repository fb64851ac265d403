#include "henderson/residual/linear_visits.hpp"

#include <cmath>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/limits.hpp"

namespace henderson {

bool positive_definite(const MatrixXd& m) {
  return Eigen::LLT<MatrixXd>(m).info() == Eigen::Success;
}

void LinearVisits::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  out.resize(psi.size(), order);
  out.r = at_visits(whole(psi), positions);
  for (std::size_t k = 0; k < out.d.size(); ++k)
    out.d[k] = at_visits(basis_[k], positions);
}

void LinearVisits::add(ResidualParameter parameter, MatrixXd basis) {
  parameters_.push_back(parameter);
  basis_.push_back(std::move(basis));
}

MatrixXd LinearVisits::pair(Index a, Index b) const {
  MatrixXd out = MatrixXd::Zero(visits_, visits_);
  out(a, b) = out(b, a) = 1;
  return out;
}

MatrixXd LinearVisits::lagged(Index lag) const {
  MatrixXd out = MatrixXd::Zero(visits_, visits_);
  for (Index a = lag; a < visits_; ++a)
    out(a, a - lag) = out(a - lag, a) = 1;
  return out;
}

MatrixXd LinearVisits::whole(const VectorXd& psi) const {
  MatrixXd out = base_;
  for (Index k = 0; k < psi.size(); ++k)
    out += psi[k] * basis_[k];
  return out;
}

UnstructuredVisits::UnstructuredVisits(Index visits, Index bands) : LinearVisits(visits), banded_(bands < visits - 1) {
  for (Index j = 0; j < visits; ++j)
    for (Index i = j; i < visits && i <= j + bands; ++i) {
      const ResidualKind kind = i == j ? ResidualKind::variance : ResidualKind::covariance;
      add({kind, i, j, Step::natural, i == j ? 0 : -std::numeric_limits<double>::infinity()}, pair(i, j));
    }
}

std::vector<VectorXd> UnstructuredVisits::starts(const ResidualMoments& moments) const {
  VectorXd out = entries(moments.over(visits_));
  for (int halving = 0; halving < 40 && !positive_definite(whole(out)); ++halving)
    for (Index k = 0; k < out.size(); ++k)
      if (parameters_[k].row != parameters_[k].col) out[k] /= 2;
  return {out};
}

VectorXd UnstructuredVisits::moved(const VectorXd& psi, const VectorXd& step) const {
  if (banded_) return psi + step;
  const MatrixXd l = Eigen::LLT<MatrixXd>(whole(psi)).matrixL();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(whole(step));
  const VectorXd size = eigen.eigenvalues().array().exp();
  const MatrixXd inner = eigen.eigenvectors() * size.asDiagonal() * eigen.eigenvectors().transpose();
  return entries(l * inner * l.transpose());
}

MatrixXd UnstructuredVisits::jacobian(const VectorXd& psi) const {
  const Index k = psi.size();
  if (banded_) return MatrixXd::Identity(k, k);
  const MatrixXd l = Eigen::LLT<MatrixXd>(whole(psi)).matrixL();
  MatrixXd out(k, k);
  for (Index i = 0; i < k; ++i)
    out.col(i) = entries(l * basis_[i] * l.transpose());
  return out;
}

MatrixXd UnstructuredVisits::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  const Index k = psi.size();
  MatrixXd out = MatrixXd::Zero(k, k);
  if (banded_) return out;
  const MatrixXd l = Eigen::LLT<MatrixXd>(whole(psi)).matrixL();
  MatrixXd g = whole(gradient);
  g = ((g + MatrixXd(g.diagonal().asDiagonal())) / 2).eval();
  const MatrixXd inner = l.transpose() * g * l;
  for (Index i = 0; i < k; ++i) {
    const MatrixXd left = inner * basis_[i];
    for (Index j = 0; j <= i; ++j)
      out(i, j) = out(j, i) = left.cwiseProduct(basis_[j]).sum();
  }
  return out;
}

VectorXd LinearVisits::entries(const MatrixXd& m) const {
  VectorXd out(parameters_.size());
  for (Index k = 0; k < out.size(); ++k)
    out[k] = m(parameters_[k].row, parameters_[k].col);
  return out;
}

std::vector<VectorXd> LinearVisits::other_correlations(const MatrixXd& r) const {
  const VectorXd sd = r.diagonal().cwiseSqrt();
  std::vector<VectorXd> out;
  const auto add_matrix = [&](const auto& correlation) {
    MatrixXd c = MatrixXd::Identity(visits_, visits_);
    for (Index a = 0; a < visits_; ++a)
      for (Index b = 0; b < a; ++b) c(a, b) = c(b, a) = correlation(a, b);
    out.push_back(entries(sd.asDiagonal() * c * sd.asDiagonal()));
  };
  const double most = -0.9 / static_cast<double>(visits_ - 1);
  add_matrix([&](Index, Index) { return most; });
  add_matrix([](Index, Index) { return 0.9; });
  if (visits_ > 2)
    for (const double link : {-0.6, 0.6})
      add_matrix([link](Index a, Index b) { return std::pow(link, static_cast<double>(a - b)); });
  for (Index k = 0; k < visits_ && visits_ > 2 && visits_ <= kVisitsWithSigns; ++k)
    add_matrix([&](Index a, Index b) { return ((a == k) != (b == k) ? -1 : 1) * r(a, b) / (sd[a] * sd[b]); });
  return out;
}

std::vector<VectorXd> UnstructuredVisits::alternatives(const VectorXd& psi) const {
  if (banded_ || visits_ < 2) return {};
  return other_correlations(whole(psi));
}

DiagonalVisits::DiagonalVisits(Index visits) : LinearVisits(visits) {
  for (Index j = 0; j < visits; ++j)
    add({ResidualKind::variance, j, j, Step::logarithm, 0}, pair(j, j));
}

std::vector<VectorXd> DiagonalVisits::starts(const ResidualMoments& moments) const {
  return {moments.over(visits_).diagonal()};
}

CompoundSymmetry::CompoundSymmetry(Index visits, bool own) : LinearVisits(visits), own_(own) {
  if (own)
    add({ResidualKind::variance, 0, 0, Step::logarithm, 0}, MatrixXd::Identity(visits, visits));
  else
    base_ = MatrixXd::Identity(visits, visits);
  add({ResidualKind::covariance, 1, 0, Step::natural, -1}, MatrixXd::Ones(visits, visits));
}

std::vector<VectorXd> CompoundSymmetry::starts(const ResidualMoments& moments) const {
  const MatrixXd s = moments.over(visits_);
  const double d = static_cast<double>(s.rows()), mean = s.diagonal().mean();
  const double off = s.rows() < 2 ? 0.2 * mean : (s.sum() - s.trace()) / (d * (d - 1));
  const double within = std::max(mean - off, 0.05 * mean), relative = std::max(off / within, -0.5 / d);
  VectorXd out(own_ ? 2 : 1);
  if (own_)
    out << within, relative * within;
  else
    out << relative;
  return {out};
}

ToeplitzCovariance::ToeplitzCovariance(Index visits, Index bands) : LinearVisits(visits) {
  add({ResidualKind::variance, 0, 0, Step::logarithm, 0}, MatrixXd::Identity(visits, visits));
  for (Index lag = 1; lag <= std::min(bands, visits - 1); ++lag)
    add({ResidualKind::covariance, lag, 0, Step::natural}, lagged(lag));
}

std::vector<VectorXd> ToeplitzCovariance::starts(const ResidualMoments& moments) const {
  const MatrixXd s = moments.over(visits_);
  VectorXd out(parameters_.size());
  for (Index k = 0; k < out.size(); ++k)
    out[k] = s.cwiseProduct(basis_[k]).sum() / basis_[k].sum();
  for (int halving = 0; halving < 40 && !positive_definite(whole(out)); ++halving)
    out.tail(out.size() - 1) /= 2;
  return {out};
}

CorrelationEntries::CorrelationEntries(Index visits, Sharing sharing, Index bands, ResidualKind kind)
    : LinearVisits(visits), free_(sharing == Sharing::none && bands >= visits - 1) {
  base_ = MatrixXd::Identity(visits, visits);
  if (visits < 2) return;
  if (sharing == Sharing::all) {
    add({ResidualKind::correlation, 1, 0, Step::natural, -1, 1}, MatrixXd::Ones(visits, visits) - base_);
  } else if (sharing == Sharing::by_lag) {
    for (Index lag = 1; lag <= std::min(bands, visits - 1); ++lag) {
      add({kind, lag, 0, Step::natural, -1, 1}, lagged(lag));
    }
  } else {
    for (Index j = 0; j < visits; ++j)
      for (Index i = j + 1; i < visits && i <= j + bands; ++i) {
        add({ResidualKind::correlation, i, j, Step::natural, -1, 1}, pair(i, j));
      }
  }
}

std::vector<VectorXd> CorrelationEntries::starts(const ResidualMoments& moments) const {
  const MatrixXd s = moments.over(visits_);
  const VectorXd scale = s.diagonal().cwiseSqrt().cwiseInverse();
  const MatrixXd c = scale.asDiagonal() * s * scale.asDiagonal();
  VectorXd out(parameters_.size());
  for (Index k = 0; k < out.size(); ++k)
    out[k] = c.cwiseProduct(basis_[k]).sum() / basis_[k].sum();
  for (int halving = 0; halving < 40 && !positive_definite(whole(out)); ++halving)
    out /= 2;
  return {out};
}

std::vector<VectorXd> CorrelationEntries::alternatives(const VectorXd& psi) const {
  if (!free_ || visits_ < 2) return {};
  return other_correlations(whole(psi));
}

VectorXd CorrelationEntries::moved(const VectorXd& psi, const VectorXd& step) const {
  if (!free_) return LinearVisits::moved(psi, step);
  const MatrixXd l = Eigen::LLT<MatrixXd>(whole(psi)).matrixL();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(whole(step) - base_);
  const VectorXd size = eigen.eigenvalues().array().exp();
  const MatrixXd m = l * eigen.eigenvectors() * size.asDiagonal() * eigen.eigenvectors().transpose() * l.transpose();
  const VectorXd scale = m.diagonal().cwiseSqrt().cwiseInverse();
  return entries(scale.asDiagonal() * m * scale.asDiagonal());
}

MatrixXd CorrelationEntries::jacobian(const VectorXd& psi) const {
  if (!free_) return LinearVisits::jacobian(psi);
  const MatrixXd c = whole(psi), l = Eigen::LLT<MatrixXd>(c).matrixL();
  const VectorXd one = VectorXd::Ones(c.rows());
  MatrixXd out(psi.size(), psi.size());
  for (Index i = 0; i < psi.size(); ++i) {
    const MatrixXd m = l * basis_[i] * l.transpose();
    const VectorXd half = m.diagonal() / 2;
    out.col(i) = entries(m - c.cwiseProduct(half * one.transpose() + one * half.transpose()));
  }
  return out;
}

// d2 C_ab = d2 M_ab - C_ab (d2 M_aa + d2 M_bb) / 2 - dM_ab (dM_aa + dM_bb) / 2, both ways round,
// + C_ab (3/4 (dM_aa dM_aa + dM_bb dM_bb) + 1/4 (dM_aa dM_bb + dM_bb dM_aa)), summed with the gradient.
MatrixXd CorrelationEntries::curvature(const VectorXd& psi, const VectorXd& gradient) const {
  if (!free_) return LinearVisits::curvature(psi, gradient);
  const Index k = psi.size(), v = base_.rows();
  const MatrixXd c = whole(psi), l = Eigen::LLT<MatrixXd>(c).matrixL(), g = (whole(gradient) - base_) / 2;
  const MatrixXd gc = g.cwiseProduct(c);
  const VectorXd h = gc.rowwise().sum();
  const MatrixXd inner = l.transpose() * (g - MatrixXd(h.asDiagonal())) * l;
  MatrixXd diagonal(v, k), along(v, k), out(k, k);
  for (Index i = 0; i < k; ++i) {
    const MatrixXd m = l * basis_[i] * l.transpose();
    diagonal.col(i) = m.diagonal();
    along.col(i) = g.cwiseProduct(m).rowwise().sum();
    const MatrixXd left = inner * basis_[i];
    for (Index j = 0; j <= i; ++j)
      out(i, j) = out(j, i) = left.cwiseProduct(basis_[j]).sum();
  }
  const MatrixXd mixed = along.transpose() * diagonal;
  out += diagonal.transpose() * (1.5 * MatrixXd(h.asDiagonal()) + 0.5 * gc) * diagonal;
  out -= mixed + mixed.transpose();
  return (out + out.transpose()) / 2;
}

MatrixXd at_visits(const MatrixXd& whole, const MatrixXd& positions) {
  const Index n = positions.rows();
  MatrixXd out(n, n);
  for (Index a = 0; a < n; ++a)
    for (Index b = 0; b < n; ++b)
      out(a, b) = whole(static_cast<Index>(positions(a, 0)), static_cast<Index>(positions(b, 0)));
  return out;
}

}  // namespace henderson
