#include "henderson/likelihood/criterion.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

// Diagonal of K above which squares lose too many digits.
constexpr double kLargeRoot = 1e6;

MatrixXd Evaluation::sigma(int group) const {
  return bounded() ? MatrixXd(factor[group] * factor[group].transpose()) : indefinite[group];
}

double rounding_error(const Evaluation& at) {
  return 16 * std::numeric_limits<double>::epsilon() *
         (std::abs(at.log_det_random) + at.degrees * (1 + at.cancelled / 8 + std::abs(std::log(at.sigma2))));
}

Evaluation Criterion::evaluate(const VectorXd& theta, Evaluation out) const {
  const Problem& pr = *problem_;
  out.theta = theta;
  out.reml = reml_;
  out.degrees = static_cast<double>(reml_ ? pr.n - pr.p : pr.n);
  out.value = std::numeric_limits<double>::infinity();
  if (set_covariance(out)) std::visit([&](const auto& regime) { evaluate_in(regime, out); }, pr.regime);
  return out;
}

MatrixXd Criterion::values(const MatrixXd& theta, Evaluation at) const {
  MatrixXd out(2, theta.cols());
  out.col(0) << at.value, at.sigma2;
  for (Index k = 1; k < theta.cols(); ++k) {
    at = evaluate(theta.col(k), std::move(at));
    out.col(k) << at.value, at.sigma2;
  }
  return out;
}

bool Criterion::set_covariance(Evaluation& out) const {
  const Layout& layout = *problem_->layout;
  const bool bounded = layout.bounded();
  std::vector<MatrixXd>& blocks = bounded ? out.factor : out.indefinite;
  (bounded ? out.indefinite : out.factor).clear();
  blocks.resize(layout.groups.size());
  for (std::size_t g = 0; g < blocks.size(); ++g) {
    const int group = static_cast<int>(g);
    blocks[g] = bounded ? layout.factor(group, out.theta) : layout.sigma(group, out.theta);
    if (!blocks[g].allFinite()) return false;
  }
  return true;
}

bool Criterion::eliminate_lead(Evaluation& out) const {
  const Problem& pr = *problem_;
  out.y.resize(pr.lead.t.rows(), pr.p + 1);
  out.log_det_random = eliminate_leading(pr.lead, out.level_covariance(*pr.layout), out.y);
  return !std::isnan(out.log_det_random);
}

// r2 is summed from residuals, so that a large part between levels costs no digits.
void Criterion::evaluate_in(const OneFactor&, Evaluation& out) const {
  const Problem& pr = *problem_;
  const Index p = pr.p;
  double explained = 0;
  out.s_d.resize(0, p + 1);
  if (!eliminate_lead(out) || !solve_fixed(cross(out.y, pr.w_d, pr.w_yy), explained, out)) return;
  out.e.noalias() = out.y.col(p) - out.y.leftCols(p) * out.beta;
  out.r2 = out.e.squaredNorm() + (pr.w_d.col(p) - pr.w_d.leftCols(p) * out.beta).squaredNorm() + pr.w_yy;
  out.cancelled = 1;
  profile_sigma(out);
}

void Criterion::evaluate_in(const Crossed&, Evaluation& out) const {
  const Problem& pr = *problem_;
  const Index p = pr.p;
  double explained = 0;
  if (!eliminate_lead(out)) return;
  MatrixXd s = cross(out.y, pr.w_d, pr.w_yy);
  const double whole = s(p, p);
  if (!eliminate_rest(out, s) || !solve_fixed(s, explained, out)) return;
  out.e.noalias() = out.y.col(p) - out.y.leftCols(p) * out.beta;
  out.r2 = s(p, p) - explained;
  const MatrixXd right = out.s_d.col(p) - out.s_d.leftCols(p) * out.beta;
  out.b_rest = out.rest.covariance_times(pr.rest, right);
  out.e -= pr.rest.gather(out.y_rest, out.b_rest);
  out.cancelled = std::abs(whole / out.r2);
  profile_sigma(out);
}

