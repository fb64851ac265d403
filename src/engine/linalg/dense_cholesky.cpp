#include "henderson/linalg/dense_cholesky.hpp"

#include "henderson/linalg/decompositions.hpp"


namespace henderson {

void solve_transposed_right(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint) {
  const Index n = l.rows();
  if (n <= kLeaf) {
    l.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(b);
    return;
  }
  const Index h = half_of(n), rest = n - h;
  solve_transposed_right(l.topLeftCorner(h, h), b.leftCols(h), checkpoint);
  multiply_add(b.rightCols(rest), -1, plain(b.leftCols(h)), transposed(l.bottomLeftCorner(rest, h)), h, checkpoint);
  solve_transposed_right(l.bottomRightCorner(rest, rest), b.rightCols(rest), checkpoint);
}

void solve_right(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint) {
  const Index n = l.rows();
  if (n <= kLeaf) {
    l.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(b);
    return;
  }
  const Index h = half_of(n), rest = n - h;
  solve_right(l.bottomRightCorner(rest, rest), b.rightCols(rest), checkpoint);
  multiply_add(b.leftCols(h), -1, plain(b.rightCols(rest)), plain(l.bottomLeftCorner(rest, h)), rest, checkpoint);
  solve_right(l.topLeftCorner(h, h), b.leftCols(h), checkpoint);
}

void solve_left(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint) {
  const Index n = l.rows();
  if (n <= kLeaf) {
    l.triangularView<Eigen::Lower>().solveInPlace(b);
    return;
  }
  const Index h = half_of(n), rest = n - h;
  solve_left(l.topLeftCorner(h, h), b.topRows(h), checkpoint);
  multiply_add(b.bottomRows(rest), -1, plain(l.bottomLeftCorner(rest, h)), plain(b.topRows(h)), h, checkpoint);
  solve_left(l.bottomRightCorner(rest, rest), b.bottomRows(rest), checkpoint);
}

void multiply_transposed_left(const Eigen::Ref<const MatrixXd>& l, Eigen::Ref<MatrixXd> b, Checkpoint& checkpoint) {
  const Index n = l.rows();
  if (n == 0 || b.cols() == 0) return;
  if (n <= kLeaf) {
    b = (l.triangularView<Eigen::Lower>().transpose() * MatrixXd(b)).eval();
    return;
  }
  const Index h = half_of(n), rest = n - h;
  multiply_transposed_left(l.topLeftCorner(h, h), b.topRows(h), checkpoint);
  multiply_add(b.topRows(h), 1, transposed(l.bottomLeftCorner(rest, h)), plain(b.bottomRows(rest)), rest, checkpoint);
  multiply_transposed_left(l.bottomRightCorner(rest, rest), b.bottomRows(rest), checkpoint);
}

void multiply_add_symmetric(Eigen::Ref<MatrixXd> c, double alpha, const Strided& a, const Strided& b, Index k,
                            Checkpoint& checkpoint) {
  const Index n = c.rows();
  if (n <= 2 * kLeaf) {
    MatrixXd full = MatrixXd::Zero(n, n);
    multiply_add(full, alpha, a, b, k, checkpoint);
    c.triangularView<Eigen::Lower>() += full;
    return;
  }
  const Index h = half_of(n), rest = n - h;
  multiply_add_symmetric(c.topLeftCorner(h, h), alpha, a, b, k, checkpoint);
  multiply_add(c.bottomLeftCorner(rest, h), alpha, {a.data + h * a.row, a.row, a.col}, b, k, checkpoint);
  multiply_add_symmetric(c.bottomRightCorner(rest, rest), alpha, {a.data + h * a.row, a.row, a.col},
                         {b.data + h * b.col, b.row, b.col}, k, checkpoint);
}

bool cholesky_in_place(Eigen::Ref<MatrixXd> a, Checkpoint& checkpoint) {
  const Index n = a.rows();
  if (n <= kLeaf) {
    const Eigen::LLT<Eigen::Ref<MatrixXd>> in_place(a);
    return in_place.info() == Eigen::Success;
  }
  const Index h = half_of(n), rest = n - h;
  if (!cholesky_in_place(a.topLeftCorner(h, h), checkpoint)) return false;
  solve_transposed_right(a.topLeftCorner(h, h), a.bottomLeftCorner(rest, h), checkpoint);
  multiply_add_symmetric(a.bottomRightCorner(rest, rest), -1, plain(a.bottomLeftCorner(rest, h)),
                         transposed(a.bottomLeftCorner(rest, h)), h, checkpoint);
  return cholesky_in_place(a.bottomRightCorner(rest, rest), checkpoint);
}

void invert_lower_in_place(Eigen::Ref<MatrixXd> l, Checkpoint& checkpoint) {
  const Index n = l.rows();
  if (n <= kLeaf) {
    MatrixXd inverse = MatrixXd::Identity(n, n);
    l.triangularView<Eigen::Lower>().solveInPlace(inverse);
    l.triangularView<Eigen::Lower>() = inverse;
    return;
  }
  const Index h = half_of(n), rest = n - h;
  Eigen::Ref<MatrixXd> below = l.bottomLeftCorner(rest, h);
  solve_right(l.topLeftCorner(h, h), below, checkpoint);
  solve_left(l.bottomRightCorner(rest, rest), below, checkpoint);
  below = -below;
  invert_lower_in_place(l.topLeftCorner(h, h), checkpoint);
  invert_lower_in_place(l.bottomRightCorner(rest, rest), checkpoint);
}

void multiply_transposed_lower_in_place(Eigen::Ref<MatrixXd> m, Checkpoint& checkpoint) {
  const Index n = m.rows();
  if (n <= kLeaf) {
    const MatrixXd lower = m.triangularView<Eigen::Lower>();
    m.triangularView<Eigen::Lower>() = MatrixXd(lower.transpose() * lower);
    return;
  }
  const Index h = half_of(n), rest = n - h;
  Eigen::Ref<MatrixXd> below = m.bottomLeftCorner(rest, h);
  multiply_transposed_lower_in_place(m.topLeftCorner(h, h), checkpoint);
  multiply_add_symmetric(m.topLeftCorner(h, h), 1, transposed(below), plain(below), rest, checkpoint);
  multiply_transposed_left(m.bottomRightCorner(rest, rest), below, checkpoint);
  multiply_transposed_lower_in_place(m.bottomRightCorner(rest, rest), checkpoint);
}

void inverse_from_cholesky_in_place(Eigen::Ref<MatrixXd> l, Checkpoint& checkpoint) {
  invert_lower_in_place(l, checkpoint);
  multiply_transposed_lower_in_place(l, checkpoint);
}

}  // namespace henderson
