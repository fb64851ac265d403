#include "henderson/fit/fit.hpp"

#include "henderson/responses/refit.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"
#include "support/stop.hpp"

using namespace henderson_tests;

namespace {

struct Fitted {
  henderson::CrossProducts data;
  henderson::Fit fit;
};

Fitted fit_of(const Design& d, henderson::FitOptions options = henderson::FitOptions(), Index response = 0) {
  henderson::Monitor monitor;
  Fitted out;
  out.data = cross_products(d);
  out.fit = henderson::fit(d.layout, out.data, response, options, monitor);
  return out;
}

henderson::FitOptions by(bool reml) {
  henderson::FitOptions out;
  out.reml = reml;
  return out;
}

// Balanced one-way layout: levels x n rows, effects with variance 1.
Design one_way(Rng& rng, Index levels, Index n) {
  Design d = random_design(rng, levels * n, 1, {levels}, {{0, 1, "unstructured"}});
  for (Index i = 0; i < levels * n; ++i) d.code[0][i] = static_cast<int>(i % levels) + 1;
  const MatrixXd b = normals(rng, levels, 1);
  for (Index i = 0; i < levels * n; ++i) d.y(i, 0) = 5 + b(d.code[0][i] - 1, 0) + 0.5 * normal(rng);
  return d;
}

struct MeanSquares {
  double between, within;
};

MeanSquares mean_squares(const Design& d, Index levels, Index n) {
  VectorXd mean = VectorXd::Zero(levels);
  for (Index i = 0; i < levels * n; ++i) mean[d.code[0][i] - 1] += d.y(i, 0) / n;
  double within = 0;
  for (Index i = 0; i < levels * n; ++i) within += std::pow(d.y(i, 0) - mean[d.code[0][i] - 1], 2);
  const double between = n * (mean.array() - mean.mean()).square().sum();
  return {between / (levels - 1), within / (levels * (n - 1))};
}

}  // namespace

TEST_CASE("a fit ends at an optimum, and its numbers are those of the dense formulas there") {
  Rng rng(43);
  for (const Shape& s : shapes()) {
    if (s.name == "few rows per level") continue;
    Design d = shaped(rng, s);
    for (const bool reml : {true, false}) {
      INFO(s.name << (reml ? ", REML" : ", ML"));
      if (reml) random_weights(rng, d);
      const Fitted f = fit_of(d, by(reml));
      const henderson::Optimum& o = f.fit.outcome.optimum;
      CHECK(o.status == "converged");
      CHECK(f.fit.outcome.identified);
      CHECK(o.decrement < 1e-9);
      const Dense truth = dense_at(d, f.data, o.theta, reml);
      CHECK(relative(o.value, truth.value) < 1e-10);
      CHECK(relative(f.fit.solution.value, truth.value) < 1e-10);
      CHECK(relative(f.fit.solution.sigma2, truth.sigma2) < 1e-9);
      CHECK(relative(f.fit.solution.beta, truth.beta) < 1e-9);
      for (int trial = 0; trial < 5; ++trial) {
        const VectorXd near = o.theta + 0.05 * normals(rng, o.theta.size(), 1).col(0);
        CHECK(dense_at(d, f.data, near, reml).value > o.value - 1e-9);
      }
    }
  }
}

TEST_CASE("balanced one-way estimates are those of the analysis of variance") {
  Rng rng(44);
  const Index levels = 7, n = 5;
  const Design d = one_way(rng, levels, n);
  const MeanSquares ms = mean_squares(d, levels, n);
  REQUIRE(ms.between > ms.within);
  const Fitted reml = fit_of(d), ml = fit_of(d, by(false));
  CHECK(relative(reml.fit.solution.sigma2, ms.within) < 1e-13);
  CHECK(relative(reml.fit.solution.covariance[0](0, 0), (ms.between - ms.within) / n) < 1e-12);
  CHECK(relative(ml.fit.solution.sigma2, ms.within) < 1e-12);
  CHECK(relative(ml.fit.solution.covariance[0](0, 0), (ms.between * (levels - 1) / levels - ms.within) / n) < 1e-12);
  CHECK(reml.fit.outcome.optimum.evaluations <= 4);  // the first scoring step ends there
}

