#include "henderson/likelihood/leading.hpp"

#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

TEST_CASE("I + M M' has its factor, for fixed and free sizes") {
  Rng rng(22);
  for (const Index q : {1, 2, 4, 7}) {
    const MatrixXd m = normals(rng, q, q);
    MatrixXd h(q, q);
    henderson::cholesky_plus_identity(m, h);
    CHECK(relative(MatrixXd(h * h.transpose()), MatrixXd(m * m.transpose() + MatrixXd::Identity(q, q))) < 1e-14);
  }
  const Eigen::Matrix2d m = normals(rng, 2, 2);
  Eigen::Matrix2d h;
  MatrixXd free(2, 2);
  henderson::cholesky_plus_identity(m, h);
  henderson::cholesky_plus_identity(MatrixXd(m), free);
  CHECK(MatrixXd(h) == free);
}

TEST_CASE("levels with the same design can be mixed without a change of criterion or derivatives") {
  Rng rng(23);
  henderson::Checkpoint checkpoint;
  for (const Index q : {1, 2}) {
    const Index levels = 12, n = 4 * levels;  // balanced: every level has the same rows of Z
    Design d = random_design(rng, n, 2, {levels}, {{0, q, "unstructured"}});
    for (Index i = 0; i < n; ++i) {
      d.code[0][i] = static_cast<int>(i / 4) + 1;
      d.z[0].row(i) = d.z[0].row(i % 4);
    }
    Point single(d, random_theta(rng, d.layout), true);
    const auto classes = henderson::levels_by_root(d.layout, single.data);
    REQUIRE(classes.size() == 1);
    henderson::Problem mixed = henderson::make_problem(d.layout, single.data, 1e300, checkpoint);
    henderson::set_response(mixed, single.data, 0, &classes);
    CHECK(mixed.lead.t.rows() == 3 * q * q);
    for (const bool reml : {true, false}) {
      const henderson::Criterion a(single.problem, reml, checkpoint), b(mixed, reml, checkpoint);
      const henderson::Evaluation one = a.evaluate(single.at.theta), other = b.evaluate(single.at.theta);
      CHECK(relative(other.value, one.value) < 1e-13);
      CHECK(relative(other.beta, one.beta) < 1e-11);
      const henderson::Derivatives da = henderson::derivatives(a, one), db = henderson::derivatives(b, other);
      CHECK(relative(db.gradient, da.gradient) < 1e-10);
      CHECK(relative(db.hessian, da.hessian) < 1e-10);
    }
  }
}
