#include "henderson/residual/matern.hpp"

#include <cmath>

namespace henderson {

namespace {

// First and second derivative of log Gamma: recurrence up to 10, then the asymptotic series.
double digamma(double x) {
  double out = 0;
  for (; x < 10; ++x)
    out -= 1 / x;
  const double y = 1 / (x * x);
  return out + std::log(x) - 0.5 / x -
         y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * 691.0 / 32760)))));
}

double trigamma(double x) {
  double out = 0;
  for (; x < 10; ++x)
    out += 1 / (x * x);
  const double y = 1 / (x * x);
  const double series = 1.0 / 6 - y * (1.0 / 30 - y * (1.0 / 42 - y * (1.0 / 30 - y * (5.0 / 66 - y * 691.0 / 2730))));
  return out + 1 / x + 0.5 * y + y / x * series;
}

}  // namespace

// K_nu(u) is the integral of exp(-u cosh t) cosh(nu t) over t > 0 (DLMF 10.32.9). The trapezoidal rule converges
// geometrically for it; derivatives are integrals of the same kind.
MaternLogarithm matern_logarithm(double u, double nu) {
  const double h = std::min(0.1, 0.5 / std::pow(u * u + nu * nu, 0.25)), peak = std::asinh(nu / u);
  const double most = nu * peak - u * std::cosh(peak);
  double k = 0, k_u = 0, k_uu = 0, k_n = 0, k_nn = 0, k_nu = 0;
  for (Index i = 0;; ++i) {
    const double t = static_cast<double>(i) * h, c = std::cosh(t), even = nu * t - u * c - most;
    if (t > peak && even < -45) break;
    const double up = std::exp(even) / 2, down = std::exp(even - 2 * nu * t) / 2, w = i == 0 ? 0.5 : 1;
    const double sum = w * (up + down), odd = w * t * (up - down);
    k += sum;
    k_u -= c * sum;
    k_uu += c * c * sum;
    k_n += odd;
    k_nn += t * t * sum;
    k_nu -= c * odd;
  }
  MaternLogarithm out;
  const double a = k_u / k, b = k_n / k;
  out.value = (1 - nu) * std::log(2.0) - std::lgamma(nu) + nu * std::log(u) + std::log(k * h) + most;
  out.u = nu / u + a;
  out.nu = -std::log(2.0) - digamma(nu) + std::log(u) + b;
  out.uu = -nu / (u * u) + k_uu / k - a * a;
  out.nu_u = 1 / u + k_nu / k - a * b;
  out.nu_nu = -trigamma(nu) + k_nn / k - b * b;
  return out;
}

std::vector<ResidualParameter> Matern::parameters() const {
  std::vector<ResidualParameter> out = {range_parameter()};
  if (!(shape_ > 0)) out.push_back({ResidualKind::exponent, 0, 0, Step::logarithm, 0});
  return out;
}

KernelValue Matern::at(double distance, const VectorXd& psi) const {
  const double range = psi[0], u = distance / range, nu = shape_ > 0 ? shape_ : psi[1];
  KernelValue out;
  if (distance == 0) return out;
  if (!(u > 0) || !(nu > 0) || !std::isfinite(u) || !(nu < 1e4)) {
    out.value = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  if (u > 700) {
    out.value = 0;
    return out;
  }
  const MaternLogarithm l = matern_logarithm(u, nu);
  const double c = std::exp(l.value), u_r = -u / range, u_rr = 2 * u / (range * range);
  const double first = l.u * u_r;
  out.value = c;
  out.d[0] = c * first;
  out.d[1] = c * l.nu;
  out.dd[0] = c * (first * first + l.uu * u_r * u_r + l.u * u_rr);
  out.dd[1] = c * (first * l.nu + l.nu_u * u_r);
  out.dd[2] = c * (l.nu * l.nu + l.nu_nu);
  return out;
}

std::vector<VectorXd> Matern::starts(const ResidualMoments& moments) const {
  std::vector<VectorXd> out;
  const double span = std::max(1.5, moments.longest / moments.shortest);
  for (const double share : {0.25, 0.0, 0.6})
    for (const double shape : {0.5, 1.5}) {
      VectorXd own(shape_ > 0 ? 1 : 2);
      own[0] = moments.shortest * std::pow(span, share);
      if (!(shape_ > 0)) own[1] = shape;
      out.push_back(own);
      if (shape_ > 0) break;
    }
  return out;
}

}  // namespace henderson