void Criterion::evaluate_in(const Rooted& regime, Evaluation& out) const {
  const Problem& pr = *problem_;
  const MatrixXd& a = regime.form->a();
  const std::vector<MatrixXd>& blocks = out.bounded() ? out.factor : out.indefinite;
  MatrixXd scaled(a.rows(), a.cols());
  for (std::size_t g = 0; g < pr.layout->groups.size(); ++g) {
    const Index q = pr.layout->groups[g].q;
    for (const Index first : dense_columns(*pr.layout, pr.rest, static_cast<int>(g))) {
      scaled.middleCols(first, q).noalias() = a.middleCols(first, q) * blocks[g];
    }
  }
  const MatrixXd lower = root_factor(scaled, out.bounded() ? scaled : a, out.bounded());
  if (lower.rows() < a.rows()) return;
  out.log_det_random = 2 * lower.diagonal().array().abs().log().sum();
  const auto solve_lower = lower.triangularView<Eigen::Lower>();
  out.root_z = solve_lower.solve(a);
  out.root_d = solve_lower.solve(regime.form->d());
  checkpoint_->check();
  if (!solve_rooted(*regime.form, out)) return;
  out.cancelled = 1;
  profile_sigma(out);
}

// Where K is large, which costs the digits of I, its root is found by QR of the root of K.
MatrixXd Criterion::root_factor(const MatrixXd& left, const MatrixXd& right, bool same) const {
  const Index n = left.rows();
  if (same && left.rowwise().squaredNorm().maxCoeff() > kLargeRoot) {
    MatrixXd rows(left.cols() + n, n);
    rows << left.transpose(), MatrixXd::Identity(n, n);
    checkpoint_->check();
    const Eigen::HouseholderQR<Eigen::Ref<MatrixXd>> qr(rows);
    return rows.topRows(n).triangularView<Eigen::Upper>().transpose();
  }
  MatrixXd k = left * right.transpose();
  checkpoint_->check();
  k.diagonal().array() += 1;
  const Eigen::LLT<MatrixXd> llt(k);
  return llt.info() == Eigen::Success ? MatrixXd(llt.matrixL()) : MatrixXd();
}

bool Criterion::solve_rooted(const RootForm& root, Evaluation& out) const {
  const MatrixXd& left = root.left();
  const Index p = problem_->p;
  MatrixXd rows(out.root_d.rows() + left.rows(), p + 1);
  rows << out.root_d, left;
  out.log_det_x = 0;
  out.x_root = MatrixXd::Zero(p, p);
  out.beta.resize(p);
  if (p > rows.rows()) return false;
  VectorXd y = rows.col(p);
  if (p > 0) {
    const Eigen::HouseholderQR<MatrixXd> qr(rows.leftCols(p));
    MatrixXd r = qr.matrixQR().topRows(p).triangularView<Eigen::Upper>();
    y = (qr.householderQ().adjoint() * y).eval();
    for (Index j = 0; j < p; ++j) {
      if (!(std::abs(r(j, j)) > 0)) return false;
      out.log_det_x += 2 * std::log(std::abs(r(j, j)));
      if (r(j, j) < 0) {
        r.row(j) = -r.row(j);
        y[j] = -y[j];
      }
    }
    out.x_root = r.transpose();
    out.beta = r.triangularView<Eigen::Upper>().solve(y.head(p));
  }
  out.r2 = y.tail(y.size() - p).squaredNorm() + root.left_yy();
  return true;
}

