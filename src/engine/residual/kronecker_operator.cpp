#include "henderson/residual/kronecker_operator.hpp"


#include "henderson/linalg/decompositions.hpp"
#include "henderson/residual/markov_operator.hpp"

namespace henderson {

Index Grid::size() const {
  Index out = 1;
  for (const MatrixXd& axis : axes) out *= axis.rows();
  return out;
}

namespace {

std::unique_ptr<SubjectOperator> axis_operator(const ResidualModel& model, const VectorXd& psi,
                                               const MatrixXd& positions, int order) {
  if (model.chain(0) >= 0 && positions.cols() == 1 && positions.rows() > kDensePositions)
    return std::make_unique<MarkovOperator>(model.structure().links(psi, positions.col(0)), 0, order);
  return std::make_unique<DenseOperator>(model, psi, 0, positions, MatrixXd(positions.rows(), 0), order);
}

}  // namespace

KroneckerOperator::KroneckerOperator(const ResidualModel& model, const VectorXd& psi, Index group, const Grid& grid,
                                     int order)
    : missing_(grid.missing) {
  Index columns = 0;
  for (const MatrixXd& axis : grid.axes) columns += axis.cols();
  const std::vector<AxisFactor> factors = model.axes(columns);
  const VectorXd all = model.whole(psi);
  const Index first = model.first_of(group);
  for (std::size_t k = 0; k < factors.size(); ++k) {
    const ResidualModel own(factors[k].structure, 1, VarianceFunction());
    Axis axis;
    axis.n = grid.axes[k].rows();
    axis.op = axis_operator(own, all.segment(first + factors[k].parameter, own.size()), grid.axes[k], order);
    if (!axis.op->ok()) return;
    for (Axis& before : axes_) before.inner *= axis.n;
    n_ *= axis.n;
    for (Index i = 0; i < own.size(); ++i) {
      const Index place = model.place(first + factors[k].parameter + i);
      if (place < 0) continue;
      active_.push_back(place);
      parameters_.push_back({k, i});
    }
    axes_.push_back(std::move(axis));
  }
  double log_det = 0;
  for (const Axis& axis : axes_) log_det += axis.op->log_det() * static_cast<double>(n_ / axis.n);
  fill_traces(order);
  log_det_ = log_det;
  if (!missing_.empty()) fill_missing(order);
}

template <class Body>
void KroneckerOperator::along(const Axis& axis, MatrixXd& rows, const Body& body) {
  const Index outer = rows.rows() / (axis.n * axis.inner), columns = rows.cols();
  if (axis.inner == 1) {
    MatrixXd turned = Eigen::Map<const MatrixXd>(rows.data(), axis.n, outer * columns);
    body(turned);
    rows = Eigen::Map<const MatrixXd>(turned.data(), rows.rows(), columns);
    return;
  }
  MatrixXd turned(axis.n, axis.inner * outer * columns);
  for (Index k = 0; k < outer * columns; ++k)
    turned.middleCols(k * axis.inner, axis.inner) =
        Eigen::Map<const MatrixXd>(rows.data() + k * axis.n * axis.inner, axis.inner, axis.n).transpose();
  body(turned);
  for (Index k = 0; k < outer * columns; ++k)
    Eigen::Map<MatrixXd>(rows.data() + k * axis.n * axis.inner, axis.inner, axis.n) =
        turned.middleCols(k * axis.inner, axis.inner).transpose();
}

// A column of a large field fits into the cache, and all of them would take much memory.
void KroneckerOperator::whiten(Eigen::Ref<MatrixXd> rows) const {
  MatrixXd own;
  for (Index c = 0; c < rows.cols(); ++c) {
    own = rows.col(c);
    for (const Axis& axis : axes_) along(axis, own, [&](MatrixXd& x) { axis.op->whiten(x); });
    leave_out(own);
    rows.col(c) = own;
  }
}

// (I - P) rows.
void KroneckerOperator::leave_out(MatrixXd& rows) const {
  if (missing_.empty()) return;
  MatrixXd back = rows;
  for (const Axis& axis : axes_) along(axis, back, [&](MatrixXd& x) { x = (axis.w.transpose() * x).eval(); });
  MatrixXd at(missing_.size(), rows.cols());
  for (Index k = 0; k < at.rows(); ++k) at.row(k) = back.row(missing_[k]);
  m_root_.triangularView<Eigen::Lower>().solveInPlace(at);
  m_root_.triangularView<Eigen::Lower>().transpose().solveInPlace(at);
  back.setZero();
  for (Index k = 0; k < at.rows(); ++k) back.row(missing_[k]) = at.row(k);
  for (const Axis& axis : axes_) along(axis, back, [&](MatrixXd& x) { axis.op->whiten(x); });
  rows -= back;
}

void KroneckerOperator::raw_direct(Index i, MatrixXd& rows) const {
  const Axis& axis = axes_[parameters_[i].axis];
  along(axis, rows, [&](MatrixXd& x) {
    MatrixXd out;
    axis.op->direct(parameters_[i].own, x, out);
    x = std::move(out);
  });
}

void KroneckerOperator::direct(Index i, const MatrixXd& whitened, MatrixXd& out) const {
  out.resize(whitened.rows(), whitened.cols());
  MatrixXd own;
  for (Index c = 0; c < whitened.cols(); ++c) {
    own = whitened.col(c);
    raw_direct(i, own);
    leave_out(own);
    out.col(c) = own;
  }
}

MatrixXd KroneckerOperator::raw_directed(Index i, const MatrixXd& rows) const {
  MatrixXd out(rows.rows(), rows.cols()), own;
  for (Index c = 0; c < rows.cols(); ++c) {
    own = rows.col(c);
    raw_direct(i, own);
    out.col(c) = own;
  }
  return out;
}

bool KroneckerOperator::has_second(Index i, Index j) const {
  const Parameter &a = parameters_[i], &b = parameters_[j];
  return a.axis != b.axis || axes_[a.axis].op->has_second(a.own, b.own);
}

MatrixXd KroneckerOperator::second_form(Index i, Index j, const MatrixXd& left, const MatrixXd& right) const {
  const Parameter &a = parameters_[i], &b = parameters_[j];
  if (a.axis != b.axis) return raw_directed(i, left).transpose() * raw_directed(j, right);
  const Axis& axis = axes_[a.axis];
  const Index rest = n_ / axis.n;
  MatrixXd out = MatrixXd::Zero(left.cols(), right.cols()), own_l, own_r;
  for (Index k = 0; k < rest; ++k) {
    const Index first = k / axis.inner * axis.n * axis.inner + k % axis.inner;
    own_l = slice(left, first, axis);
    own_r = slice(right, first, axis);
    out += axis.op->second_form(a.own, b.own, own_l, own_r);
  }
  return out;
}

// Rows `first`, and on along the axis.
MatrixXd KroneckerOperator::slice(const MatrixXd& rows, Index first, const Axis& axis) {
  return Eigen::Map<const MatrixXd, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>(
      rows.data() + first, axis.n, rows.cols(),
      Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(rows.rows(), axis.inner));
}

// Of the whole grid.
void KroneckerOperator::fill_traces(int order) {
  const Index k = static_cast<Index>(parameters_.size());
  traces_ = VectorXd::Zero(k);
  pairs_ = seconds_ = MatrixXd::Zero(k, k);
  for (Index i = 0; order > 0 && i < k; ++i) {
    const Axis& a = axes_[parameters_[i].axis];
    const double rest = static_cast<double>(n_ / a.n);
    traces_[i] = rest * a.op->trace(parameters_[i].own);
    for (Index j = 0; order > 1 && j <= i; ++j) {
      const Axis& b = axes_[parameters_[j].axis];
      const Index own = parameters_[i].own, other = parameters_[j].own;
      if (&a == &b) {
        pairs_(i, j) = rest * a.op->trace(own, other);
        if (a.op->has_second(own, other)) seconds_(i, j) = rest * a.op->second_trace(own, other);
      } else {
        pairs_(i, j) = seconds_(i, j) = rest / static_cast<double>(b.n) * a.op->trace(own) * b.op->trace(other);
      }
      pairs_(j, i) = pairs_(i, j);
      seconds_(j, i) = seconds_(i, j);
    }
  }
}

void KroneckerOperator::add_dense(Axis& axis, int order) const {
  axis.w = MatrixXd::Identity(axis.n, axis.n);
  axis.op->whiten(axis.w);
  axis.inverse = axis.w.transpose() * axis.w;
  const Index k = order > 0 ? static_cast<Index>(axis.op->active().size()) : 0;
  std::vector<MatrixXd> directed(k);
  axis.pair.resize(k);
  axis.second.resize(k);
  for (Index i = 0; i < k; ++i) {
    axis.op->direct(i, axis.w, directed[i]);
    axis.first.emplace_back(axis.w.transpose() * directed[i]);
    for (Index j = 0; order > 1 && j <= i; ++j) {
      axis.pair[i].emplace_back(directed[i].transpose() * directed[j]);
      axis.second[i].emplace_back(axis.op->has_second(i, j) ? axis.op->second_form(i, j, axis.w, axis.w) : MatrixXd());
    }
  }
}

MatrixXd KroneckerOperator::at_missing(const std::vector<const MatrixXd*>& m) const {
  const Index k = static_cast<Index>(missing_.size());
  MatrixXd out = MatrixXd::Ones(k, k);
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const auto at = [&](Index row) { return row / axes_[a].inner % axes_[a].n; };
    for (Index j = 0; j < k; ++j)
      for (Index i = 0; i < k; ++i) out(i, j) *= (*m[a])(at(missing_[i]), at(missing_[j]));
  }
  return out;
}