TEST_CASE("a variance that wants to be negative is exactly zero") {
  Rng rng(45);
  const Index levels = 6, n = 4;
  Design d = one_way(rng, levels, n);
  for (Index i = 0; i < levels; ++i) {  // take most of the differences between the means away
    double mean = 0;
    for (Index k = i; k < levels * n; k += levels) mean += d.y(k, 0) / n;
    for (Index k = i; k < levels * n; k += levels) d.y(k, 0) -= 0.95 * mean;
  }
  const MeanSquares ms = mean_squares(d, levels, n);
  REQUIRE(ms.between < ms.within);
  const Fitted f = fit_of(d);
  CHECK(f.fit.outcome.optimum.status == "converged");
  CHECK(f.fit.outcome.singular == std::vector<bool>{true});
  CHECK(f.fit.solution.covariance[0](0, 0) == 0);
  CHECK(f.fit.solution.b[0].isZero(0));
  const double mean = d.y.mean(), total = (d.y.array() - mean).square().sum();
  CHECK(relative(f.fit.solution.sigma2, total / (levels * n - 1)) < 1e-13);
  CHECK(f.fit.outcome.starts == 1);   // balanced: there is no other optimum
  CHECK(f.fit.outcome.evaluations <= 6);
}

TEST_CASE("a correlation of one is reached and told") {
  Rng rng(46);
  int reached = 0;
  for (int trial = 0; trial < 12; ++trial) {  // the true correlation is one: about half of the estimates are
    Design d = random_design(rng, 60, 2, {10}, {{0, 2, "unstructured"}});
    const VectorXd b = normals(rng, 10, 1);
    for (Index i = 0; i < 60; ++i) {
      const double u = b[d.code[0][i] - 1];
      d.y(i, 0) = 1 + u + 0.5 * u * d.z[0](i, 1) + normal(rng);
    }
    const Fitted f = fit_of(d);
    CHECK(f.fit.outcome.optimum.status == "converged");
    const MatrixXd& s = f.fit.solution.covariance[0];
    const double r = s(0, 1) / std::sqrt(s(0, 0) * s(1, 1));
    const bool one = std::abs(std::abs(r) - 1) < 1e-9;
    CHECK(f.fit.outcome.singular[0] == one);
    reached += one;
  }
  CHECK(reached >= 3);
}

TEST_CASE("models that are not identified are not searched") {
  Rng rng(47);
  const Fitted f = fit_of(random_design(rng, 12, 1, {12}, {{0, 1, "unstructured"}}));
  CHECK_FALSE(f.fit.outcome.identified);
  CHECK(f.fit.outcome.confounded == (std::vector<int>{-1, 0}));
  CHECK(f.fit.outcome.optimum.evaluations == 0);
}

TEST_CASE("a response without residual variance is told") {
  Rng rng(48);
  Design d = random_design(rng, 30, 2, {6}, {{0, 1, "unstructured"}});
  const VectorXd b = normals(rng, 6, 1);
  for (Index i = 0; i < 30; ++i) d.y(i, 0) = 2 + 3 * d.x(i, 1) + b[d.code[0][i] - 1];
  const Fitted f = fit_of(d);
  CHECK(f.fit.outcome.zero_residual);
  CHECK(std::abs(f.fit.solution.beta[1] - 3) < 1e-6);
  const double variance = (b.array() - b.mean()).square().sum() / 5;
  CHECK(relative(f.fit.solution.covariance[0](0, 0), variance) < 1e-4);
}

TEST_CASE("a start may be given, a limit is kept, a search can be stopped") {
  Rng rng(49);
  const Design d = shaped(rng, shapes()[8]);
  const Fitted free = fit_of(d);
  henderson::FitOptions options;
  options.start = random_theta(rng, d.layout);
  const Fitted from = fit_of(d, options);
  CHECK(relative(from.fit.outcome.optimum.value, free.fit.outcome.optimum.value) < 1e-9);
  options.search.max_evaluations = 2;
  options.restarts = 0;
  const Fitted cut = fit_of(d, options);
  CHECK(cut.fit.outcome.optimum.status == "too_many_evaluations");
  CHECK(cut.fit.outcome.evaluations <= 3);
  StopAtOnce stop;
  const henderson::CrossProducts data = cross_products(d);
  CHECK_THROWS_AS(henderson::fit(d.layout, data, 0, henderson::FitOptions(), stop), Stopped);
}

