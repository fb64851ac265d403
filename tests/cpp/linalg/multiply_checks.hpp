// Checks of multiply_add(), for the vectorized and the plain version alike.
#include "henderson/linalg/multiply.hpp"

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

void check_products() {
  henderson_tests::Rng rng(82);
  henderson::Checkpoint checkpoint;
  using henderson_tests::normals;
  // Around the sizes of the register tile, of the packed panels, and of a product too small for either.
  const Eigen::Index sizes[][3] = {{1, 1, 1},   {8, 6, 20},   {16, 12, 20}, {17, 13, 5},   {7, 30, 40},
                                   {31, 1, 50}, {1, 31, 50},  {33, 25, 1},  {200, 14, 10}, {20, 30, 300}, {3, 1540, 2}};
  for (const auto& s : sizes) {
    const Eigen::Index m = s[0], n = s[1], k = s[2];
    INFO(m << " x " << n << " x " << k);
    const Eigen::MatrixXd a = normals(rng, m, k), b = normals(rng, k, n), c = normals(rng, m, n);
    const Eigen::MatrixXd at = a.transpose(), bt = b.transpose(), truth = c - 2 * a * b;
    Eigen::MatrixXd frame = Eigen::MatrixXd::Constant(m + 2, n + 2, 5);  // around C nothing may change
    for (int variant = 0; variant < 4; ++variant) {
      frame.block(1, 1, m, n) = c;
      henderson::multiply_add(frame.block(1, 1, m, n), -2,
                              variant & 1 ? henderson::transposed(at) : henderson::plain(a),
                              variant & 2 ? henderson::transposed(bt) : henderson::plain(b), k, checkpoint);
      CHECK(henderson_tests::relative(Eigen::MatrixXd(frame.block(1, 1, m, n)), truth) < 1e-13);
      CHECK(frame.sum() - frame.block(1, 1, m, n).sum() == Approx(5 * (2 * (m + n) + 4)));
    }
  }
  Eigen::MatrixXd c = Eigen::MatrixXd::Ones(2, 3);
  const Eigen::MatrixXd a(2, 0), b(0, 3);
  henderson::multiply_add(c, 1, henderson::plain(a), henderson::plain(b), 0, checkpoint);
  CHECK(c == Eigen::MatrixXd::Ones(2, 3));
}

}  // namespace
