#include "henderson/iterative/traces.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {
namespace iterative {

namespace {

constexpr double kSmall = 0.1, kLeast = 1e-6;

VectorXd flat(const MatrixXd& x) { return Eigen::Map<const VectorXd>(x.data(), x.size()); }

// Means over the probes after regression on the control, entry by entry, and the deviations.
VectorXd regressed(const MatrixXd& target, const MatrixXd& control, const VectorXd& mean, MatrixXd& deviation) {
  VectorXd out = target.rowwise().mean();
  deviation = target.colwise() - out;
  if (control.size() == 0) return out;
  const VectorXd own = control.rowwise().mean();
  const MatrixXd moved = control.colwise() - own;
  for (Index i = 0; i < out.size(); ++i) {
    const double square = moved.row(i).squaredNorm();
    if (!(square > 1e-24 * control.row(i).squaredNorm())) continue;
    const double slope = deviation.row(i).dot(moved.row(i)) / square;
    out[i] -= slope * (own[i] - mean[i]);
    deviation.row(i) -= slope * moved.row(i);
  }
  return out;
}

}  // namespace

MatrixXd TraceEstimate::covariance(const Layout& layout, const std::vector<Direction>& directions) const {
  std::vector<Index> first(layout.groups.size() + 1, 0);
  for (std::size_t g = 0; g < layout.groups.size(); ++g)
    first[g + 1] = first[g] + layout.groups[g].q * layout.groups[g].q;
  const Index k = static_cast<Index>(directions.size()), m = noise.cols();
  MatrixXd along(k, m);
  for (Index i = 0; i < k; ++i) {
    const VectorXd e = flat(directions[i].e);
    along.row(i) = e.transpose() * noise.middleRows(first[directions[i].group], e.size());
  }
  return along * along.transpose() / (std::max<double>(1, static_cast<double>(m - 2)) * static_cast<double>(m));
}

Traces::Traces(Model& model, std::uint64_t seed) : model_(model), seed_(seed), fixed_(deflation(model.incidence)) {}

void Traces::use(const Panel& probes) {
  xi_ = probes;
  fixed_.project(xi_);
  z_.resize(0, 0);
  small_z_.resize(0, 0);
}

void Traces::set_probes(int probes) {
  const Index had = xi_.cols(), rows = model_.incidence.columns(), kept = std::min<Index>(had, probes);
  const auto each_row = [&](const auto& body) {
    for (Index j = 0; j < rows; ++j) {
      body(j);
      if (j % 256 == 0) model_.c.checkpoint().check();
    }
  };
  xi_.resize(rows, probes);
  each_row([&](Index j) {
    for (Index k = 0; k < probes; ++k) xi_(j, k) = sign_of(seed_, k, j);
  });
  fixed_.project(xi_);
  const auto grow = [&](Panel& x) {
    if (x.cols() != had || had == 0) return;
    Panel larger(rows, probes);
    each_row([&](Index j) {
      larger.row(j).head(kept) = x.row(j).head(kept);
      larger.row(j).tail(probes - kept).setZero();
    });
    x.swap(larger);
  };
  grow(z_);
  grow(small_z_);
}

void Traces::lead_of(const Panel& v, Panel& out) const {
  const Panel u = model_.c.scaled(v);
  model_.c.sweep(&u, nullptr, nullptr, &out);
}

Panel Traces::lead_of(const Panel& v) const {
  Panel out;
  lead_of(v, out);
  return out;
}

MatrixXd Traces::probe_blocks(const Panel& x, const Panel& y, const GroupRows& rows) const {
  const Index q = rows.q, m = x.cols();
  MatrixXd out = MatrixXd::Zero(q * q, m);
  for (Index b = 0; b < q; ++b)
    for (Index a = 0; a < q; ++a) {
      const VectorXd half =
          0.5 * column_products(x.data() + (rows.first + a) * m, y.data() + (rows.first + b) * m, rows.levels, q, m);
      out.row(a + b * q) += half.transpose();
      out.row(b + a * q) += half.transpose();
    }
  return out;
}

// The tolerance that the division by Lambda asks for.
double Traces::classify(const Point& at, std::vector<MatrixXd>& factor) {
  size_.clear();
  factor = at.factor;
  double tolerance = kLoose;
  for (std::size_t g = 0; g < model_.incidence.factors().size(); ++g) {
    const OtherFactor& f = model_.incidence.factors()[g];
    MatrixXd& lambda = factor[f.group];
    const double s = largest_entry(model_.m.diagonal()[g], f.q);
    const SymmetricEigen eigen(lambda.transpose() * lambda);
    const double most = eigen.eigenvalues().maxCoeff() * s;
    if (most < kSmall) {
      size_.push_back(Size::small);
      continue;
    }
    const double floor = std::sqrt(kLeast / s);
    const bool lifted = eigen.eigenvalues().minCoeff() * s < kLeast;
    for (Index a = 0; lifted && a < f.q; ++a)
      if (std::abs(lambda(a, a)) < floor) lambda(a, a) = floor;
    size_.push_back(lifted ? Size::lifted : Size::ordinary);
    const double least = std::max(kLeast, eigen.eigenvalues().minCoeff() * s);
    tolerance = std::min(tolerance, std::max(1e-11, kLoose * least / kSmall));
  }
  return tolerance;
}

void Traces::solve_fixed(double tolerance, Solver& solver) {
  solver.solve(fixed_.v, std::min(tolerance, kTight), w_);
  const MatrixXd vw = fixed_.v.transpose() * w_;
  wt_ = w_ * (0.5 * (vw + vw.transpose())).inverse();
}

void Traces::add_batch(Index first, Index width, double tolerance, Solver& solver) {
  const Panel xi = xi_.middleCols(first, width);
  Panel z = z_.middleCols(first, width);
  solver.solve(xi, tolerance, z);
  z_.middleCols(first, width) = z;
  z -= wt_ * (w_.transpose() * xi);
  const Panel y = model_.m.solve_diagonal(xi), expanded = 2 * y - model_.m.solve_diagonal(model_.c.multiply(y));
  for (std::size_t g = 0; g < rest_.size(); ++g) {
    const GroupRows rows = group_rows(model_, model_.incidence.factors()[g].group);
    rest_[g].target.middleCols(first, width) = probe_blocks(z, xi, rows);
    rest_[g].control.middleCols(first, width) = probe_blocks(expanded, xi, rows);
  }
  const GroupRows lead = group_rows(model_, model_.layout.lead);
  lead_of(xi, lead_right_);
  lead_of(z, lead_left_);
  lead_.target.middleCols(first, width) = probe_blocks(lead_left_, lead_right_, lead);
  lead_of(y, lead_left_);
  lead_.control.middleCols(first, width) = probe_blocks(lead_left_, lead_right_, lead);
}

void Traces::control_means() {
  const VectorXd inverse = fixed_.square.cwiseInverse();
  const Panel y = model_.m.solve_diagonal(fixed_.v);
  const Panel expanded = 2 * y - model_.m.solve_diagonal(model_.c.multiply(y));
  const Panel scaled_v = fixed_.v * inverse.asDiagonal();
  for (std::size_t g = 0; g < rest_.size(); ++g) {
    const OtherFactor& f = model_.incidence.factors()[g];
    MatrixXd sum = MatrixXd::Zero(f.q, f.q);
    for (Index l = 0; l < f.levels; ++l)
      sum += Eigen::Map<const MatrixXd>(model_.m.inverse()[g].data() + l * f.q * f.q, f.q, f.q);
    const MatrixXd taken = block_products(expanded, scaled_v, f.first, f.q, f.levels);
    rest_[g].mean = flat(sum - 0.5 * (taken + taken.transpose()));
  }
  const std::vector<double> between = model_.c.between(model_.m.scaled_inverse(model_.c));
  const MatrixXd taken =
      block_products(lead_of(y), lead_of(scaled_v), 0, model_.incidence.lead_q(), model_.incidence.lead_levels());
  lead_.mean = flat(model_.c.lead_sum(&between) - 0.5 * (taken + taken.transpose()));
}

// K d = S Lambda C^{-1} Lambda'S d.
void Traces::add_small_batch(const Panel& d, Panel& warm, double tolerance, Solver& solver, Panel& k) {
  Panel s;
  model_.c.sweep(&d, nullptr, &s, nullptr);
  const Panel right = model_.c.scaled(s, true);
  solver.solve(right, tolerance, warm);
  const Panel u = model_.c.scaled(warm);
  model_.c.sweep(&u, nullptr, &k, nullptr);
}

void Traces::small_part(double tolerance, Solver& solver) {
  small_exact_.assign(rest_.size(), MatrixXd());
  if (std::find(size_.begin(), size_.end(), Size::small) == size_.end()) return;
  const auto restrict_rows = [&](Panel& x) {
    for (std::size_t g = 0; g < size_.size(); ++g) {
      const OtherFactor& f = model_.incidence.factors()[g];
      if (size_[g] != Size::small) x.middleRows(f.first, f.levels * f.q).setZero();
    }
  };
  Panel v = fixed_.v, k;
  restrict_rows(v);
  add_small_batch(v, small_fixed_z_, tolerance, solver, k);
  const Panel scaled_v = v * fixed_.square.cwiseInverse().asDiagonal();
  if (small_z_.cols() != xi_.cols()) small_z_.setZero(xi_.rows(), xi_.cols());
  for (std::size_t g = 0; g < rest_.size(); ++g) {
    const OtherFactor& f = model_.incidence.factors()[g];
    if (size_[g] != Size::small) continue;
    const MatrixXd exact = block_products(k, scaled_v, f.first, f.q, f.levels);
    small_exact_[g] = 0.5 * (exact + exact.transpose());
  }
  for (Index first = 0; first < xi_.cols(); first += 16) {
    const Index width = std::min<Index>(16, xi_.cols() - first);
    Panel d = xi_.middleCols(first, width), warm = small_z_.middleCols(first, width);
    restrict_rows(d);
    add_small_batch(d, warm, tolerance, solver, k);
    small_z_.middleCols(first, width) = warm;
    for (std::size_t g = 0; g < rest_.size(); ++g)
      if (size_[g] == Size::small)
        rest_[g].target.middleCols(first, width) =
            probe_blocks(k, d, group_rows(model_, model_.incidence.factors()[g].group));
  }
  for (std::size_t g = 0; g < rest_.size(); ++g)
    if (size_[g] == Size::small) rest_[g].control.resize(0, 0);
}

TraceEstimate Traces::estimate(const Point& at, Solver& solver) {
  std::vector<MatrixXd> factor;
  const double tolerance = classify(at, factor);
  const bool lifted = std::find(size_.begin(), size_.end(), Size::lifted) != size_.end();
  const auto move_to = [&](const std::vector<MatrixXd>& to) {
    model_.c.set(model_.layout, to);
    model_.m.set(model_.c);
  };
  if (lifted) move_to(factor);
  const Index m = xi_.cols();
  if (z_.cols() != m) z_.setZero(xi_.rows(), m);
  rest_.resize(size_.size());
  const auto clear = [&](Sums& sums, Index q) {
    sums.target.setZero(q * q, m);
    sums.control.setZero(q * q, m);
  };
  for (std::size_t g = 0; g < rest_.size(); ++g) clear(rest_[g], model_.incidence.factors()[g].q);
  clear(lead_, model_.incidence.lead_q());
  solve_fixed(tolerance, solver);
  for (Index first = 0; first < m; first += 16) add_batch(first, std::min<Index>(16, m - first), tolerance, solver);
  control_means();
  small_part(tolerance, solver);
  TraceEstimate out;
  assemble(at, factor, out);
  if (lifted) move_to(at.factor);
  return out;
}

void Traces::assemble(const Point& at, const std::vector<MatrixXd>& factor, TraceEstimate& out) const {
  const Layout& layout = model_.layout;
  Index entries = 0;
  for (const Group& g : layout.groups) entries += g.q * g.q;
  out.noise.resize(entries, xi_.cols());
  const bool fixed_effects = at.reml && at.beta.size() > 0;
  const Panel u_lead = fixed_effects ? at.u_lead() : Panel(), u_rest = fixed_effects ? at.u_rest() : Panel();
  Index first = 0;
  for (std::size_t group = 0; group < layout.groups.size(); ++group) {
    const GroupRows rows = group_rows(model_, static_cast<int>(group));
    const Index q = rows.q;
    MatrixXd block, deviation, exact;
    const auto shape = [&](const VectorXd& x) { return MatrixXd(Eigen::Map<const MatrixXd>(x.data(), q, q)); };
    if (rows.lead) {
      exact = block_products(lead_of(wt_), lead_of(w_), 0, q, rows.levels);
      block = model_.c.lead_sum(nullptr) - exact - shape(regressed(lead_.target, lead_.control, lead_.mean, deviation));
      deviation = -deviation;
    } else {
      std::size_t g = 0;
      while (model_.incidence.factors()[g].group != static_cast<int>(group)) ++g;
      const Sums& sums = rest_[g];
      const MatrixXd rest = shape(regressed(sums.target, sums.control, sums.mean, deviation));
      if (size_[g] == Size::small) {
        block = MatrixXd::Zero(q, q);
        for (Index l = 0; l < rows.levels; ++l)
          block += Eigen::Map<const MatrixXd>(model_.m.diagonal()[g].data() + l * q * q, q, q);
        block -= small_exact_[g] + rest;
        deviation = -deviation;
      } else {
        exact = block_products(wt_, w_, rows.first, q, rows.levels);
        const MatrixXd inverse = factor[group].inverse();
        const auto between = [&](const MatrixXd& x) { return MatrixXd(inverse.transpose() * x * inverse); };
        block = between(static_cast<double>(rows.levels) * MatrixXd::Identity(q, q) - exact - rest);
        for (Index k = 0; k < deviation.cols(); ++k) deviation.col(k) = -flat(between(shape(deviation.col(k))));
      }
    }
    if (fixed_effects) {
      const Panel& u = rows.lead ? u_lead : u_rest;
      block -= block_products(u, u, rows.first, q, rows.levels);
    }
    out.block.push_back(0.5 * (block + block.transpose()));
    out.noise.middleRows(first, q * q) = deviation;
    first += q * q;
  }
}

}  // namespace iterative
}  // namespace henderson
