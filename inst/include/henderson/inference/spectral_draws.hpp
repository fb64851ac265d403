// Draws from the null distribution of the (restricted) likelihood ratio for one variance, in its spectral form
// (Crainiceanu and Ruppert 2004): the maximum over lambda >= 0 of
//
//   f(lambda) = nu log(total / D(lambda)) - P(lambda),   D = v + sum_k w_k / (1 + lambda mu_k),  total = D(0)
//
// with P = sum_k c_k log(1 + lambda xi_k), and independent chi-squares w_k and v.
//
// In s = log(lambda), -log D and P are mixtures of logistic functions: analytic where |Im s| < pi, so that a feature of f
// narrower than the spacing h of a grid is smaller than its large ones by exp(-pi^2 / h). On a grid of spacing 0.6 every
// maximum has a grid point that is higher than its neighbours. There a safeguarded Newton's method starts, from all of
// them. To compare grid points needs no logarithms: f is a decreasing function of D exp(P / nu), which for many draws is
// one product of matrices.
#ifndef HENDERSON_INFERENCE_SPECTRAL_DRAWS_HPP
#define HENDERSON_INFERENCE_SPECTRAL_DRAWS_HPP

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/multiply.hpp"

namespace henderson {

using Eigen::VectorXd;

// Where random numbers come from.
struct RandomSource {
  virtual ~RandomSource() = default;
  virtual double uniform() = 0;                 // on (0, 1)
  virtual double chi_square(double df) = 0;
};

// Distinct eigenvalues with their multiplicities. The largest of `value` is 1.
struct Spectrum {
  VectorXd value, count;                        // mu: positive eigenvalues of Z'(I - P_X)Z
  VectorXd penalty_value, penalty_count;        // xi, c: the same by REML, eigenvalues of Z'Z by ML
  double nu = 0;                                // factor of the logarithm: n - p or n
  double rest = 0;                              // degrees of freedom of v
  double tested = 0;                            // number of coefficients that are zero under the hypothesis, too
};

namespace spectral_parts {

// Two independent chi-squares with one degree of freedom: the squares of Marsaglia's polar method.
inline void chi_square_pair(RandomSource& random, double& first, double& second) {
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

inline void fill_chi_squares(RandomSource& random, const VectorXd& df, Eigen::Ref<VectorXd> out) {
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

// sum c log(1 + lambda xi), with one logarithm for many factors.
inline double log_penalty(const VectorXd& xi, const VectorXd& count, double lambda) {
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

}  // namespace spectral_parts

class SpectralRatio {
 public:
  // Needs nu > 0 and at least one eigenvalue.
  explicit SpectralRatio(const Spectrum& spectrum)
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

  // The maximum for each column of w, with eigenvalues as rows, and entry of v.
  VectorXd maxima(const Eigen::Ref<const MatrixXd>& w, const VectorXd& v, Checkpoint& checkpoint) const {
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

  VectorXd draws(Index n, RandomSource& random, Checkpoint& checkpoint) const {
    const Index k = spectrum_.value.size(), most = std::max<Index>(8, std::min<Index>(256, 200000 / (k + 1)));
    VectorXd out(n), v(most), extra(most);
    MatrixXd w(k, most);
    for (Index begin = 0; begin < n; begin += most) {
      const Index m = std::min(most, n - begin);
      for (Index j = 0; j < m; ++j) {
        spectral_parts::fill_chi_squares(random, spectrum_.count, w.col(j));
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

 private:
  struct Slope {
    double lambda, denominator, first, second;   // exp(s), D; derivatives of f in s
  };

  // Beyond this s there is practically never a maximum: (sum w / df) / (v / rest) would have to be above 30 * 10^(16 / rest).
  // Searches may leave the grid, so that little depends on it.
  double upper_end() const {
    if (!(spectrum_.rest > 0)) return 40;
    return 3.5 + 37 / spectrum_.rest - std::log(spectrum_.value.minCoeff());
  }

  // Row i: the weights of w and v in D exp(P / nu) at grid point i. The last row has those of df/dlambda at 0 by total.
  void fill_grid(Index points) {
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

  double at(Index i) const { return first_ + step_ * static_cast<double>(i); }

  double penalty(double lambda) const {
    return spectral_parts::log_penalty(spectrum_.penalty_value, spectrum_.penalty_count, lambda);
  }

  // `height`: D exp(P / nu) at the grid points, then the slope at lambda = 0.
  double highest(const Eigen::Ref<const VectorXd>& w, double v, const double* height, Index points) const {
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

  // The maximum of f between low and high, from s. Near lambda = 0, where f is a parabola in lambda rather than in s,
  // Newton's steps are those in lambda.
  double climb(const Eigen::Ref<const VectorXd>& w, double v, double total, double low, double high, double s) const {
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
      if (!(next > low && next < high)) next = std::isfinite(low + high) ? (low + high) / 2 : (at_s.first > 0 ? s + 1 : s - 1);
      s = next;
    }
    return value;
  }

  Slope slope(const Eigen::Ref<const VectorXd>& w, double v, double s) const {
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

  Spectrum spectrum_;
  bool shares_penalty_;
  double first_ = 0, step_ = 0;
  MatrixXd grid_;
};

}  // namespace henderson

#endif
