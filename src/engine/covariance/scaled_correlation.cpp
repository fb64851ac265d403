#include "henderson/covariance/scaled_correlation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace henderson {

static MatrixXd outer(const VectorXd& d) { return d * d.transpose(); }

VectorXd ScaledCorrelation::deviation_of(const VectorXd& first, Index q) const {
  return each_ ? VectorXd(first.head(q)) : VectorXd(VectorXd::Constant(q, first[0]));
}

VectorXd ScaledCorrelation::deviations_at(const VectorXd& theta, Index q) const {
  return each_ ? VectorXd(theta.head(q).cwiseAbs2()) : deviation_of(theta, q);
}

VectorXd ScaledCorrelation::rho_of(const VectorXd& theta, Index q) const {
  const Index m = correlation_->size(q);
  VectorXd rho(m);
  if (m == 0) return rho;
  const std::vector<Jet> jets = correlation_->rho_of(theta.tail(m), q);
  for (Index k = 0; k < m; ++k) rho[k] = jets[k].value;
  return rho;
}

MatrixXd ScaledCorrelation::correlation_matrix(const VectorXd& rho, Index q) const {
  return q < 2 ? MatrixXd(MatrixXd::Identity(q, q)) : correlation_->matrix(rho, q);
}

MatrixXd ScaledCorrelation::product_slope(const VectorXd& d, Index k) const {
  const Index q = d.size();
  if (!each_) return MatrixXd::Constant(q, q, 2 * d[0]);
  MatrixXd out = MatrixXd::Zero(q, q);
  out.row(k) += d.transpose();
  out.col(k) += d;
  return out;
}

MatrixXd ScaledCorrelation::product_bend(Index q, Index k, Index l) const {
  if (!each_) return MatrixXd::Constant(q, q, 2);
  MatrixXd out = MatrixXd::Zero(q, q);
  out(k, l) += 1;
  out(l, k) += 1;
  return out;
}

MatrixXd ScaledCorrelation::theta_slope(const VectorXd& theta, Index q, Index k) const {
  return (each_ ? 2 * theta[k] : 1.0) * product_slope(deviations_at(theta, q), k);
}

MatrixXd ScaledCorrelation::theta_bend(const VectorXd& theta, Index q, Index k, Index l) const {
  if (!each_) return product_bend(q, k, l);
  MatrixXd out = 4 * theta[k] * theta[l] * product_bend(q, k, l);
  if (k == l) out += 2 * product_slope(deviations_at(theta, q), k);
  return out;
}

VectorXd ScaledCorrelation::start(Index q) const {
  VectorXd out = VectorXd::Ones(n_parameters(q));
  const Index m = correlation_->size(q);
  if (m > 0) out.tail(m) = correlation_->eta_of(correlation_->start(q), q);
  return out;
}

MatrixXd ScaledCorrelation::factor(const VectorXd& theta, Index q) const {
  return deviations_at(theta, q).asDiagonal() * semidefinite_cholesky(correlation_matrix(rho_of(theta, q), q));
}

MatrixXd ScaledCorrelation::sigma(const VectorXd& theta, Index q) const {
  return outer(deviations_at(theta, q)).cwiseProduct(correlation_matrix(rho_of(theta, q), q));
}

MatrixXd ScaledCorrelation::sigma_derivative(const VectorXd& theta, Index q, Index k) const {
  const VectorXd d = deviations_at(theta, q), rho = rho_of(theta, q);
  if (k < deviations(q)) return theta_slope(theta, q, k).cwiseProduct(correlation_matrix(rho, q));
  const std::vector<Jet> jets = correlation_->rho_of(theta.tail(rho.size()), q);
  MatrixXd r = MatrixXd::Zero(q, q);
  for (Index m = 0; m < rho.size(); ++m) {
    const double slope = jets[m].first[k - deviations(q)];
    if (slope != 0) r += slope * correlation_->derivative(rho, q, m);
  }
  return outer(d).cwiseProduct(r);
}

