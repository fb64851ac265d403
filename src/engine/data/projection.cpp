#include "henderson/data/projection.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/linalg/decompositions.hpp"

namespace henderson {

Eigen::Block<MatrixXd, 1, Eigen::Dynamic> StreamingQr::next_row() {
  if (used_ == height_) flush();
  return buffer_.row(k_ + used_++);
}

void StreamingQr::add(StreamingQr& other) {
  other.finish();
  for (Index j = 0; j < k_; ++j) next_row() = other.buffer_.row(j);
  left_over_ += other.left_over_;
}

void StreamingQr::check() const {
  if (checkpoint_ != nullptr && k_ > kQrPanel) checkpoint_->check();
}

void StreamingQr::flush() {
  if (used_ == 0) return;
  for (Index j = 0; j < k_; j += kQrPanel) factor(j, std::min(kQrPanel, k_ - j));
  left_over_ += buffer_.block(k_, k_, used_, m_).colwise().squaredNorm().transpose();
  buffer_.bottomRows(height_).setZero();
  used_ = 0;
}

void StreamingQr::factor(Index j, Index width) {
  const Index rows = k_ + used_ - j, rest = k_ + m_ - j - width;
  const Eigen::HouseholderQR<MatrixXd> qr(buffer_.block(j, j, rows, width));
  for (Index at = 0; at < rest; at += kQrPanel) {
    buffer_.block(j, j + width + at, rows, std::min(kQrPanel, rest - at)).applyOnTheLeft(qr.householderQ().adjoint());
    check();
  }
  buffer_.block(j, j, buffer_.rows() - j, width).setZero();
  buffer_.block(j, j, width, width) = qr.matrixQR().topRows(width).triangularView<Eigen::Upper>();
}

MatrixXd unshift(const MatrixXd& shifted, const VectorXd& shift, const VectorXd& constant) {
  if (constant.size() == 0) return shifted;
  return shifted - constant * (shift.transpose() * shifted);
}

void find_aliases(const MatrixXd& work, const MatrixXd& triangle, const VectorXd& norm, Projection& out) {
  const Index p = work.cols() < norm.size() ? work.cols() : norm.size(), rank = triangle.rows();
  out.alias = MatrixXd::Zero(rank, p);
  for (Index j = 0, before = 0; j < p; ++j) {
    VectorXd own = work.col(j).head(before);
    if (before > 0) triangle.topLeftCorner(before, before).triangularView<Eigen::Upper>().solveInPlace(own);
    double gap = out.shift[j], size = std::abs(gap);
    for (Index k = 0; k < before; ++k) {
      if (std::abs(own[k]) * norm[out.kept[k]] <= kRankTolerance * norm[j]) own[k] = 0;
      gap -= own[k] * out.shift[out.kept[k]];
      size += std::abs(own[k] * out.shift[out.kept[k]]);
    }
    if (std::abs(gap) <= 1e-12 * size) gap = 0;
    out.alias.col(j).head(before) = own;
    for (Index k = 0; k < before && out.constant.size() > 0; ++k) out.alias(k, j) += gap * out.constant[out.kept[k]];
    if (before < rank && out.kept[before] == j) ++before;
  }
}

void sum_responses(const MatrixXd& r, const StreamingQr& qr, const VectorXd& shift, Projection& out) {
  const double epsilon = std::numeric_limits<double>::epsilon();
  const Index m = shift.size();
  const VectorXd centered = r.rightCols(m).colwise().squaredNorm().transpose() + qr.left_over();
  out.square = centered;
  if (out.constant.size() > 0) {
    const VectorXd one = r.leftCols(r.cols() - m) * out.constant;
    for (Index j = 0; j < m; ++j) {
      const double s = shift[j];
      out.square[j] += s * (2 * one.dot(r.rightCols(m).col(j)) + s * one.squaredNorm());
    }
  }
  out.rounding = std::pow(64 * epsilon, 2) * centered + std::pow(2 * epsilon, 2) * out.square;
}

namespace {

// The columns of `work` that say something new, reflected in turn so that theirs are a triangle; their number. `along`:
// the direction of the constant; `root`: the size of one.
Index keep_columns(const StreamingQr& qr, const VectorXd& along, double root, MatrixXd& work, Projection& out) {
  const Index p = qr.r().cols();
  const bool shifted = out.constant.size() > 0;
  Index rank = 0;
  out.novelty.assign(p, 0.0);
  out.kept.clear();
  for (Index j = 0; j < p; ++j) {
    qr.check();
    const VectorXd original = qr.r().col(j);
    double variation = original.norm();
    const double magnitude = variation + (shifted ? std::abs(out.shift[j]) * root : 0.0);
    if (shifted && out.constant[j] == 0) variation = (original - along * along.dot(original)).norm();
    const double fresh = rank < work.rows() ? work.col(j).tail(work.rows() - rank).norm() : 0.0;
    out.novelty[j] = variation > 0 ? std::min(1.0, fresh / variation) : 0.0;
    const double rounding = 16 * std::numeric_limits<double>::epsilon() * magnitude;
    if (!(fresh > kRankTolerance * variation) || fresh <= rounding) {
      out.novelty[j] = 0;
      continue;
    }
    VectorXd essential(work.rows() - rank - 1);
    double tau, beta;
    work.col(j).tail(work.rows() - rank).makeHouseholder(essential, tau, beta);
    VectorXd scratch(work.cols());
    work.bottomRightCorner(work.rows() - rank, work.cols() - j)
        .applyHouseholderOnTheLeft(essential, tau, scratch.data());
    out.kept.push_back(j);
    ++rank;
  }
  return rank;
}

}  // namespace

void orthogonalize(const StreamingQr& qr, const VectorXd& response_shift, double length, double weight,
                   Projection& out) {
  const Index p = qr.r().cols(), m = qr.q_y().cols();
  MatrixXd r(p, p + m);
  r << qr.r(), qr.q_y();
  MatrixXd work = r;
  VectorXd along = VectorXd::Zero(r.rows());
  if (out.constant.size() > 0) {
    along = r.leftCols(p) * out.constant;
    along.normalize();
  }
  const Index rank = keep_columns(qr, along, std::max(length, 1.0) * weight, work, out);
  MatrixXd triangle(rank, rank);
  for (Index j = 0; j < rank; ++j) triangle.col(j) = work.col(out.kept[j]).head(rank);
  triangle.triangularView<Eigen::StrictlyLower>().setZero();
  find_aliases(work, triangle, r.leftCols(p).colwise().norm().transpose(), out);
  VectorXd shift(rank), constant(out.constant.size() > 0 ? rank : 0);
  out.log_det_r = 0;
  for (Index j = 0; j < rank; ++j) {
    out.log_det_r += std::log(std::abs(triangle(j, j)));
    shift[j] = out.shift[out.kept[j]];
    if (constant.size() > 0) constant[j] = out.constant[out.kept[j]];
  }
  const auto upper = triangle.triangularView<Eigen::Upper>();
  out.to_orthogonal = length * MatrixXd::Identity(rank, rank);
  out.fit = work.topRightCorner(rank, m);
  for (Index j = 0; j < rank; j += rank > kQrPanel ? kQrPanel : rank) {
    auto panel = out.to_orthogonal.middleCols(j, rank > kQrPanel ? std::min(kQrPanel, rank - j) : rank);
    upper.solveInPlace(panel);
    qr.check();
  }
  if (rank > 0 && m > 0) upper.solveInPlace(out.fit);
  out.basis = unshift(out.to_orthogonal, shift, constant);
  out.response = unshift(out.fit, shift, constant);
  out.total = work.bottomRightCorner(p - rank, m).colwise().squaredNorm().transpose() + qr.left_over();
  if (constant.size() > 0) out.response += constant * response_shift.transpose();
  sum_responses(r, qr, response_shift, out);
}

}  // namespace henderson
