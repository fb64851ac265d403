#include "henderson/search/start.hpp"

#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

std::vector<int> terms_at_start(const Design& d, bool by_moments) {
  henderson::Checkpoint checkpoint;
  const henderson::CrossProducts data = cross_products(d);
  henderson::Problem problem = henderson::make_problem(d.layout, data, 1e300, checkpoint);
  henderson::set_response(problem, data, 0, nullptr);
  int evaluations = 0;
  return by_moments ? henderson::moment_start(problem, data).terms
                    : henderson::scoring_start(problem, checkpoint, evaluations).terms;
}

// One column for each level times `by`, mixed by an orthogonal matrix, `left_out` of them missing.
MatrixXd mixed_levels_of(Rng& rng, const std::vector<int>& code, Index levels, const VectorXd& by, Index left_out) {
  MatrixXd out = MatrixXd::Zero(by.size(), levels);
  for (Index i = 0; i < by.size(); ++i) out(i, code[i] - 1) = by[i];
  const Eigen::HouseholderQR<MatrixXd> qr(normals(rng, levels, levels));
  return (out * MatrixXd(qr.householderQ())).leftCols(levels - left_out);
}

// Are vec(K'V_i K) and vec(K'K), K'X = 0, linearly independent? The information is their Gram matrix.
bool tells_apart(const Design& d) {
  const henderson::CrossProducts data = cross_products(d);
  const Index n = d.rows();
  Eigen::ColPivHouseholderQR<MatrixXd> qr(d.x);
  const MatrixXd q = qr.householderQ() * MatrixXd::Identity(n, n), k = q.rightCols(n - qr.rank());
  const auto directions = henderson::natural_directions(d.layout, henderson::identity_theta(d.layout));
  MatrixXd stack(k.cols() * k.cols(), directions.size() + 1);
  for (std::size_t i = 0; i <= directions.size(); ++i) {
    const MatrixXd v = i < directions.size() ? direction_matrix(d, data, directions[i]) : MatrixXd::Identity(n, n);
    const MatrixXd left = k.transpose() * v * k / v.norm();
    stack.col(i) = Eigen::Map<const VectorXd>(left.data(), left.size());
    stack.col(i) *= stack.col(i).norm() > 1e-12 ? 1 / stack.col(i).norm() : 0.0;
  }
  return Eigen::JacobiSVD<MatrixXd>(stack).singularValues().minCoeff() > 1e-10;
}

Design with_fixed(Design d, const MatrixXd& more) {
  MatrixXd x(d.rows(), d.x.cols() + more.cols());
  x << d.x, more;
  d.x = x;
  d.constants.x = VectorXd::Unit(x.cols(), 0);
  return d;
}

}  // namespace

TEST_CASE("the moment equations are those of MIVQUE0, summed over rows") {
  Rng rng(40);
  for (const Shape& s : shapes()) {
    Design d = shaped(rng, s);
    for (const bool weighted : {false, true}) {
      INFO(s.name << (weighted ? ", weighted" : ""));
      if (weighted) random_weights(rng, d);
      const henderson::CrossProducts data = cross_products(d);
      const auto directions = henderson::natural_directions(d.layout, henderson::identity_theta(d.layout));
      const auto e = henderson::MomentStart(d.layout, data, 0).equations(directions, data.n, data.x.total[0]);
      const Dense zero = dense_at(d, data, VectorXd::Zero(d.layout.n_theta), true);  // P = M there
      std::vector<MatrixXd> v;
      for (const auto& direction : directions) v.push_back(direction_matrix(d, data, direction));
      v.push_back(zero.v_inverse.diagonal().cwiseInverse().asDiagonal());
      const VectorXd py = zero.p * zero.y;
      MatrixXd information(v.size(), v.size());
      VectorXd right(v.size());
      for (std::size_t i = 0; i < v.size(); ++i) {
        right[i] = py.dot(v[i] * py);
        const MatrixXd pv = zero.p * v[i];
        for (std::size_t j = 0; j < v.size(); ++j)
          information(i, j) = pv.cwiseProduct((zero.p * v[j]).transpose()).sum();
      }
      CHECK(relative(e.evidence.information, information) < 1e-10);
      CHECK(relative(e.right, right) < 1e-10);
    }
  }
}