MatrixXd ScaledCorrelation::half_curvature(const VectorXd& theta, Index q, Index k, Index l) const {
  if (k < l) std::swap(k, l);
  const Index first = deviations(q);
  const VectorXd d = deviations_at(theta, q), rho = rho_of(theta, q);
  if (k < first) return 0.5 * theta_bend(theta, q, k, l).cwiseProduct(correlation_matrix(rho, q));
  const std::vector<Jet> jets = correlation_->rho_of(theta.tail(rho.size()), q);
  MatrixXd r = MatrixXd::Zero(q, q);
  for (Index m = 0; m < rho.size(); ++m) {
    const double slope = l < first ? jets[m].first[k - first] : jets[m].second(k - first, l - first);
    if (slope != 0) r += slope * correlation_->derivative(rho, q, m);
    if (l < first || jets[m].first[k - first] == 0) continue;
    for (Index n = 0; n < rho.size(); ++n) {
      const double both = jets[m].first[k - first] * jets[n].first[l - first];
      if (both != 0) r += both * correlation_->second_derivative(rho, q, m, n);
    }
  }
  return 0.5 * (l < first ? theta_slope(theta, q, l) : outer(d)).cwiseProduct(r);
}

VectorXd ScaledCorrelation::project(const MatrixXd& sigma) const {
  const Index q = sigma.rows(), m = correlation_->size(q);
  VectorXd out = start(q);
  const VectorXd variance = sigma.diagonal().cwiseMax(0);
  const VectorXd d =
      each_ ? VectorXd(variance.cwiseSqrt()) : VectorXd(VectorXd::Constant(q, std::sqrt(variance.mean())));
  out.head(deviations(q)) = each_ ? VectorXd(d.cwiseSqrt()) : VectorXd(d.head(1));
  if (m == 0 || !(d.maxCoeff() > 0)) return out;
  MatrixXd r = MatrixXd::Identity(q, q);
  for (Index i = 0; i < q; ++i)
    for (Index j = 0; j < i; ++j)
      if (d[i] > 0 && d[j] > 0) r(i, j) = r(j, i) = sigma(i, j) / (d[i] * d[j]);
  out.tail(m) = correlation_->eta_of(correlation_->nearest(r), q);
  return out;
}

VectorXd ScaledCorrelation::scaled(const VectorXd& theta, Index q, double c) const {
  VectorXd out = theta;
  out.head(deviations(q)) *= each_ ? std::sqrt(c) : c;
  return out;
}

VectorXd ScaledCorrelation::canonical(const VectorXd& theta, Index q) const {
  VectorXd out = theta;
  out.head(deviations(q)) = theta.head(deviations(q)).cwiseAbs();
  for (Index k = deviations(q); k < out.size(); ++k) out[k] = std::asin(std::sin(theta[k]));
  return out;
}

VectorXd ScaledCorrelation::on_boundary(const VectorXd& theta, Index q, double negligible, bool& singular) const {
  VectorXd out = theta;
  const Index first = deviations(q);
  const VectorXd variance = deviations_at(theta, q).cwiseAbs2();
  const double largest = variance.maxCoeff();
  const double least = std::max(negligible, 1e-14 * largest);
  for (Index k = 0; k < first; ++k)
    if (variance[k] <= least) {
      out[k] = 0;
      singular = true;
    }
  for (Index k = first; k < theta.size(); ++k) {
    if (!(largest > least) || largest * std::pow(std::cos(theta[k]), 2) / 2 > least) continue;
    out[k] = std::asin(std::sin(theta[k]) > 0 ? 1.0 : -1.0);
    singular = true;
  }
  return out;
}

std::vector<Index> ScaledCorrelation::pivots(Index q) const {
  std::vector<Index> out(deviations(q));
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = static_cast<Index>(k);
  return out;
}

std::optional<Index> ScaledCorrelation::alone(Index q, Index column) const {
  return !each_ && q == 1 ? std::optional<Index>(column) : std::nullopt;
}

std::optional<Covariance::Entry> ScaledCorrelation::entry_of(Index parameter, Index q, double value) const {
  const Index first = deviations(q);
  if (parameter < first) return Entry{parameter, each_ ? std::sqrt(std::sqrt(value)) : std::sqrt(value)};
  if (linear_ || correlation_->size(q) != 1) return std::nullopt;
  return Entry{parameter, correlation_->eta_of(VectorXd::Constant(1, value), q)[0]};
}

