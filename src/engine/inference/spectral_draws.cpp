#include "henderson/inference/spectral_draws.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace henderson {

namespace {

// Two independent chi-squares with one degree of freedom: the squares of Marsaglia's polar method.
void chi_square_pair(RandomSource& random, double& first, double& second) {
  double a, b, s;
  do {
    a = 2 * random.uniform() - 1;
    b = 2 * random.uniform() - 1;
    s = a * a + b * b;
  } while (s >= 1 || s == 0);
  const double radius = -2 * std::log(s) / s;
  first = radius * a * a;
  second = radius * b * b;
}

// sum c log(1 + lambda xi), with one logarithm for many factors.
double log_penalty(const VectorXd& xi, const VectorXd& count, double lambda) {
  double product = 1, sum = 0;
  for (Index k = 0; k < xi.size(); ++k) {
    const double x = lambda * xi[k];
    if (count[k] != 1 || x > 1e100) {
      sum += count[k] * std::log1p(x);
      continue;
    }
    product *= 1 + x;
    if (product > 1e150) {
      sum += std::log(product);
      product = 1;
    }
  }
  return sum + std::log(product);
}

}  // namespace

void fill_chi_squares(RandomSource& random, const VectorXd& df, Eigen::Ref<VectorXd> out) {
  double spare = -1;
  for (Index k = 0; k < df.size(); ++k) {
    if (df[k] == 1) {
      if (spare >= 0) {
        out[k] = spare;
        spare = -1;
      } else {
        chi_square_pair(random, out[k], spare);
      }
    } else {
      out[k] = df[k] == 2 ? -2 * std::log(random.uniform()) : random.chi_square(df[k]);
    }
  }
}

SpectralRatio::SpectralRatio(const Spectrum& spectrum)
    : spectrum_(spectrum), shares_penalty_(spectrum.value.size() == spectrum.penalty_value.size() &&
                                           spectrum.value == spectrum.penalty_value &&
                                           spectrum.count == spectrum.penalty_count) {
  const double size = std::sqrt(spectrum.count.dot(spectrum.value.cwiseAbs2()) / 2);
  first_ = std::log(0.02 / size);
  const double last = std::min(40.0, first_ + std::max(5.0, upper_end() - first_));
  const Index points = static_cast<Index>(std::ceil((last - first_) / 0.6)) + 1;
  step_ = (last - first_) / static_cast<double>(points - 1);
  fill_grid(points);
}

VectorXd SpectralRatio::maxima(const Eigen::Ref<const MatrixXd>& w, const VectorXd& v, Checkpoint& checkpoint) const {
  const Index k = w.rows(), m = w.cols(), points = grid_.rows() - 1;
  MatrixXd parts(k + 1, m);
  parts.topRows(k) = w;
  parts.row(k) = v.transpose();
  MatrixXd height = MatrixXd::Zero(points + 1, m);
  multiply_add(height, 1, plain(grid_), plain(parts), k + 1, checkpoint);
  VectorXd out(m);
  for (Index j = 0; j < m; ++j) out[j] = highest(w.col(j), v[j], height.col(j).data(), points);
  return out;
}

VectorXd SpectralRatio::draws(Index n, RandomSource& random, Checkpoint& checkpoint) const {
  const Index k = spectrum_.value.size(), most = std::max<Index>(8, std::min<Index>(256, 200000 / (k + 1)));
  VectorXd out(n), v(most), extra(most);
  MatrixXd w(k, most);
  for (Index begin = 0; begin < n; begin += most) {
    const Index m = std::min(most, n - begin);
    for (Index j = 0; j < m; ++j) {
      fill_chi_squares(random, spectrum_.count, w.col(j));
      v[j] = spectrum_.rest > 0 ? random.chi_square(spectrum_.rest) : 0;
      extra[j] = spectrum_.tested > 0 ? random.chi_square(spectrum_.tested) : 0;
    }
    out.segment(begin, m) = maxima(w.leftCols(m), v.head(m), checkpoint);
    if (spectrum_.tested > 0)
      for (Index j = 0; j < m; ++j)
        out[begin + j] += spectrum_.nu * std::log1p(extra[j] / (w.col(j).sum() + v[j]));
    checkpoint.check();
  }
  return out;
}

double SpectralRatio::upper_end() const {
  if (!(spectrum_.rest > 0)) return 40;
  return 3.5 + 37 / spectrum_.rest - std::log(spectrum_.value.minCoeff());
}