std::vector<const MatrixXd*> KroneckerOperator::inverses() const {
  std::vector<const MatrixXd*> out;
  for (const Axis& axis : axes_) out.push_back(&axis.inverse);
  return out;
}

// What the missing rows take out of the traces: tr(P K_i), 2 tr(P K_i K_j) - tr(P K_i P K_j), tr(P K_ij).
void KroneckerOperator::fill_missing(int order) {
  for (Axis& axis : axes_) add_dense(axis, order);
  const Eigen::LLT<MatrixXd> llt(at_missing(inverses()));
  if (llt.info() != Eigen::Success) {
    log_det_ = std::numeric_limits<double>::infinity();
    return;
  }
  m_root_ = llt.matrixL();
  log_det_ += 2 * m_root_.diagonal().array().log().sum();
  const Index k = static_cast<Index>(parameters_.size());
  if (order < 1 || k == 0) return;
  const MatrixXd inverse = llt.solve(MatrixXd::Identity(m_root_.rows(), m_root_.rows()));
  std::vector<MatrixXd> turned(k);
  for (Index i = 0; i < k; ++i) {
    std::vector<const MatrixXd*> m = inverses();
    const Parameter& a = parameters_[i];
    m[a.axis] = &axes_[a.axis].first[a.own];
    turned[i] = inverse * at_missing(m);
    traces_[i] -= turned[i].trace();
    for (Index j = 0; order > 1 && j <= i; ++j) {
      const Parameter& b = parameters_[j];
      const Axis& axis = axes_[a.axis];
      m = inverses();
      if (a.axis != b.axis) {
        m[a.axis] = &axis.first[a.own];
        m[b.axis] = &axes_[b.axis].first[b.own];
      } else {
        m[a.axis] = &axis.pair[a.own][b.own];
      }
      const double both = inverse.cwiseProduct(at_missing(m).transpose()).sum();
      pairs_(i, j) += turned[i].cwiseProduct(turned[j].transpose()).sum() - 2 * both;
      pairs_(j, i) = pairs_(i, j);
      if (!has_second(i, j)) continue;
      if (a.axis == b.axis) m[a.axis] = &axis.second[a.own][b.own];
      seconds_(i, j) -= a.axis != b.axis ? both : inverse.cwiseProduct(at_missing(m)).sum();
      seconds_(j, i) = seconds_(i, j);
    }
  }
}

}  // namespace henderson