std::vector<Parameter> ScaledCorrelation::parameters(Index q) const {
  std::vector<Parameter> out(deviations(q));
  for (Index k = 0; k < deviations(q); ++k) {
    out[k].row = out[k].col = k;
    out[k].lower = 0;
  }
  if (q < 2) return out;
  for (Parameter own : correlation_->parameters(q)) {
    if (linear_) {
      own.kind = Kind::covariance;
      own.lower = -std::numeric_limits<double>::infinity();
      own.upper = std::numeric_limits<double>::infinity();
    }
    out.push_back(own);
  }
  return out;
}

MatrixXd ScaledCorrelation::sigma_of(const VectorXd& psi, Index q) const {
  if (linear_) return Covariance::sigma_of(psi, q);
  const VectorXd d = deviation_of(psi.head(deviations(q)).cwiseSqrt(), q);
  return outer(d).cwiseProduct(correlation_matrix(psi.tail(correlation_->size(q)), q));
}

MatrixXd ScaledCorrelation::derivative(const VectorXd& psi, Index q, Index k) const {
  const Index first = deviations(q), m = correlation_->size(q);
  if (linear_) return k == 0 ? MatrixXd(MatrixXd::Identity(q, q)) : correlation_->derivative(psi.tail(m), q, k - 1);
  const VectorXd rho = psi.tail(m);
  if (k >= first) {
    return outer(deviation_of(psi.head(first).cwiseSqrt(), q))
        .cwiseProduct(correlation_->derivative(rho, q, k - first));
  }
  if (!each_) return correlation_matrix(rho, q);
  if (!(psi[k] > 0)) return VectorXd::Unit(q, k).asDiagonal();
  const VectorXd d = deviation_of(psi.head(first).cwiseSqrt(), q);
  return product_slope(d, k).cwiseProduct(correlation_matrix(rho, q)) / (2 * d[k]);
}

MatrixXd ScaledCorrelation::second_derivative(const VectorXd& psi, Index q, Index k, Index l) const {
  if (k < l) std::swap(k, l);
  const Index first = deviations(q), m = correlation_->size(q);
  const VectorXd rho = psi.tail(m);
  const MatrixXd none = MatrixXd::Zero(q, q);
  if (linear_) return none;
  const VectorXd d = deviation_of(psi.head(first).cwiseSqrt(), q);
  if (l >= first) return outer(d).cwiseProduct(correlation_->second_derivative(rho, q, k - first, l - first));
  if (k >= first && !each_) return correlation_->derivative(rho, q, k - first);
  if (!each_ || !(d[l] > 0)) return none;
  if (k >= first) return product_slope(d, l).cwiseProduct(correlation_->derivative(rho, q, k - first)) / (2 * d[l]);
  if (!(d[k] > 0)) return none;
  MatrixXd out = product_bend(q, k, l) / (4 * d[k] * d[l]);
  if (k == l) out -= product_slope(d, k) / (4 * d[k] * d[k] * d[k]);
  return out.cwiseProduct(correlation_matrix(rho, q));
}

VectorXd ScaledCorrelation::psi(const VectorXd& theta, Index q) const {
  const Index first = deviations(q);
  VectorXd out(theta.size());
  out.head(first) = deviations_at(theta, q).head(first).cwiseAbs2();
  out.tail(theta.size() - first) = rho_of(theta, q);
  if (linear_) out.tail(theta.size() - first) *= out[0];
  return out;
}

MatrixXd ScaledCorrelation::jacobian(const VectorXd& theta, Index q) const {
  const Index first = deviations(q), m = correlation_->size(q);
  MatrixXd out = MatrixXd::Zero(theta.size(), theta.size());
  for (Index k = 0; k < first; ++k) out(k, k) = each_ ? 4 * theta[k] * theta[k] * theta[k] : 2 * theta[k];
  if (m == 0) return out;
  const std::vector<Jet> jets = correlation_->rho_of(theta.tail(m), q);
  const double unit = linear_ ? theta[0] * theta[0] : 1;
  for (Index k = 0; k < m; ++k) {
    out.row(first + k).tail(m) = unit * jets[k].first.transpose();
    if (linear_) out(first + k, 0) = 2 * theta[0] * jets[k].value;
  }
  return out;
}

}  // namespace henderson