TEST_CASE("what the data cannot tell apart is named") {
  Rng rng(41);
  henderson::Checkpoint checkpoint;
  int evaluations = 0;
  const auto start = [&](const Design& d) {
    const henderson::CrossProducts data = cross_products(d);
    henderson::Problem problem = henderson::make_problem(d.layout, data, 1e300, checkpoint);
    henderson::set_response(problem, data, 0, nullptr);
    const henderson::Start by_moments = henderson::moment_start(problem, data);
    const henderson::Start by_score = henderson::scoring_start(problem, checkpoint, evaluations);
    CHECK(by_moments.terms == by_score.terms);
    CHECK(by_moments.identified == by_score.terms.empty());
    return by_score.terms;
  };
  Design single = random_design(rng, 12, 1, {12}, {{0, 1, "unstructured"}});  // one row for each level
  CHECK(start(single) == (std::vector<int>{-1, 0}));
  Design twice = random_design(rng, 40, 1, {8, 8}, {{0, 1, "unstructured"}, {1, 1, "unstructured"}});
  twice.code[1] = twice.code[0];                                              // one factor under two names
  CHECK(start(twice) == (std::vector<int>{0, 1}));
  Design fixed = random_design(rng, 40, 6, {6}, {{0, 1, "unstructured"}});
  for (Index i = 0; i < 40; ++i)
    for (Index j = 0; j < 6; ++j) fixed.x(i, j) = fixed.code[0][i] == j + 1;    // the levels are fixed effects too
  fixed.constants.x = VectorXd::Ones(6);
  CHECK(start(fixed) == (std::vector<int>{0}));
  CHECK(start(random_design(rng, 40, 2, {8, 5}, {{0, 2, "unstructured"}, {1, 1, "unstructured"}})).empty());
}

TEST_CASE("fixed effects that take all of a term but rounding leave nothing, those that leave one contrast do") {
  Rng rng(43);
  for (const Shape& s : shapes()) {
    for (const Index left_out : {Index{0}, Index{2}}) {   // the constant is one of the columns
      INFO(s.name << ", left out " << left_out);
      const Design plain = shaped(rng, s);
      if (plain.x.cols() == 0 || s.levels[0] > 9) continue;
      const MatrixXd means = mixed_levels_of(rng, plain.code[0], s.levels[0], VectorXd::Ones(s.n), left_out);
      const Design d = with_fixed(plain, means);
      const bool truth = tells_apart(d);
      if (left_out == 2) CHECK(truth);
      CHECK(terms_at_start(d, false).empty() == truth);
      CHECK(terms_at_start(d, true).empty() == truth);
      if (s.terms[0].q < 2) continue;
      const Design slopes =
          with_fixed(plain, mixed_levels_of(rng, plain.code[0], s.levels[0], plain.z[0].col(1), left_out));
      const bool slope_truth = tells_apart(slopes);
      CHECK(terms_at_start(slopes, false).empty() == slope_truth);
      CHECK(terms_at_start(slopes, true).empty() == slope_truth);
    }
  }
  const Design many = random_design(rng, 400, 1, {100}, {{0, 1, "unstructured"}});
  const VectorXd one = VectorXd::Ones(400);
  CHECK(terms_at_start(with_fixed(many, mixed_levels_of(rng, many.code[0], 100, one, 0)), false) ==
        std::vector<int>{0});
  CHECK(terms_at_start(with_fixed(many, mixed_levels_of(rng, many.code[0], 100, one, 0)), true) == std::vector<int>{0});
  CHECK(terms_at_start(with_fixed(many, mixed_levels_of(rng, many.code[0], 100, one, 2)), false).empty());
  CHECK(terms_at_start(with_fixed(many, mixed_levels_of(rng, many.code[0], 100, one, 2)), true).empty());
}

TEST_CASE("one huge value does not hide what the other levels say") {
  Rng rng(46);
  for (const Shape& s : shapes()) {
    if (s.name != "slopes" && s.name != "crossed, slopes in both" && s.name != "five columns, diagonal") continue;
    INFO(s.name);
    Design d = shaped(rng, s);
    const double before = cross_products(d).z_basis[0].diagonal().cwiseAbs().maxCoeff();
    d.z[0](2, 1) = 1e6;
    if (d.z.size() > 1) d.z[1](2, 1) = 1e4;   // plain sums keep half the digits
    CHECK(cross_products(d).z_basis[0].diagonal().cwiseAbs().maxCoeff() > before / 30);  // not the scale of one row
    CHECK(terms_at_start(d, false).empty());
    const VectorXd theta = random_theta(rng, d.layout);
    const Point point(d, theta, false);
    CHECK(relative(point.at.value, point.dense().value) < 1e-7);
  }
}

TEST_CASE("the nearest positive definite matrix is positive definite and leaves a good one alone") {
  Rng rng(42);
  const MatrixXd good = positive_definite(rng, 3);
  CHECK(relative(henderson::positive_definite(good, 1e-3), good) < 1e-13);
  const MatrixXd bad = good - 2 * good.trace() * MatrixXd::Identity(3, 3);
  const MatrixXd near = henderson::positive_definite(bad, 0.1);
  CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(near).eigenvalues().minCoeff() > 0.0999);
}
