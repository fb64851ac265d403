#include "henderson/residual/arma.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

namespace {

SeriesJet number(double value, Index k) {
  return {value, VectorXd::Zero(k), MatrixXd::Zero(k, k)};
}

SeriesJet variable(double value, Index at, Index k) {
  SeriesJet out = number(value, k);
  if (k > 0) out.d[at] = 1;
  return out;
}

// a += s b c
void add_product(SeriesJet& a, const SeriesJet& b, const SeriesJet& c, double s = 1) {
  a.value += s * b.value * c.value;
  if (a.d.size() == 0) return;
  a.d += s * (b.value * c.d + c.value * b.d);
  const MatrixXd cross = b.d * c.d.transpose();
  a.dd += s * (b.value * c.dd + c.value * b.dd + cross + cross.transpose());
}

SeriesJet product(const SeriesJet& a, const SeriesJet& b) {
  SeriesJet out = number(0, a.d.size());
  add_product(out, a, b);
  return out;
}

SeriesJet inverse(const SeriesJet& a) {
  const double v = 1 / a.value;
  SeriesJet out = {v, -v * v * a.d, MatrixXd()};
  out.dd = -v * v * a.dd + 2 * v * v * v * a.d * a.d.transpose();
  return out;
}

// Solves the system with rows `a` (coefficients, then the right side) by elimination with pivoting.
std::vector<SeriesJet> solved(std::vector<std::vector<SeriesJet>> a) {
  const std::size_t n = a.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < n; ++r)
      if (std::abs(a[r][c].value) > std::abs(a[pivot][c].value)) pivot = r;
    std::swap(a[c], a[pivot]);
    const SeriesJet scale = inverse(a[c][c]);
    for (std::size_t j = c; j <= n; ++j)
      a[c][j] = product(a[c][j], scale);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const SeriesJet factor = a[r][c];
      for (std::size_t j = c; j <= n; ++j)
        add_product(a[r][j], factor, a[c][j], -1);
    }
  }
  std::vector<SeriesJet> out;
  for (const std::vector<SeriesJet>& row : a)
    out.push_back(row[n]);
  return out;
}

// Is x_t = sum phi_i x_(t-i) + e_t stationary? All partial correlations lie between -1 and 1.
bool stationary(VectorXd phi) {
  for (Index p = phi.size(); p > 0; --p) {
    const double last = phi[p - 1];
    if (!(std::abs(last) < 1)) return false;
    const VectorXd before = phi.head(p - 1);
    phi = (before + last * before.reverse()) / (1 - last * last);
  }
  return true;
}

// Covariances of x_t with sum theta_j e_(t+h-j) at h = 0, ..., q.
std::vector<SeriesJet> innovations(const std::vector<SeriesJet>& phi, const std::vector<SeriesJet>& theta, Index k) {
  const std::size_t q = theta.size() - 1;
  std::vector<SeriesJet> weight = {number(1, k)}, out;
  for (std::size_t j = 1; j <= q; ++j) {
    SeriesJet own = theta[j];
    for (std::size_t i = 1; i <= std::min(j, phi.size()); ++i)
      add_product(own, phi[i - 1], weight[j - i]);
    weight.push_back(own);
  }
  for (std::size_t h = 0; h <= q; ++h) {
    out.push_back(number(0, k));
    for (std::size_t j = h; j <= q; ++j)
      add_product(out[h], theta[j], weight[j - h]);
  }
  return out;
}

// Covariances at lags 0, ..., p from the Yule-Walker equations.
std::vector<SeriesJet> first_covariances(const std::vector<SeriesJet>& phi, const std::vector<SeriesJet>& right,
                                         Index k) {
  const std::size_t p = phi.size();
  std::vector<std::vector<SeriesJet>> a(p + 1, std::vector<SeriesJet>(p + 2, number(0, k)));
  for (std::size_t h = 0; h <= p; ++h) {
    a[h][h].value += 1;
    for (std::size_t i = 1; i <= p; ++i)
      add_product(a[h][h >= i ? h - i : i - h], phi[i - 1], number(1, k), -1);
    if (h < right.size()) a[h][p + 1] = right[h];
  }
  return solved(std::move(a));
}

}  // namespace

std::vector<SeriesJet> arma_correlations(const VectorXd& phi, const VectorXd& theta, Index lags, bool derivatives) {
  const Index p = phi.size(), q = theta.size(), k = derivatives ? p + q : 0;
  if (!stationary(phi)) return std::vector<SeriesJet>(lags + 1, number(std::numeric_limits<double>::quiet_NaN(), k));
  std::vector<SeriesJet> f, t = {number(1, k)};
  for (Index i = 0; i < p; ++i)
    f.push_back(variable(phi[i], i, k));
  for (Index j = 0; j < q; ++j)
    t.push_back(variable(theta[j], p + j, k));
  const std::vector<SeriesJet> right = innovations(f, t, k);
  std::vector<SeriesJet> out = first_covariances(f, right, k);
  for (Index h = p + 1; h <= lags; ++h) {
    out.push_back(h <= q ? right[h] : number(0, k));
    for (Index i = 1; i <= p; ++i)
      add_product(out[h], f[i - 1], out[h - i]);
  }
  const SeriesJet scale = inverse(out[0]);
  for (SeriesJet& own : out)
    own = product(own, scale);
  return out;
}