void SpectralRatio::fill_grid(Index points) {
  const Index k = spectrum_.value.size();
  grid_.resize(points + 1, k + 1);
  for (Index i = 0; i < points; ++i) {
    const double lambda = std::exp(at(i));
    const double scale = std::exp(penalty(lambda) / spectrum_.nu);
    for (Index j = 0; j < k; ++j) grid_(i, j) = scale / (1 + lambda * spectrum_.value[j]);
    grid_(i, k) = scale;
  }
  const double trace = spectrum_.penalty_count.dot(spectrum_.penalty_value);
  for (Index j = 0; j < k; ++j) grid_(points, j) = spectrum_.nu * spectrum_.value[j] - trace;
  grid_(points, k) = -trace;
}

double SpectralRatio::penalty(double lambda) const {
  return log_penalty(spectrum_.penalty_value, spectrum_.penalty_count, lambda);
}

double SpectralRatio::highest(const Eigen::Ref<const VectorXd>& w, double v, const double* height, Index points) const {
  const double total = w.sum() + v, none = -std::numeric_limits<double>::infinity();
  double best = 0;
  if (height[0] >= total && height[points] > 0) best = std::max(best, climb(w, v, total, none, first_, at(0)));
  for (Index i = 0; i < points; ++i) {
    const double before = i == 0 ? total : height[i - 1], here = height[i];
    if (!(here < before)) continue;
    if (i == points - 1) {
      best = std::max(best, climb(w, v, total, at(i - 1), -none, at(i)));
    } else if (here <= height[i + 1]) {
      const double bend = before - 2 * here + height[i + 1];
      const double shift = i == 0 || !(bend > 0) ? 0 : (before - height[i + 1]) / (2 * bend);
      best = std::max(best, climb(w, v, total, i == 0 ? none : at(i - 1), at(i + 1), at(i) + shift * step_));
    }
  }
  return best;
}

double SpectralRatio::climb(const Eigen::Ref<const VectorXd>& w, double v, double total, double low, double high,
                            double s) const {
  double value = 0;
  for (int iteration = 0; iteration < 60; ++iteration) {
    const Slope at_s = slope(w, v, s);
    const bool small = s <= first_ + step_;
    const double bend = small ? at_s.second - at_s.first : at_s.second;
    (at_s.first > 0 ? low : high) = s;
    double move = at_s.first > 0 ? 0.5 : -0.5, decrement = std::numeric_limits<double>::infinity();
    if (bend < 0) {
      decrement = -at_s.first * at_s.first / bend;
      move = -at_s.first / bend;
      if (small) move = move > -1 ? std::log1p(move) : -2;
    }
    const bool done = decrement <= 1e-6 && std::abs(move) <= 0.01;
    if (done || iteration == 59 || s > 300) {
      value = spectrum_.nu * std::log(total / at_s.denominator) - penalty(at_s.lambda) + (done ? decrement / 2 : 0);
      break;
    }
    double next = s + std::max(-3.0, std::min(3.0, move));
    if (!(next > low && next < high))
      next = std::isfinite(low + high) ? (low + high) / 2 : (at_s.first > 0 ? s + 1 : s - 1);
    s = next;
  }
  return value;
}

SpectralRatio::Slope SpectralRatio::slope(const Eigen::Ref<const VectorXd>& w, double v, double s) const {
  const double lambda = std::exp(s);
  double kept = 0, once = 0, twice = 0, first = 0, second = 0;
  for (Index k = 0; k < w.size(); ++k) {
    const double shrink = 1 / (1 + lambda * spectrum_.value[k]);
    const double less = w[k] * shrink, lesser = less * shrink;
    kept += less;
    once += lesser;
    twice += lesser * shrink;
    if (!shares_penalty_) continue;
    const double part = spectrum_.count[k] * (1 - shrink);
    first += part;
    second += part * shrink;
  }
  for (Index k = 0; !shares_penalty_ && k < spectrum_.penalty_value.size(); ++k) {
    const double shrink = 1 / (1 + lambda * spectrum_.penalty_value[k]);
    const double part = spectrum_.penalty_count[k] * (1 - shrink);
    first += part;
    second += part * shrink;
  }
  const double denominator = v + kept, rise = (kept - once) / denominator;       // rise: -d log D / ds
  return {lambda, denominator, spectrum_.nu * rise - first,
          spectrum_.nu * ((3 * once - kept - 2 * twice) / denominator + rise * rise) - second};
}

}  // namespace henderson
