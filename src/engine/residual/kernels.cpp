#include "henderson/residual/kernels.hpp"

#include <unordered_map>

namespace henderson {

KernelValue Autoregressive::at(double h, const VectorXd& psi) const {
  KernelValue out;
  out.value = std::pow(psi[0], h);
  out.d[0] = h * std::pow(psi[0], h - 1);
  out.dd[0] = h < 2 ? 0 : h * (h - 1) * std::pow(psi[0], h - 2);
  return out;
}

std::vector<VectorXd> Autoregressive::starts(const ResidualMoments& moments) const {
  return {VectorXd::Constant(1, lag_one_correlation(moments))};
}

std::vector<ResidualParameter> AutoregressiveMovingAverage::parameters() const {
  return {correlation_parameter(1), correlation_parameter(2)};
}

KernelValue AutoregressiveMovingAverage::at(double h, const VectorXd& psi) const {
  const double rho = psi[0], gamma = psi[1], power = std::pow(rho, h - 1);
  const double slope = h < 2 ? 0 : (h - 1) * std::pow(rho, h - 2);
  KernelValue out;
  out.value = gamma * power;
  out.d[0] = gamma * slope;
  out.d[1] = power;
  out.dd[0] = h < 3 ? 0 : gamma * (h - 1) * (h - 2) * std::pow(rho, h - 3);
  out.dd[1] = slope;
  return out;
}

std::vector<VectorXd> AutoregressiveMovingAverage::starts(const ResidualMoments& moments) const {
  const double r = lag_one_correlation(moments);
  VectorXd a(2), b(2);
  a << 0.9 * r, r;
  b << 0.5, 0.3 * (r < 0 ? -1 : 1);
  return {a, b};
}

// The range whose correlations are nearest to those of neighbors, by least squares on a grid.
double RangeKernel::nearest(const ResidualMoments& moments, double low, double high) const {
  constexpr int steps = 100;
  double best = low, least = std::numeric_limits<double>::infinity();
  for (int k = 0; k <= steps; ++k) {
    const double range = low * std::pow(high / low, static_cast<double>(k) / steps);
    double sum = 0;
    for (std::size_t b = 0; b < moments.pairs.size(); ++b) {
      const double off = moments.correlation[b] - at(moments.distance[b], VectorXd::Constant(1, range)).value;
      sum += moments.pairs[b] * off * off;
    }
    if (sum < least) {
      least = sum;
      best = range;
    }
  }
  return best;
}

std::vector<VectorXd> RangeKernel::starts(const ResidualMoments& moments) const {
  std::vector<VectorXd> out;
  const double low = moments.shortest, high = moments.longest;
  if (!moments.pairs.empty()) out.push_back(VectorXd::Constant(1, nearest(moments, 0.3 * low, 3 * high)));
  for (const double share : {0.25, 0.0, 0.6}) {
    out.push_back(VectorXd::Constant(1, low * std::pow(std::max(1.5, high / low), share)));
  }
  return out;
}

KernelValue Exponential::at(double h, const VectorXd& psi) const {
  const double s = psi[0], x = h / s;
  KernelValue out;
  out.value = std::exp(-x);
  out.d[0] = out.value * x / s;
  out.dd[0] = out.value * (x * x - 2 * x) / (s * s);
  return out;
}

KernelValue Gaussian::at(double h, const VectorXd& psi) const {
  const double s = psi[0], u = (h / s) * (h / s);
  KernelValue out;
  out.value = std::exp(-u);
  out.d[0] = out.value * 2 * u / s;
  out.dd[0] = out.value * (4 * u * u - 6 * u) / (s * s);
  return out;
}

KernelValue Spherical::at(double h, const VectorXd& psi) const {
  const double s = psi[0], x = h / s;
  KernelValue out;
  out.value = 0;
  if (x >= 1) return out;
  out.value = 1 - 1.5 * x + 0.5 * x * x * x;
  out.d[0] = 1.5 * (x - x * x * x) / s;
  out.dd[0] = 1.5 * (4 * x * x * x - 2 * x) / (s * s);
  return out;
}

std::vector<VectorXd> CompactKernel::starts(const ResidualMoments& moments) const {
  std::vector<VectorXd> out;
  for (Index k = 0; k <= 8; ++k)
    out.push_back(VectorXd::Constant(
        1, 1.3 * moments.shortest * std::pow(2 * moments.longest / moments.shortest, static_cast<double>(k) / 8)));
  return out;
}

KernelValue LinearDecay::at(double h, const VectorXd& psi) const {
  const double s = psi[0], x = h / s;
  KernelValue out;
  out.value = 0;
  if (x >= 1) return out;
  out.value = 1 - x;
  out.d[0] = x / s;
  out.dd[0] = -2 * x / (s * s);
  return out;
}

KernelValue RationalQuadratic::at(double h, const VectorXd& psi) const {
  const double s = psi[0], u = (h / s) * (h / s), below = 1 + u;
  KernelValue out;
  out.value = 1 / below;
  out.d[0] = 2 * u / (s * below * below);
  out.dd[0] = 2 * u * (u - 3) / (s * s * below * below * below);
  return out;
}

std::vector<KernelValue> Stationary::links(const VectorXd& psi, const VectorXd& positions) const {
  std::vector<KernelValue> out;
  for (Index t = 1; t < positions.size(); ++t)
    out.push_back(kernel_->at(positions[t] - positions[t - 1], psi));
  return out;
}

double Stationary::distance(const MatrixXd& positions, Index a, Index b) const {
  const auto gap = positions.row(a) - positions.row(b);
  if (metric_ == Metric::manhattan) return gap.lpNorm<1>();
  return metric_ == Metric::maximum ? gap.lpNorm<Eigen::Infinity>() : gap.norm();
}

void Stationary::beside(double range, const MatrixXd& positions, double& below, double& above) const {
  for (Index a = 0; a < positions.rows(); ++a)
    for (Index b = 0; b < a; ++b) {
      const double d = distance(positions, a, b);
      if (d <= range) below = std::max(below, d);
      if (d >= range) above = std::min(above, d);
    }
}

void Stationary::fill(const VectorXd& psi, const MatrixXd& positions, int order, ResidualMatrices& out) const {
  const Index n = positions.rows(), k = psi.size();
  out.start(k, n, order);
  std::unordered_map<double, KernelValue> known;
  const bool looked_up = n > 8 && kernel_->costly();
  const auto value_at = [&](double d) {
    if (!looked_up) return kernel_->at(d, psi);
    const auto found = known.find(d);
    return found != known.end() ? found->second : known.emplace(d, kernel_->at(d, psi)).first->second;
  };
  for (Index a = 0; a < n; ++a)
    for (Index b = 0; b < a; ++b) {
      const KernelValue v = value_at(distance(positions, a, b));
      out.r(a, b) = out.r(b, a) = v.value;
      for (Index i = 0; i < static_cast<Index>(out.d.size()); ++i)
        out.d[i](a, b) = out.d[i](b, a) = v.d[i];
      for (std::size_t i = 0; i < out.dd.size(); ++i)
        out.dd[i](a, b) = out.dd[i](b, a) = v.dd[i];
    }
}

ResidualParameter correlation_parameter(Index row, Index col) {
  return {ResidualKind::correlation, row, col, Step::hyperbolic, -1, 1};
}

double lag_one_correlation(const ResidualMoments& moments) {
  const MatrixXd& s = moments.covariance;
  if (s.rows() < 2) return moments.lag_correlation(1);
  const VectorXd sd = s.diagonal().cwiseSqrt();
  double sum = 0;
  for (Index a = 1; a < s.rows(); ++a)
    sum += s(a, a - 1) / (sd[a] * sd[a - 1]);
  return std::min(0.9, std::max(-0.5, sum / static_cast<double>(s.rows() - 1)));
}

}  // namespace henderson
