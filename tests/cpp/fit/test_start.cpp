#include "henderson/fit/start.hpp"

#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

TEST_CASE("the moment equations are those of MIVQUE0, summed over rows") {
  Rng rng(40);
  for (const Shape& s : shapes()) {
    Design d = shaped(rng, s);
    for (const bool weighted : {false, true}) {
      INFO(s.name << (weighted ? ", weighted" : ""));
      if (weighted) random_weights(rng, d);
      const henderson::CrossProducts data = cross_products(d);
      const auto directions = henderson::natural_directions(d.layout);
      const auto e = henderson::MomentStart(d.layout, data).equations(directions, data.n, data.x.total[0]);
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
        for (std::size_t j = 0; j < v.size(); ++j) information(i, j) = pv.cwiseProduct((zero.p * v[j]).transpose()).sum();
      }
      CHECK(relative(e.information, information) < 1e-10);
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

TEST_CASE("the lifted matrix is positive definite and leaves a good one alone") {
  Rng rng(42);
  const MatrixXd good = positive_definite(rng, 3);
  CHECK(relative(henderson::lift(good, 1e-3), good) < 1e-13);
  const MatrixXd bad = good - 2 * good.trace() * MatrixXd::Identity(3, 3);
  CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(henderson::lift(bad, 0.1)).eigenvalues().minCoeff() > 0.0999);
}
