#include "henderson/likelihood/root_form.hpp"

#include "henderson/prediction/marginal_predictor.hpp"
#include "henderson/prediction/solution.hpp"
#include "henderson/inference/information.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

Shape without_bounds(Shape s) {
  for (TermShape& t : s.terms) t.structure += " unbounded";
  return s;
}

// Small, of any sign: V stays positive definite.
VectorXd indefinite_theta(Rng& rng, const henderson::Layout& layout) {
  return 0.006 * normals(rng, layout.n_theta, 1).col(0);
}

template <class Body>
void for_each_indefinite_point(unsigned seed, const Body& body) {
  Rng rng(seed);
  int indefinite = 0;
  for (const Shape& s : shapes()) {
    Design d = shaped(rng, without_bounds(s));
    for (const bool weighted : {false, true})
      for (const bool reml : {true, false}) {
        if (weighted) random_weights(rng, d);
        const VectorXd theta = indefinite_theta(rng, d.layout);
        indefinite += (theta.array() < 0).any();
        INFO(s.name << (weighted ? ", weighted" : "") << (reml ? ", REML" : ", ML")
                    << ", theta = " << theta.transpose());
        henderson::CrossProducts sums = cross_products(d);
        const Point by_rows(d, theta, reml, sums);
        REQUIRE(by_rows.at.ok());
        body(by_rows, by_rows.dense());
        if (sums.rows.z.size() == 0) continue;
        sums.rows = henderson::KeptRows();
        const Point by_sums(d, theta, reml, sums);
        REQUIRE(by_sums.at.ok());
        body(by_sums, by_sums.dense());
      }
  }
  CHECK(indefinite > 10);
}

}  // namespace

TEST_CASE("at an indefinite covariance everything is that of the dense formulas") {
  for_each_indefinite_point(31, [](const Point& point, const Dense& truth) {
    CHECK(relative(point.at.value, truth.value) < 1e-11);
    const henderson::Solution s = henderson::solve(point.problem, point.data, point.at, 0);
    CHECK(relative(s.beta, truth.beta) < 1e-10);
    CHECK(relative(s.vcov, MatrixXd(truth.sigma2 * truth.vcov)) < 1e-10);
    for (std::size_t t = 0; t < s.b.size(); ++t) {
      CHECK((s.covariance[t] - truth.sigma2 * truth.sigma[t]).norm() < 1e-11 * (1 + truth.sigma2));
      const VectorXd b = truth.effects(t);
      const Eigen::Map<const MatrixXd> by_level(b.data(), s.b[t].cols(), s.b[t].rows());
      CHECK((s.b[t] - by_level.transpose()).norm() < 1e-9 * (1 + by_level.norm()));
    }
  });
}

TEST_CASE("its gradient and Hessian are the differences of the criterion") {
  for_each_indefinite_point(32, [](const Point& point, const Dense&) {
    const henderson::Derivatives d = henderson::derivatives(point.criterion, point.at);
    REQUIRE(d.exact);
    const double h = 1e-4;
    for (Index k = 0; k < point.at.theta.size(); ++k) {
      const VectorXd step = h * VectorXd::Unit(point.at.theta.size(), k);
      const henderson::Evaluation up = point.criterion.evaluate(point.at.theta + step),
                                  down = point.criterion.evaluate(point.at.theta - step);
      CHECK(std::abs((up.value - down.value) / (2 * h) - d.gradient[k]) < 1e-4 * (1 + std::abs(d.gradient[k])));
      const VectorXd bend = (henderson::derivatives(point.criterion, up).gradient -
                             henderson::derivatives(point.criterion, down).gradient) /
                            (2 * h);
      CHECK((bend - d.hessian.col(k)).norm() < 1e-3 * (1 + d.hessian.norm()));
    }
  });
}