std::vector<ResidualParameter> ArmaSeries::parameters() const {
  std::vector<ResidualParameter> out;
  for (Index i = 0; i < p_; ++i)
    out.push_back({ResidualKind::autoregression, i, 0, Step::natural});
  for (Index j = 0; j < q_; ++j)
    out.push_back({ResidualKind::moving_average, j, 0, Step::natural});
  return out;
}

void ArmaSeries::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index n = positions.rows(), k = psi.size();
  out.start(k, n, order);
  const VectorXd at = positions.col(0);
  const Index lags = n > 0 ? static_cast<Index>(std::lround(at.maxCoeff() - at.minCoeff())) : 0;
  const std::vector<SeriesJet> c = arma_correlations(psi.head(p_), psi.tail(q_), lags, order > 0);
  for (Index a = 0; a < n; ++a)
    for (Index b = 0; b < a; ++b) {
      const SeriesJet& own = c[std::lround(std::abs(at[a] - at[b]))];
      out.r(a, b) = out.r(b, a) = own.value;
      for (Index i = 0; order > 0 && i < k; ++i) {
        out.d[i](a, b) = out.d[i](b, a) = own.d[i];
        for (Index j = 0; order > 1 && j <= i; ++j)
          out.second(i, j)(a, b) = out.second(i, j)(b, a) = own.dd(i, j);
      }
    }
}

// The Yule-Walker coefficients of the correlations that the residuals have, and small ones of either kind.
std::vector<VectorXd> ArmaSeries::starts(const ResidualMoments& moments) const {
  const double r = moments.lag_correlation(1);
  std::vector<VectorXd> out;
  VectorXd own = VectorXd::Zero(p_ + q_);
  if (p_ > 0) {
    MatrixXd left = MatrixXd::Identity(p_, p_);
    VectorXd right(p_);
    for (Index a = 0; a < p_; ++a) {
      right[a] = moments.lag_correlation(a + 1);
      for (Index b = 0; b < a; ++b)
        left(a, b) = left(b, a) = moments.lag_correlation(a - b);
    }
    own.head(p_) = left.fullPivLu().solve(right);
    for (int halving = 0; halving < 20 && !stationary(own.head(p_)); ++halving)
      own.head(p_) *= 0.7;
    out.push_back(own);
  }
  if (q_ == 0) return out;
  own.setZero();
  own[p_] = std::max(-0.6, std::min(0.6, r));
  out.push_back(own);
  if (p_ == 0) {                            // pairs of roots in each direction
    own.setZero();
    for (const double first : {0.7, -0.7, 0.0}) {
      if (q_ < 2) break;
      own[0] = first;
      own[1] = first == 0 ? -0.5 : 0.49;
      out.push_back(own);
    }
    return out;
  }
  own[0] = 0.5 * r;
  own[p_] = 0.3;
  out.push_back(own);
  own[0] = std::max(-0.9, std::min(0.9, 0.9 * r + 0.3));
  own[p_] = -0.3;
  out.push_back(own);
  for (const double sign : {-1.0, 1.0}) {   // nearly a common factor of both polynomials
    own[0] = 0.7 * sign;
    own[p_] = -0.85 * sign;
    out.push_back(own);
  }
  return out;
}

VectorXd ArmaSeries::canonical(const VectorXd& psi) const {
  if (q_ == 0) return psi;
  MatrixXd companion = MatrixXd::Zero(q_, q_);
  companion.row(0) = -psi.tail(q_).transpose();
  companion.bottomLeftCorner(q_ - 1, q_ - 1).setIdentity();
  const Eigen::VectorXcd roots = companion.eigenvalues();
  if (!(roots.cwiseAbs().maxCoeff() > 1)) return psi;
  Eigen::VectorXcd polynomial = Eigen::VectorXcd::Zero(q_ + 1);
  polynomial[0] = 1;
  for (Index i = 0; i < q_; ++i) {
    const std::complex<double> root = std::abs(roots[i]) > 1 ? 1.0 / std::conj(roots[i]) : roots[i];
    for (Index j = i + 1; j > 0; --j)
      polynomial[j] -= root * polynomial[j - 1];
  }
  VectorXd out = psi;
  out.tail(q_) = polynomial.tail(q_).real();
  return out;
}

}  // namespace henderson
