#include "henderson/inference/spectral_draws.hpp"

#include <Eigen/Eigenvalues>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;
using henderson::Spectrum;
using henderson::SpectralRatio;

namespace {

struct StandardRandom : henderson::RandomSource {
  std::mt19937_64 engine{11};
  double uniform() override { return std::uniform_real_distribution<double>(1e-12, 1)(engine); }
  double chi_square(double df) override { return std::gamma_distribution<double>(df / 2, 2)(engine); }
};

Spectrum spectrum_of(const std::vector<double>& value, const std::vector<double>& count, double rest) {
  Spectrum out;
  out.value = Eigen::Map<const VectorXd>(value.data(), value.size());
  out.count = Eigen::Map<const VectorXd>(count.data(), count.size());
  out.penalty_value = out.value;
  out.penalty_count = out.count;
  out.rest = rest;
  out.nu = out.count.sum() + rest;
  return out;
}

// By maximum likelihood: other eigenvalues in the penalty, one more of them, and a larger factor.
Spectrum with_own_penalty(Spectrum x) {
  const Index k = x.value.size();
  x.penalty_value.resize(k + 1);
  x.penalty_value << 1.3 * x.value, 0.7 * x.value[k - 1];
  x.penalty_count.resize(k + 1);
  x.penalty_count << x.count, 1;
  x.nu += 3;
  return x;
}

double criterion(const Spectrum& x, const VectorXd& w, double v, double lambda) {
  double d = v, penalty = 0;
  for (Index k = 0; k < w.size(); ++k) d += w[k] / (1 + lambda * x.value[k]);
  for (Index k = 0; k < x.penalty_value.size(); ++k)
    penalty += x.penalty_count[k] * std::log1p(lambda * x.penalty_value[k]);
  return x.nu * std::log((w.sum() + v) / d) - penalty;
}

// The highest of many points, with ever more of them around the best.
double brute_maximum(const Spectrum& x, const VectorXd& w, double v) {
  double best = 0, where = 0, low = -30, high = 45;
  for (int round = 0; round < 5; ++round) {
    const double step = (high - low) / (round == 0 ? 1500 : 60);
    for (double s = low; s <= high; s += step) {
      const double f = criterion(x, w, v, std::exp(s));
      if (f > best) {
        best = f;
        where = s;
      }
    }
    low = where - 2 * step;
    high = where + 2 * step;
  }
  return best;
}

const std::vector<Spectrum>& spectra() {
  static const std::vector<Spectrum> all{spectrum_of({1}, {1}, 1),
                                         spectrum_of({1, 0.5}, {1, 3}, 2),
                                         spectrum_of({1, 0.9, 0.5, 0.31, 0.3}, {1, 1, 2, 1, 4}, 10),
                                         spectrum_of({1, 1e-2, 1e-5, 1e-6}, {1, 1, 1, 1}, 30),
                                         spectrum_of({1, 1e-3, 9e-4}, {2, 40, 1}, 500),
                                         spectrum_of({1, 0.2, 1e-4}, {1, 1, 60}, 3),
                                         spectrum_of({1, 0.1, 0.01}, {3, 3, 3}, 0)};
  return all;
}

}  // namespace

TEST_CASE("the highest point of the criterion is found, also when there are several") {
  StandardRandom random;
  henderson::Checkpoint checkpoint;
  int several = 0, positive = 0;
  for (const Spectrum& restricted : spectra()) {
    for (const bool own : {false, true}) {
      const Spectrum x = own ? with_own_penalty(restricted) : restricted;
      if (own && x.rest == 0) continue;          // the likelihood has no bound
      const Index k = x.value.size(), m = 24;
      MatrixXd w(k, m);
      VectorXd v(m);
      for (Index j = 0; j < m; ++j) {
        for (Index i = 0; i < k; ++i) {
          // Every third column is not from the null distribution: large and small parts at random.
          w(i, j) = random.chi_square(x.count[i]) * (j % 3 == 0 ? std::exp(6 * random.uniform() - 3) : 1);
        }
        v[j] = x.rest > 0 ? random.chi_square(x.rest) : 0;
      }
      const VectorXd found = SpectralRatio(x).maxima(w, v, checkpoint);
      for (Index j = 0; j < m; ++j) {
        const double truth = brute_maximum(x, w.col(j), v[j]);
        INFO("eigenvalues " << k << ", column " << j << ", own penalty " << own);
        CHECK(std::abs(found[j] - truth) < 1e-7 * (1 + truth));
        positive += truth > 0;
        several += truth > 0 && criterion(x, w.col(j), v[j], 1e-9) < 0;      // falls at first, rises later
      }
    }
  }
  CHECK(positive > 100);
  CHECK(several > 2);
}

