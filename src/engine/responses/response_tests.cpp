#include "henderson/responses/response_tests.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "henderson/linalg/decompositions.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {

namespace {

const double kNone = std::numeric_limits<double>::quiet_NaN();
const double kInfinite = std::numeric_limits<double>::infinity();

// One response.
struct Point {
  MatrixXd phi, covariance, spread;
  std::vector<MatrixXd> slopes;
  double log_ratio = 0, prior_df = 0;
  bool moderated = false;
};

struct RowTest {
  double variance = kNone, df = kNone;
};

Point point_of(const TestInput& in, Index p, Index j) {
  Point out;
  out.phi = unstacked(in.phi.data() + j * in.phi.rows(), p);
  out.covariance = unstacked(in.covariance.data() + j * in.covariance.rows(), p);
  const Index k = in.slopes.rows() / triangle(p);
  out.spread = unstacked(in.spread.data() + j * in.spread.rows(), k);
  for (Index i = 0; i < k; ++i)
    out.slopes.push_back(unstacked(in.slopes.data() + j * in.slopes.rows() + i * triangle(p), p));
  out.moderated = in.log_ratio.size() > 0;
  if (out.moderated) out.log_ratio = in.log_ratio[j];
  out.prior_df = in.prior_df;
  return out;
}

// l'Cl, 0 where nothing but rounding is left of it.
double row_variance(const VectorXd& l, const MatrixXd& c) {
  const double variance = l.dot(c * l),
               rounding = 64 * std::numeric_limits<double>::epsilon() * l.cwiseAbs().dot(c.cwiseAbs() * l.cwiseAbs());
  return std::abs(variance) <= rounding ? 0 : variance;
}

// 2 v^2 / Var(v) by the delta method. A moderated residual variance changes log v by the share that it has in it, and
// takes its part of Var(log v) down from 2 / d to 2 / (d + d0): exact without random effects (Smyth 2004).
RowTest row_test(const VectorXd& row, const Point& at) {
  const double size = row.cwiseAbs().maxCoeff();
  if (!(size > 0)) return {};
  const VectorXd l = row / size;
  const Index k = at.spread.rows();
  const double v = l.dot(at.phi * l);
  VectorXd slope(k);
  for (Index i = 0; i < k; ++i) slope[i] = -l.dot(at.slopes[i] * l);
  const VectorXd spread = at.spread * slope;
  RowTest out;
  out.df = 2 * v * v / slope.dot(spread);
  if (!(out.df < 1e12) && !std::isnan(out.df)) out.df = kInfinite;
  out.variance = size * size * row_variance(l, at.covariance);
  if (at.moderated) {
    const double of_sigma2 = at.spread(k - 1, k - 1), share = of_sigma2 > 0 ? spread[k - 1] / (of_sigma2 * v) : 0;
    const double d = 2 / of_sigma2, gain = std::isinf(at.prior_df) ? 1 : at.prior_df / (d + at.prior_df);
    const double relative = 2 / out.df - share * share * (2 / d) * gain;
    out.df = relative > 2e-12 ? 2 / relative : kInfinite;
    out.variance *= std::exp(share * at.log_ratio);
  }
  if (!(out.df > 0)) out.df = kNone;
  if (!(out.variance >= 0)) out.variance = kNone;
  return out;
}

// F is the mean of q independent squares of t(df): match its mean.
double combined_df(const VectorXd& df) {
  const double q = static_cast<double>(df.size());
  if (df.hasNaN()) return kNone;
  if ((df.array() <= 2).any()) return 2;
  if (df.minCoeff() == kInfinite) return kInfinite;
  if (df.allFinite() && df.maxCoeff() - df.minCoeff() <= 1e-8 * df.maxCoeff()) return df.mean();
  double e = 0;
  for (Index i = 0; i < df.size(); ++i) e += std::isinf(df[i]) ? 1 : df[i] / (df[i] - 2);
  return 2 * e / (e - q);
}

// delta'S^-1 delta by the correlations of S; NaN where these are singular in double precision.
double wald_form(const MatrixXd& s, const VectorXd& delta) {
  if (!s.allFinite() || !(s.diagonal().array() > 0).all()) return kNone;
  const VectorXd size = s.diagonal().cwiseSqrt();
  const Eigen::LLT<MatrixXd> llt(size.cwiseInverse().asDiagonal() * s * size.cwiseInverse().asDiagonal());
  if (llt.info() != Eigen::Success ||
      !(llt.matrixLLT().diagonal().array() > std::numeric_limits<double>::epsilon()).all())
    return kNone;
  const VectorXd half = llt.matrixL().solve(delta.cwiseQuotient(size));
  return half.squaredNorm();
}

struct FTest {
  double f = kNone, df = kNone, scale = 1;
};

// Degrees of freedom and scale that match mean and variance of F, and are exact in two known cases (Kenward and Roger
// 1997).
FTest scaled_f(double a1, double a2, double q) {
  FTest out;
  if (a2 <= 1e-12 * q) {
    out.df = kInfinite;
    return out;
  }
  const double b = (a1 + 6 * a2) / (2 * q), g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2), d = 3 * q + 2 * (1 - g);
  const double v0 = 1 + g / d * b, v1 = 1 - (q - g) / d * b, v2 = 1 - (q + 2 - g) / d * b;
  const double mean = 1 - a2 / q, none = 1e-12 * q, ratio = std::abs(mean) + std::abs(v1) < none ? 1 : mean / v1;
  out.df = 4 + (q + 2) / (ratio * ratio * v0 / v2 - 1);
  out.scale = std::abs(out.df - 2) < 0.01 ? 1 : out.df * mean / (out.df - 2);
  return out;
}