TEST_CASE("many responses together are fitted as each alone") {
  Rng rng(50);
  henderson::Monitor monitor;
  for (const std::size_t shape : {std::size_t{0}, std::size_t{2}, std::size_t{5}, std::size_t{8}}) {
    Design d = shaped(rng, shapes()[shape]);
    INFO(shapes()[shape].name);
    d.y = (d.y.replicate(1, 3) + normals(rng, d.rows(), 3)).eval();
    const henderson::CrossProducts data = cross_products(d);
    const henderson::Refits all = henderson::refit(d.layout, data, henderson::FitOptions(), monitor);
    for (Index j = 0; j < 3; ++j) {
      const henderson::Fit one = henderson::fit(d.layout, data, j, henderson::FitOptions(), monitor);
      CHECK(all.converged[j]);
      CHECK(relative(all.value[j], one.outcome.optimum.value) < 1e-9);
      CHECK(relative(MatrixXd(all.beta.col(j)), MatrixXd(one.solution.beta)) < 1e-6);
      CHECK(relative(all.sigma[j], std::sqrt(one.solution.sigma2)) < 1e-6);
      CHECK(std::abs(all.covariance(0, j) - one.solution.covariance[0](0, 0)) < 1e-6 * (1 + all.covariance(0, j)));
    }
  }
}

TEST_CASE("a fit with average information in place of the Hessian ends at an optimum too") {
  Rng rng(51);
  const Design d = random_design(rng, 900, 2, {230, 40}, {{0, 1, "unstructured"}, {1, 1, "unstructured"}});
  const Fitted f = fit_of(d);
  CHECK_FALSE(f.fit.outcome.exact_hessian);
  CHECK(f.fit.outcome.optimum.status == "converged");
  Point point(d, f.fit.outcome.optimum.theta, true);
  const VectorXd slope = henderson::derivatives(point.criterion, point.at).gradient;
  CHECK(slope.cwiseAbs().maxCoeff() < 1e-5);
}

TEST_CASE("derivatives in local parameters are those of the criterion along it") {
  Rng rng(52);
  for (const std::size_t shape : {std::size_t{2}, std::size_t{3}, std::size_t{5}, std::size_t{8}, std::size_t{11}}) {
    const Design d = shaped(rng, shapes()[shape]);
    for (const double pivot : {0.0, 1e-3}) {
      VectorXd theta = random_theta(rng, d.layout);
      bool turns = false;
      for (const henderson::Term& t : d.layout.terms)
        if (t.q > 1 && t.structure->closed_under() == henderson::Closure::any) {
          theta[t.theta] = pivot;
          turns = true;
        }
      Point point(d, theta, true);
      const henderson::LocalParameters local(d.layout, theta);
      INFO(shapes()[shape].name << ", pivot " << pivot);
      CHECK(local.rotated() == turns);
      const VectorXd none = VectorXd::Zero(theta.size());
      CHECK(relative(point.criterion.evaluate(local.moved(none)).value, point.at.value) < 1e-13);
      const henderson::Derivatives at = local.derivatives(point.criterion, point.at);
      const double h = 1e-4;
      auto value = [&](const VectorXd& step) { return point.criterion.evaluate(local.moved(step)).value; };
      for (Index i = 0; i < theta.size(); ++i) {
        const VectorXd u = h * VectorXd::Unit(theta.size(), i);
        const double slope = (value(u) - value(-u)) / (2 * h),
                     bend = (value(u) - 2 * point.at.value + value(-u)) / (h * h);
        CHECK(std::abs(at.gradient[i] - slope) < 1e-5 * (1 + std::abs(slope)));
        CHECK(std::abs(at.hessian(i, i) - bend) < 1e-3 * (1 + std::abs(bend)));
      }
    }
  }
}

TEST_CASE("no start finds a better optimum than the fit") {
  Rng rng(53);
  const std::string u = "unstructured";
  for (int trial = 0; trial < 24; ++trial) {
    Design d = trial % 3 == 0   ? random_design(rng, 24, 2, {8}, {{0, 1, u}})
               : trial % 3 == 1 ? random_design(rng, 40, 2, {8}, {{0, 2, u}})
                                : random_design(rng, 40, 2, {8, 5}, {{0, 1, u}, {1, 1, u}});
    d.y = 3 * normals(rng, d.rows(), 1) + 0.3 * d.y;
    const Fitted f = fit_of(d, by(trial % 2 == 0));
    CHECK(f.fit.outcome.optimum.status == "converged");
    CHECK(f.fit.outcome.evaluations <= 45);
    for (int start = 0; start < 6; ++start) {
      henderson::FitOptions options = by(trial % 2 == 0);
      options.restarts = 0;
      options.start = std::pow(10.0, 1 - 0.5 * start) * random_theta(rng, d.layout);
      CHECK(fit_of(d, options).fit.outcome.optimum.value > f.fit.outcome.optimum.value - 1e-7);
    }
  }
}