MatrixXd Criterion::cross(const MatrixXd& y, const MatrixXd& w, double w_yy) {
  const Index k = y.cols(), rows = y.rows();
  MatrixXd s = MatrixXd::Zero(k, k);
  if (k <= 8) {
    for (Index j = 0; j < k; ++j)
      for (Index i = j; i < k; ++i) {
        const double* a = y.data() + i * rows;
        const double* b = y.data() + j * rows;
        s(i, j) = Eigen::Map<const VectorXd>(a, rows).dot(Eigen::Map<const VectorXd>(b, rows));
      }
  } else if (rows > 0) {
    s.selfadjointView<Eigen::Lower>().rankUpdate(y.transpose());
  }
  for (Index j = 0; j < k; ++j)
    for (Index i = j; i < k; ++i) s(i, j) += w.col(i).dot(w.col(j));
  s(k - 1, k - 1) += w_yy;
  return s;
}

bool Criterion::eliminate_rest(Evaluation& out, MatrixXd& s) const {
  const Problem& pr = *problem_;
  out.y_rest = scaled_rest(out.factor[pr.layout->lead]);
  out.s_d = pr.rest.within_dense_columns() + pr.rest.gather_transposed(out.y_rest, out.y);
  out.rest.set_lambda(*pr.layout, out.factor);
  if (!out.rest.factorize(pr.rest, out.y_rest, *checkpoint_)) return false;
  out.log_det_random += out.rest.log_det() - pr.rest.log_det_precision();
  MatrixXd w = out.rest.lambda_transposed(pr.rest, out.s_d);
  out.rest.solve_lower(w);
  s.triangularView<Eigen::Lower>() -= MatrixXd(w.transpose() * w);
  return true;
}

std::vector<double> Criterion::scaled_rest(const MatrixXd& lambda) const {
  const Problem& pr = *problem_;
  std::vector<double> y = pr.rest.values();
  for_each_class(pr.lead, [&](const LeadingClass& c, const auto& root, auto size) {
    constexpr int Q = decltype(size)::value;
    using Matrix = Eigen::Matrix<double, Q, Q>;
    const Index q = pr.lead.q;
    Matrix m(q, q), h(q, q);
    m.noalias() = root * lambda;
    cholesky_plus_identity(m, h);
    for (Index e = pr.rest.level_begin(c.level); e < pr.rest.level_end(c.level); ++e) {
      Eigen::Map<Eigen::Matrix<double, Q, Eigen::Dynamic>> block(y.data() + pr.rest.entry_offset(e), q,
                                                                 pr.rest.entry_node(e).q);
      h.template triangularView<Eigen::Lower>().solveInPlace(block);
    }
  });
  return y;
}

bool Criterion::solve_fixed(const MatrixXd& s, double& explained, Evaluation& out) const {
  const Index p = problem_->p;
  out.x_root = s.topLeftCorner(p, p);
  out.log_det_x = 0;
  for (Index j = 0; j < p; ++j) {
    double pivot = out.x_root(j, j) - out.x_root.row(j).head(j).squaredNorm();
    if (!(pivot > 0)) return false;
    pivot = std::sqrt(pivot);
    out.x_root(j, j) = pivot;
    out.log_det_x += 2 * std::log(pivot);
    for (Index i = j + 1; i < p; ++i) {
      out.x_root(i, j) = (out.x_root(i, j) - out.x_root.row(i).head(j).dot(out.x_root.row(j).head(j))) / pivot;
    }
  }
  out.beta = s.row(p).head(p).transpose();
  out.x_root.triangularView<Eigen::Lower>().solveInPlace(out.beta);
  explained = out.beta.squaredNorm();
  out.x_root.triangularView<Eigen::Lower>().transpose().solveInPlace(out.beta);
  return true;
}

void Criterion::profile_sigma(Evaluation& out) const {
  const Problem& pr = *problem_;
  const double nu = out.degrees;
  out.sigma2 = pr.known_sigma2.value_or(out.r2 / nu);
  if (!(out.sigma2 > 0)) return;
  out.value = out.log_det_random + nu * std::log(2 * M_PI * out.sigma2) + out.r2 / out.sigma2 - pr.log_weight;
  if (reml_) out.value += out.log_det_x + 2 * pr.log_det_r;
}

}  // namespace henderson