// X, Z and y at random: the restricted likelihood by n x n matrices, at many lambda.
TEST_CASE("the maximum is the restricted likelihood ratio of the dense formulas") {
  Rng rng(7);
  const Index n = 14, levels = 4, p = 2;
  MatrixXd x(n, p), z = MatrixXd::Zero(n, levels);
  VectorXd y(n);
  for (Index i = 0; i < n; ++i) {
    x(i, 0) = 1;
    x(i, 1) = normal(rng);
    y[i] = normal(rng);
    z(i, i < 4 ? i : (i * i) % levels) = 1 + 0.1 * static_cast<double>(i);
  }
  y += 2 * z.col(1) - z.col(0);
  const MatrixXd q = MatrixXd::Identity(n, n) - x * (x.transpose() * x).inverse() * x.transpose();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> inner(q * z * z.transpose() * q);
  std::vector<double> value, count;
  const double largest = inner.eigenvalues()[n - 1];
  VectorXd w(levels);
  double v = (q * y).squaredNorm();
  for (Index k = 0; k < levels; ++k) {
    value.push_back(inner.eigenvalues()[n - 1 - k] / largest);
    count.push_back(1);
    w[k] = std::pow(inner.eigenvectors().col(n - 1 - k).dot(y), 2);
    v -= w[k];
  }
  const Spectrum spectrum = spectrum_of(value, count, static_cast<double>(n - p - levels));
  double best = 0, null = 0;
  for (int step = -1; step < 800; ++step) {
    const double lambda = step < 0 ? 0 : std::exp(-4 + step * 0.01);
    const MatrixXd sigma = MatrixXd::Identity(n, n) + lambda * z * z.transpose();
    const MatrixXd inverse = sigma.inverse(), information = x.transpose() * inverse * x;
    const VectorXd residual = y - x * information.ldlt().solve(x.transpose() * inverse * y);
    const double value_at = -std::log(sigma.determinant()) - std::log(information.determinant()) -
                            static_cast<double>(n - p) * std::log(residual.dot(inverse * residual));
    if (step < 0) null = value_at;
    best = std::max(best, value_at - null);
  }
  henderson::Checkpoint checkpoint;
  const VectorXd found = SpectralRatio(spectrum).maxima(w, VectorXd::Constant(1, v), checkpoint);
  CHECK(best > 0.5);
  CHECK(found[0] >= best - 1e-9);
  CHECK(found[0] - best < 1e-5);
}

TEST_CASE("the squares of the polar method are independent chi-squares") {
  StandardRandom random;
  VectorXd df(5), draw(5), sum = VectorXd::Zero(5);
  df << 1, 2, 1, 1, 7;
  MatrixXd product = MatrixXd::Zero(5, 5);
  const int n = 40000;
  int below = 0;
  for (int i = 0; i < n; ++i) {
    henderson::fill_chi_squares(random, df, draw);
    const VectorXd off = (draw - df).cwiseQuotient((2 * df).cwiseSqrt());
    sum += off;
    product += off * off.transpose();
    below += draw[0] < 0.45493642311957283;      // median of the chi-square with one degree of freedom
  }
  for (Index i = 0; i < 5; ++i) {
    CHECK(std::abs(sum[i]) < 4.5 * std::sqrt(n));
    CHECK(std::abs(product(i, i) - n) <
          4.5 * std::sqrt((2 + 12 / df[i]) * n));  // variance of the squares: kurtosis - 1
    for (Index j = 0; j < i; ++j) CHECK(std::abs(product(i, j)) < 4.5 * std::sqrt(n));
  }
  CHECK(std::abs(below - n / 2) < 4.5 * std::sqrt(n / 4.0));
}

TEST_CASE("draws come in blocks, with the part of tested coefficients") {
  Spectrum x = spectrum_of({1, 0.5, 0.2}, {1, 1, 2}, 9);
  henderson::Checkpoint checkpoint;
  StandardRandom a, b;
  const VectorXd plain = SpectralRatio(x).draws(1000, a, checkpoint);
  CHECK(plain.size() == 1000);
  CHECK(plain.minCoeff() == 0);
  x.tested = 2;
  const VectorXd with_two = SpectralRatio(x).draws(4000, b, checkpoint);
  CHECK(with_two.minCoeff() > 0);
  // At least the ratio for the coefficients alone: its mean is nu (digamma(nu / 2 + 1) - digamma(nu / 2)) = nu * 2 /
  // nu.
  CHECK(with_two.mean() > 2 * 13.0 / 13.0);
}