TEST_CASE("conditional variances and those of predictions follow from V without an inverse of Sigma") {
  for_each_indefinite_point(33, [](const Point& point, const Dense& truth) {
    henderson::Checkpoint checkpoint;
    const henderson::MarginalPredictor predictor(point.problem, point.data, point.at, checkpoint);
    const henderson::Layout& layout = point.design.layout;
    for (std::size_t t = 0; t < layout.terms.size(); ++t) {
      const henderson::Term& term = layout.terms[t];
      const MatrixXd zb = truth.z[t] * truth.block(t);
      const MatrixXd all = truth.block(t) - zb.transpose() * truth.v_inverse * zb;
      const auto found = predictor.conditional(term.group, checkpoint);
      for (Index l = 0; l < layout.groups[term.group].levels; ++l)
        CHECK((found[l].block(term.column, term.column, term.q, term.q) / truth.sigma2 -
               all.block(l * term.q, l * term.q, term.q, term.q))
                  .norm() < 1e-9);
    }
    // Every row's own combination: x'beta + z'b.
    henderson::Combinations c;
    const Index n = static_cast<Index>(truth.row.size());
    std::vector<MatrixXd> z;
    std::vector<std::vector<int>> code(layout.groups.size());
    for (std::size_t t = 0; t < layout.terms.size(); ++t) {
      z.push_back(MatrixXd(n, layout.terms[t].q));
      for (Index i = 0; i < n; ++i) z[t].row(i) = point.design.z[t].row(truth.row[i]);
    }
    for (std::size_t t = 0; t < z.size(); ++t) c.z.emplace_back(z[t].data(), n, z[t].cols());
    for (std::size_t g = 0; g < code.size(); ++g) {
      for (Index i = 0; i < n; ++i) code[g].push_back(point.design.code[g][truth.row[i]]);
      c.code.push_back(code[g].data());
    }
    new (&c.x) henderson::ConstMatrix(truth.x.data(), n, truth.x.cols());
    MatrixXd zbz = MatrixXd::Zero(n, n);
    for (std::size_t t = 0; t < z.size(); ++t) zbz += truth.z[t] * truth.block(t) * truth.z[t].transpose();
    const MatrixXd a = truth.x - zbz * truth.v_inverse * truth.x;
    const MatrixXd expected = truth.sigma2 * (zbz - zbz * truth.v_inverse * zbz + a * truth.vcov * a.transpose());
    CHECK((predictor.covariance(c) - expected).norm() < 1e-8 * (1 + expected.norm()));
    CHECK((predictor.variances(c, checkpoint) - expected.diagonal()).norm() < 1e-8 * (1 + expected.norm()));
  });
}

TEST_CASE("where V is not positive definite the criterion has no value") {
  Rng rng(34);
  for (const Shape& s : shapes()) {
    INFO(s.name);
    const Design d = shaped(rng, without_bounds(s));
    VectorXd theta = VectorXd::Zero(d.layout.n_theta);
    theta[0] = -10;
    CHECK_FALSE(Point(d, theta, true).at.ok());
  }
}

TEST_CASE("weights over twelve decades cost no digits of the criterion") {
  Rng rng(35);
  int checked = 0;
  for (const Shape& s : shapes()) {
    if (s.terms.size() < 2) continue;
    Design d = shaped(rng, without_bounds(s));
    d.weight.resize(d.y.rows());
    std::uniform_real_distribution<double> decade(-6, 6);
    for (Index i = 0; i < d.weight.size(); ++i) d.weight[i] = std::pow(10, decade(rng));
    const henderson::CrossProducts sums = cross_products(d);
    if (sums.rows.z.size() == 0) continue;
    for (const bool reml : {true, false}) {
      INFO(s.name);
      const Point point(d, 30 * indefinite_theta(rng, d.layout).cwiseAbs(), reml, sums);
      if (!point.at.ok()) continue;   // V is not positive definite
      ++checked;
      CHECK(relative(point.at.value, point.dense().value) < 1e-9);
    }
  }
  CHECK(checked > 4);
}
