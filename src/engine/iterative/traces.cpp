#include "henderson/iterative/traces.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "henderson/iterative/control_variate.hpp"
#include "henderson/linalg/symmetric_eigen.hpp"

namespace henderson {
namespace iterative {

namespace {

constexpr double kSmall = 0.1;   // of Lambda'S Lambda in one direction

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

bool Traces::fix_more_levels() {
  Deflation more = deflation(model_.incidence, kSomeLevels);
  if (more.v.cols() == fixed_.v.cols() || more.v.cols() > 2 * kSomeLevels) return false;
  fixed_ = std::move(more);
  set_probes(probes());
  return true;
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

// Along the left singular vectors u of Lambda, u'Lambda = d v', the block of the score is divided by d where d^2 u'Su
// is not small for every level.
void Traces::classify(const Point& at) {
  parts_.clear();
  for (std::size_t g = 0; g < model_.incidence.factors().size(); ++g) {
    const OtherFactor& f = model_.incidence.factors()[g];
    const MatrixXd& lambda = at.factor[f.group];
    const SymmetricEigen eigen(lambda * lambda.transpose());
    Parts own;
    MatrixXd scaled = MatrixXd::Zero(f.q, f.q);
    own.kept = MatrixXd::Identity(f.q, f.q);
    for (Index a = 0; a < f.q; ++a) {
      const VectorXd u = eigen.eigenvectors().col(a);
      double most = 0;
      for (Index l = 0; l < f.levels; ++l)
        most = std::max(most,
                        u.dot(Eigen::Map<const MatrixXd>(model_.m.diagonal()[g].data() + l * f.q * f.q, f.q, f.q) * u));
      const double square = eigen.eigenvalues()[a];
      if (square * most < kSmall) {
        own.small = true;
        continue;
      }
      scaled += u * u.transpose() / square;
      own.kept -= u * u.transpose();
    }
    own.divide = lambda.transpose() * scaled;
    parts_.push_back(own);
  }
}

void Traces::solve_fixed(Solver& solver) {
  solver.solve(fixed_.v, kTight, w_);
  const MatrixXd vw = fixed_.v.transpose() * w_;
  wt_ = w_ * (0.5 * (vw + vw.transpose())).inverse();
}

void Traces::add_batch(Index first, Index width, Solver& solver) {
  const Panel xi = xi_.middleCols(first, width);
  Panel z = z_.middleCols(first, width);
  solver.solve(xi, kLoose, z);
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

// Of d, all of it in the small directions, P d = d, what its share in the block of Z'PZ follows from: with
// z = C^{-1}Lambda'S d, U D^{-1}V'z along the directions by which is divided, twice as it stands on both sides, and
// -P S Lambda z along d's own.
void Traces::small_batch(const Panel& d, Panel& z, Solver& solver, Panel& out) {
  Panel s, k;
  model_.c.sweep(&d, nullptr, &s, nullptr);
  const Panel right = model_.c.scaled(s, true);
  solver.solve(right, kLoose, z);
  const Panel u = model_.c.scaled(z);
  model_.c.sweep(&u, nullptr, &k, nullptr);
  out.setZero(d.rows(), d.cols());
  for_small_levels([&](const Parts& own, Index first, Index q) {
    out.middleRows(first, q) = 2 * own.divide.transpose() * z.middleRows(first, q) - own.kept * k.middleRows(first, q);
  });
}

Panel Traces::in_small_directions(const Panel& x) const {
  Panel out = Panel::Zero(x.rows(), x.cols());
  for_small_levels([&](const Parts& own, Index first, Index q) {
    out.middleRows(first, q) = own.kept * x.middleRows(first, q);
  });
  return out;
}

void Traces::small_part(Solver& solver) {
  small_exact_.assign(parts_.size(), MatrixXd());
  small_.assign(parts_.size(), Sums());
  if (std::none_of(parts_.begin(), parts_.end(), [](const Parts& own) { return own.small; })) return;
  const Panel v = in_small_directions(fixed_.v);
  Panel t;
  small_batch(v, small_fixed_z_, solver, t);
  const Panel scaled_v = v * fixed_.square.cwiseInverse().asDiagonal();
  if (small_z_.cols() != xi_.cols()) small_z_.setZero(xi_.rows(), xi_.cols());
  for (std::size_t g = 0; g < parts_.size(); ++g) {
    const OtherFactor& f = model_.incidence.factors()[g];
    if (!parts_[g].small) continue;
    const MatrixXd exact = block_products(t, scaled_v, f.first, f.q, f.levels);
    small_exact_[g] = 0.5 * (exact + exact.transpose());
    small_[g].target.setZero(f.q * f.q, xi_.cols());
  }
  for (Index first = 0; first < xi_.cols(); first += 16) {
    const Index width = std::min<Index>(16, xi_.cols() - first);
    const Panel d = in_small_directions(xi_.middleCols(first, width));
    Panel warm = small_z_.middleCols(first, width);
    small_batch(d, warm, solver, t);
    small_z_.middleCols(first, width) = warm;
    for (std::size_t g = 0; g < parts_.size(); ++g)
      if (parts_[g].small)
        small_[g].target.middleCols(first, width) =
            probe_blocks(t, d, group_rows(model_, model_.incidence.factors()[g].group));
  }
}

TraceEstimate Traces::estimate(const Point& at, Solver& solver) {
  classify(at);
  const Index m = xi_.cols();
  if (z_.cols() != m) z_.setZero(xi_.rows(), m);
  rest_.resize(parts_.size());
  const auto clear = [&](Sums& sums, Index q) {
    sums.target.setZero(q * q, m);
    sums.control.setZero(q * q, m);
  };
  for (std::size_t g = 0; g < rest_.size(); ++g) clear(rest_[g], model_.incidence.factors()[g].q);
  clear(lead_, model_.incidence.lead_q());
  solve_fixed(solver);
  for (Index first = 0; first < m; first += 16) add_batch(first, std::min<Index>(16, m - first), solver);
  control_means();
  small_part(solver);
  TraceEstimate out;
  assemble(at, out);
  return out;
}

MatrixXd Traces::lead_block(const GroupRows& rows, MatrixXd& deviation) const {
  const MatrixXd exact = block_products(lead_of(wt_), lead_of(w_), 0, rows.q, rows.levels);
  const MatrixXd rest = square(regressed(lead_.target, lead_.control, lead_.mean, deviation));
  deviation = -deviation;
  return model_.c.lead_sum(nullptr) - exact - rest;
}

MatrixXd Traces::rest_block(std::size_t g, const GroupRows& rows, MatrixXd& deviation) const {
  const Index q = rows.q;
  const Parts& own = parts_[g];
  MatrixXd moved;
  const MatrixXd rest = square(regressed(rest_[g].target, rest_[g].control, rest_[g].mean, moved));
  const MatrixXd between = static_cast<double>(rows.levels) * MatrixXd::Identity(q, q) -
                           block_products(wt_, w_, rows.first, q, rows.levels) - rest;
  const auto divided = [&](const MatrixXd& x) { return MatrixXd(own.divide.transpose() * x * own.divide); };
  MatrixXd block = divided(between);
  deviation.resize(q * q, moved.cols());
  for (Index k = 0; k < moved.cols(); ++k) deviation.col(k) = -flat(divided(square(moved.col(k))));
  if (!own.small) return block;
  for (Index l = 0; l < rows.levels; ++l)
    block += own.kept * Eigen::Map<const MatrixXd>(model_.m.diagonal()[g].data() + l * q * q, q, q) * own.kept;
  block += small_exact_[g] + square(regressed(small_[g].target, MatrixXd(), VectorXd(), moved));
  deviation += moved;
  return block;
}

void Traces::assemble(const Point& at, TraceEstimate& out) const {
  const Layout& layout = model_.layout;
  Index entries = 0;
  for (const Group& g : layout.groups) entries += g.q * g.q;
  out.noise.resize(entries, xi_.cols());
  const bool fixed_effects = at.reml && at.beta.size() > 0;
  const Panel u_lead = fixed_effects ? at.u_lead() : Panel(), u_rest = fixed_effects ? at.u_rest() : Panel();
  Index first = 0;
  for (std::size_t group = 0; group < layout.groups.size(); ++group) {
    const GroupRows rows = group_rows(model_, static_cast<int>(group));
    std::size_t g = 0;
    while (!rows.lead && model_.incidence.factors()[g].group != static_cast<int>(group)) ++g;
    MatrixXd deviation, block = rows.lead ? lead_block(rows, deviation) : rest_block(g, rows, deviation);
    if (fixed_effects) {
      const Panel& u = rows.lead ? u_lead : u_rest;
      block -= block_products(u, u, rows.first, rows.q, rows.levels);
    }
    out.block.push_back(0.5 * (block + block.transpose()));
    out.noise.middleRows(first, rows.q * rows.q) = deviation;
    first += rows.q * rows.q;
  }
}

}  // namespace iterative
}  // namespace henderson
