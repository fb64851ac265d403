#include "henderson/likelihood/criterion.hpp"

#include "henderson/prediction/solution.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

// Random effects of the engine, term by term, against those of the dense formula.
void check_effects(const Design& d, const std::vector<MatrixXd>& b, const Dense& truth) {
  for (std::size_t t = 0; t < b.size(); ++t) {
    const VectorXd expected = truth.effects(t);
    const Index q = d.layout.terms[t].q;
    const Eigen::Map<const MatrixXd> by_level(expected.data(), q, expected.size() / q);
    CHECK((b[t] - by_level.transpose()).cwiseAbs().maxCoeff() < 1e-9 * (1 + by_level.cwiseAbs().maxCoeff()));
  }
}

void check_point(const Design& d, const VectorXd& theta, bool reml) {
  const Point point(d, theta, reml);
  const Dense truth = point.dense();
  REQUIRE(point.at.ok());
  CHECK(relative(point.at.value, truth.value) < 1e-11);
  CHECK(relative(point.at.r2, truth.r2) < 1e-11);
  const henderson::Solution s = henderson::solve(point.problem, point.data, point.at, 0);
  CHECK(relative(s.value, truth.value) < 1e-11);
  CHECK(relative(s.log_det_x, truth.log_det_x) < 1e-11);
  CHECK(relative(s.beta, truth.beta) < 1e-10);
  CHECK(relative(s.vcov, MatrixXd(truth.sigma2 * truth.vcov)) < 1e-10);
  for (std::size_t t = 0; t < s.covariance.size(); ++t) {
    CHECK((s.covariance[t] - truth.sigma2 * truth.sigma[t]).cwiseAbs().maxCoeff() < 1e-11);
  }
  check_effects(d, s.b, truth);
}

}  // namespace

TEST_CASE("criterion, estimates and predictions are those of the dense formulas") {
  for_each_point(shapes(), 24, check_point);
}

TEST_CASE("the criterion does not see the signs of a factor's columns") {
  for_each_point(shapes(), 25, [](const Design& d, const VectorXd& theta, bool reml) {
    const Point point(d, theta, reml);
    const henderson::Evaluation turned = point.criterion.evaluate(-theta);
    CHECK(relative(turned.value, point.at.value) < 1e-13);
  });
}

TEST_CASE("scratch of an earlier evaluation changes nothing") {
  Rng rng(26);
  for (const Shape& s : shapes()) {
    INFO(s.name);
    const Design d = shaped(rng, s);
    const Point point(d, random_theta(rng, d.layout), true);
    const VectorXd theta = random_theta(rng, d.layout);
    const henderson::Evaluation fresh = point.criterion.evaluate(theta);
    const henderson::Evaluation reused = point.criterion.evaluate(theta, point.at);
    CHECK(fresh.value == reused.value);
    CHECK(fresh.beta == reused.beta);
  }
}

TEST_CASE("rows of weight zero and aliased columns of X are as if they were not there") {
  Rng rng(27);
  Design d = random_design(rng, 50, 4, {8, 5}, {{0, 2, "unstructured"}, {1, 1, "unstructured"}});
  d.x.col(2) = d.x.col(1) + 2 * d.x.col(0);
  random_weights(rng, d);
  for (Index i = 0; i < 50; i += 7) d.weight[i] = 0;
  check_point(d, random_theta(rng, d.layout), true);
  check_point(d, random_theta(rng, d.layout), false);
}

TEST_CASE("levels whose rows all have weight zero keep an effect of zero") {
  Rng rng(28);
  Design d = random_design(rng, 50, 2, {8, 5}, {{0, 2, "unstructured"}, {1, 1, "unstructured"}});
  random_weights(rng, d);
  for (Index i = 0; i < 50; ++i)
    if (d.code[0][i] == 3 || d.code[1][i] == 2) d.weight[i] = 0;
  check_point(d, random_theta(rng, d.layout), true);
}

TEST_CASE("every response of several has its own criterion") {
  Rng rng(29);
  Design d = random_design(rng, 50, 2, {8, 5}, {{0, 2, "unstructured"}, {1, 1, "unstructured"}});
  d.y = normals(rng, 50, 3);
  Point point(d, random_theta(rng, d.layout), true);
  for (Index j : {2, 0, 1}) {
    henderson::set_response(point.problem, point.data, j, nullptr);
    const henderson::Evaluation at = point.criterion.evaluate(point.at.theta);
    const Dense truth = dense_at(d, point.data, at.theta, true, j);
    CHECK(relative(at.value, truth.value) < 1e-11);
    const henderson::Solution s = henderson::solve(point.problem, point.data, at, j);
    CHECK(relative(s.beta, truth.beta) < 1e-10);
    check_effects(d, s.b, truth);
  }
}

TEST_CASE("values at several points are those at each of them") {
  Rng rng(31);
  for (const Shape& s : shapes()) {
    INFO(s.name);
    const Design d = shaped(rng, s);
    const Point point(d, random_theta(rng, d.layout), true);
    MatrixXd theta(point.at.theta.size(), 4);
    for (Index k = 0; k < 4; ++k) theta.col(k) = random_theta(rng, d.layout);
    theta(0, 2) = std::numeric_limits<double>::quiet_NaN();
    const MatrixXd found = point.criterion.values(theta, point.criterion.evaluate(theta.col(0)));
    for (Index k : {0, 1, 3}) {
      const henderson::Evaluation own = point.criterion.evaluate(theta.col(k));
      CHECK(found(0, k) == own.value);
      CHECK(found(1, k) == own.sigma2);
    }
    CHECK_FALSE(std::isfinite(found(0, 2)));
  }
}

TEST_CASE("what is not finite is told by an infinite value") {
  Rng rng(30);
  const Design d = shaped(rng, shapes()[8]);
  const Point point(d, random_theta(rng, d.layout), true);
  VectorXd theta = point.at.theta;
  theta[0] = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(point.criterion.evaluate(theta).ok());
  theta[0] = std::numeric_limits<double>::infinity();
  CHECK_FALSE(point.criterion.evaluate(theta).ok());
}