FTest kenward_roger(const MatrixXd& rows, const Point& at) {
  const Index q = rows.rows(), k = at.spread.rows();
  const Eigen::LLT<MatrixXd> llt(rows * at.phi * rows.transpose());
  VectorXd traces(k);
  MatrixXd flat(q * q, k);
  for (Index i = 0; i < k; ++i) {
    MatrixXd g = llt.matrixL().solve(rows * at.slopes[i] * rows.transpose());
    g = llt.matrixL().solve(g.transpose().eval());
    traces[i] = g.trace();
    flat.col(i) = Eigen::Map<const VectorXd>(g.data(), q * q);
  }
  return scaled_f(traces.dot(at.spread * traces), at.spread.cwiseProduct(flat.transpose() * flat).sum(),
                  static_cast<double>(q));
}

// Fai and Cornelius (1996): the rows are turned so that they are uncorrelated.
FTest uncorrelated_rows(const MatrixXd& rows, const VectorXd& delta, const Point& at, double sigma2) {
  const SymmetricEigen eigen(rows * at.phi * rows.transpose());
  const Index q = rows.rows();
  VectorXd df(q), moderated(q);
  for (Index i = 0; i < q; ++i) {
    const VectorXd turn = eigen.eigenvectors().col(i);
    const RowTest test = row_test(rows.transpose() * turn, at);
    df[i] = test.df;
    moderated[i] = std::pow(turn.dot(delta), 2) / (test.variance * sigma2);
  }
  FTest out;
  out.df = combined_df(df);
  if (at.moderated) out.f = moderated.mean();
  return out;
}

FTest f_test(const MatrixXd& rows, const VectorXd& delta, const Point& at, const TestInput& in, double sigma2) {
  const Index q = rows.rows();
  const double raw = wald_form(rows * at.covariance * rows.transpose(), delta) / (sigma2 * static_cast<double>(q));
  FTest out;
  if (std::isnan(raw)) return out;
  if (q == 1) {
    const RowTest test = row_test(rows.row(0).transpose(), at);
    out.df = test.df;
    if (at.moderated) out.f = delta[0] * delta[0] / (test.variance * sigma2);
  } else {
    out = in.kenward_roger ? kenward_roger(rows, at) : uncorrelated_rows(rows, delta, at, sigma2);
  }
  if (!(out.df > 0)) {
    out.df = kNone;
    out.scale = 1;
  }
  if (!at.moderated) out.f = out.scale * raw;
  return out;
}

}  // namespace

TestOutput test_responses(const MatrixXd& rows, const MatrixXd& delta, const TestInput& in) {
  const Index q = rows.rows(), p = rows.cols(), m = delta.cols();
  TestOutput out;
  out.variance = out.df = MatrixXd::Constant(q, m, kNone);
  out.f = out.denominator = out.scale = VectorXd::Constant(m, kNone);
  for (Index j = 0; j < m; ++j) {
    if (!in.phi.col(j).allFinite() || !delta.col(j).allFinite()) continue;
    const Point at = point_of(in, p, j);
    for (Index i = 0; i < q; ++i) {
      const RowTest test = row_test(rows.row(i).transpose(), at);
      out.variance(i, j) = test.variance;
      out.df(i, j) = test.df;
    }
    const FTest test = f_test(rows, delta.col(j), at, in, in.sigma2[j]);
    out.f[j] = test.f;
    out.denominator[j] = test.df;
    out.scale[j] = test.scale;
  }
  return out;
}

}  // namespace henderson
