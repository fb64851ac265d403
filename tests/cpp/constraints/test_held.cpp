#include "henderson/fit/fit.hpp"

#include "henderson/responses/refit.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

henderson::Fit fit_of(const Design& d, const henderson::CrossProducts& data, const henderson::FitOptions& options) {
  henderson::Monitor monitor;
  return henderson::fit(d.layout, data, 0, options, monitor);
}

// -2 log (restricted) likelihood at absolute covariance matrices, from the dense formulas.
double criterion_at(const Design& d, const henderson::CrossProducts& data, std::vector<MatrixXd> sigma, double sigma2,
                    bool reml) {
  for (MatrixXd& s : sigma) s /= sigma2;
  const Dense at = dense_at(d, data.x.kept, sigma, reml);
  const double nu = static_cast<double>(reml ? at.x.rows() - at.x.cols() : at.x.rows());
  return at.value - nu * (1 + std::log(at.sigma2)) + nu * std::log(sigma2) + at.r2 / sigma2;
}

std::vector<Shape> with_inner_optimum() {
  std::vector<Shape> out;
  for (const Shape& s : shapes())
    if (s.name != "few rows per level") out.push_back(s);
  return out;
}

}  // namespace

TEST_CASE("a held standard deviation has its value, and no neighbour that has it is better") {
  Rng rng(51);
  for (const Shape& s : with_inner_optimum()) {
    const Design d = shaped(rng, s);
    const henderson::CrossProducts data = cross_products(d);
    for (const bool reml : {true, false}) {
      INFO(s.name << (reml ? ", REML" : ", ML"));
      henderson::FitOptions options;
      options.reml = reml;
      options.held.push_back({0, 0, 0, 0.8});
      const henderson::Fit f = fit_of(d, data, options);
      REQUIRE(f.outcome.identified);
      CHECK(f.outcome.optimum.status == "converged");
      CHECK(relative(std::sqrt(f.solution.covariance[0](0, 0)), 0.8) < 1e-10);
      CHECK(relative(f.solution.value, criterion_at(d, data, f.solution.covariance, f.solution.sigma2, reml)) < 1e-10);
      for (int trial = 0; trial < 5; ++trial) {
        std::vector<MatrixXd> near = f.solution.covariance;
        for (MatrixXd& m : near) m *= std::exp(0.05 * normal(rng));
        VectorXd scale = VectorXd::Ones(near[0].rows());
        scale[0] = 0.8 / std::sqrt(near[0](0, 0));
        near[0] = (scale.asDiagonal() * near[0] * scale.asDiagonal()).eval();
        CHECK(criterion_at(d, data, near, f.solution.sigma2 * std::exp(0.05 * normal(rng)), reml) >
              f.solution.value - 1e-9);
      }
    }
  }
}

TEST_CASE("a known residual standard deviation is not profiled out") {
  Rng rng(52);
  for (const Shape& s : with_inner_optimum()) {
    INFO(s.name);
    const Design d = shaped(rng, s);
    const henderson::CrossProducts data = cross_products(d);
    henderson::FitOptions options;
    options.sigma = 1.3;
    const henderson::Fit f = fit_of(d, data, options);
    CHECK(f.outcome.optimum.status == "converged");
    CHECK(relative(f.solution.sigma2, 1.69) < 1e-14);
    CHECK(relative(f.solution.value, criterion_at(d, data, f.solution.covariance, 1.69, true)) < 1e-10);
    for (int trial = 0; trial < 5; ++trial) {
      std::vector<MatrixXd> near = f.solution.covariance;
      for (MatrixXd& m : near) m *= std::exp(0.05 * normal(rng));
      CHECK(criterion_at(d, data, near, 1.69, true) > f.solution.value - 1e-9);
    }
  }
}

TEST_CASE("a held correlation has its value; everything held leaves nothing to search") {
  Rng rng(53);
  const Design d = random_design(rng, 80, 2, {12}, {{0, 2, "unstructured"}});
  const henderson::CrossProducts data = cross_products(d);
  henderson::FitOptions options;
  options.held.push_back({0, 1, 0, -0.25});
  const MatrixXd s = fit_of(d, data, options).solution.covariance[0];
  CHECK(std::abs(s(0, 1) / std::sqrt(s(0, 0) * s(1, 1)) + 0.25) < 1e-10);
  options.held.push_back({0, 0, 0, 1.5});
  options.held.push_back({0, 1, 1, 0.5});
  options.sigma = 0.9;
  const henderson::Fit all = fit_of(d, data, options);
  REQUIRE(all.outcome.identified);
  CHECK(all.outcome.optimum.status == "converged");
  MatrixXd expected(2, 2);
  expected << 2.25, -0.1875, -0.1875, 0.25;
  CHECK(relative(all.solution.covariance[0], expected) < 1e-10);
}

TEST_CASE("a standard deviation held at zero is the term left out") {
  Rng rng(54);
  const Design d = random_design(rng, 60, 2, {8, 5}, {{0, 1, "unstructured"}, {1, 1, "unstructured"}});
  Design without = d;
  without.layout = make_layout({8}, {{0, 1, "unstructured"}});
  without.z.pop_back();
  without.code.pop_back();
  without.constants.z.pop_back();
  henderson::FitOptions options;
  const henderson::CrossProducts small = cross_products(without), data = cross_products(d);
  const henderson::Fit one = fit_of(without, small, options);
  options.held.push_back({1, 0, 0, 0});
  const henderson::Fit held = fit_of(d, data, options);
  CHECK(relative(held.solution.value, one.solution.value) < 1e-10);
  CHECK(held.solution.covariance[1](0, 0) == 0);
  CHECK(held.outcome.singular ==
        std::vector<bool>({one.outcome.singular[0], false}));  // what is held is not an estimate
}

TEST_CASE("what the held parameters do not tell apart is named") {
  Rng rng(55);
  const Design d = random_design(rng, 12, 1, {12}, {{0, 1, "unstructured"}});
  const henderson::CrossProducts data = cross_products(d);
  henderson::FitOptions options;
  CHECK(fit_of(d, data, options).outcome.confounded == std::vector<int>({-1, 0}));
  options.sigma = 0.5;
  CHECK(fit_of(d, data, options).outcome.identified);
  options.sigma.reset();
  options.held.push_back({0, 0, 0, 0.5});
  CHECK(fit_of(d, data, options).outcome.identified);
}

TEST_CASE("many responses are fitted with the same parameters held") {
  Rng rng(56);
  Design d = random_design(rng, 60, 2, {8, 5}, {{0, 1, "unstructured"}, {1, 1, "unstructured"}});
  henderson::FitOptions options;
  options.held.push_back({0, 0, 0, 0.7});
  const MatrixXd y = d.y, other = normals(rng, 60, 1);
  d.y.resize(60, 2);
  d.y << y, other;
  henderson::Monitor monitor;
  const henderson::CrossProducts both = cross_products(d);
  const henderson::Refits refits = henderson::refit(d.layout, both, options, monitor);
  for (Index j = 0; j < 2; ++j) {
    const henderson::Fit one = henderson::fit(d.layout, both, j, options, monitor);
    CHECK(relative(refits.value[j], one.solution.value) < 1e-10);
    CHECK(relative(refits.sigma[j] * refits.sigma[j], one.solution.sigma2) < 1e-8);
    CHECK(relative(refits.covariance(0, j), 0.49) < 1e-10);
  }
}

namespace {

// Intercepts vary between levels, the other columns of the term do not.
Design without_slopes(Rng& rng, Index columns) {
  Design d = random_design(rng, 60, 2, {10}, {{0, columns, "unstructured"}});
  d.y = normals(rng, 60, 1);
  const MatrixXd b = normals(rng, 10, 1);
  for (Index i = 0; i < 60; ++i) d.y(i, 0) += b(d.code[0][i] - 1, 0);
  return d;
}

double value_without_last(Design d, Index columns) {
  d.layout = make_layout({10}, {{0, columns - 1, "unstructured"}});
  d.z[0] = d.z[0].leftCols(columns - 1).eval();
  d.constants.z[0] = VectorXd::Unit(columns - 1, 0);
  const henderson::CrossProducts data = cross_products(d);
  return fit_of(d, data, henderson::FitOptions()).solution.value;
}

double correlation(const MatrixXd& s, Index i, Index j) { return s(i, j) / std::sqrt(s(i, i) * s(j, j)); }

}  // namespace

TEST_CASE("where a standard deviation with a held correlation ends at 0, the optimum is that without its column") {
  Rng rng(57);
  int vanished = 0, stayed = 0;
  for (int trial = 0; trial < 24; ++trial) {
    const Design d = without_slopes(rng, 2);
    const henderson::CrossProducts data = cross_products(d);
    henderson::FitOptions options;
    options.held.push_back({0, 1, 0, std::vector<double>({0.2, -0.5, 0.8, 0})[trial % 4]});
    const henderson::Fit f = fit_of(d, data, options);
    INFO(trial);
    REQUIRE(f.outcome.optimum.status == "converged");
    CHECK(f.outcome.evaluations < 150);
    const MatrixXd s = f.solution.covariance[0];
    const double limit = value_without_last(d, 2);
    CHECK(relative(f.solution.value, criterion_at(d, data, f.solution.covariance, f.solution.sigma2, true)) < 1e-10);
    CHECK(f.solution.value < limit + 1e-8);
    const bool none = s(1, 1) < 1e-20 * s(0, 0) || s(0, 0) < 1e-20 * s(1, 1);
    CHECK(f.outcome.singular[0] == none);
    if (none) {
      ++vanished;
      if (s(1, 1) < s(0, 0)) CHECK(relative(f.solution.value, limit) < 1e-9);
      // a little of the column with its correlation is no better
      for (const double sd : {1e-3, 1e-2, 0.1}) {
        MatrixXd near = s;
        const Index j = s(1, 1) < s(0, 0) ? 1 : 0;
        near(j, j) = sd * sd;
        near(0, 1) = near(1, 0) = options.held[0].value * sd * std::sqrt(s(1 - j, 1 - j));
        CHECK(criterion_at(d, data, {near}, f.solution.sigma2, true) > f.solution.value - 1e-9);
      }
    } else {
      ++stayed;
      CHECK(std::abs(correlation(s, 1, 0) - options.held[0].value) < 1e-10);
    }
  }
  CHECK(vanished > 4);
  CHECK(stayed > 4);
}

TEST_CASE("three columns: held correlations are met, or belong to a column without variance") {
  Rng rng(58);
  for (int trial = 0; trial < 12; ++trial) {
    const Design d = without_slopes(rng, 3);
    const henderson::CrossProducts data = cross_products(d);
    henderson::FitOptions options;
    options.held.push_back({0, 1, 0, 0.2});
    options.held.push_back({0, 2, 1, -0.4});
    if (trial % 2 == 1) options.held.push_back({0, 2, 0, 0.3});
    const henderson::Fit f = fit_of(d, data, options);
    INFO(trial);
    REQUIRE(f.outcome.optimum.status == "converged");
    CHECK(f.outcome.evaluations < 300);
    const MatrixXd s = f.solution.covariance[0];
    CHECK(relative(f.solution.value, criterion_at(d, data, f.solution.covariance, f.solution.sigma2, true)) < 1e-10);
    const double largest = s.diagonal().maxCoeff();
    for (const henderson::Held& h : options.held)
      if (s(h.row, h.row) > 1e-20 * largest && s(h.col, h.col) > 1e-20 * largest)
        CHECK(std::abs(correlation(s, h.row, h.col) - h.value) < 1e-10);
  }
}

TEST_CASE("a search with held parameters keeps to what it is told") {
  struct Counting : henderson::Monitor {
    int steps = 0;
    void on_iteration(int, double, double) override { ++steps; }
  };
  Rng rng(59);
  const Design d = random_design(rng, 80, 2, {12}, {{0, 2, "unstructured"}});
  const henderson::CrossProducts data = cross_products(d);
  henderson::FitOptions options;
  options.held.push_back({0, 0, 0, 0.8});
  Counting monitor;
  const henderson::Fit full = henderson::fit(d.layout, data, 0, options, monitor);
  CHECK(monitor.steps > 5);
  CHECK(full.outcome.starts == 3);
  options.search.decrement = 1e-2;
  const henderson::Fit loose = fit_of(d, data, options);
  CHECK(loose.outcome.evaluations < full.outcome.evaluations);
  CHECK(loose.solution.value - full.solution.value < 1e-2);
  options.search.decrement = 1e-18;
  options.restarts = 0;
  CHECK(fit_of(d, data, options).outcome.starts == 1);
  options.search.max_evaluations = 2;
  const henderson::Fit cut = fit_of(d, data, options);
  CHECK(cut.outcome.evaluations <= 2);
  CHECK(cut.outcome.optimum.status != "converged");
}

TEST_CASE("small held standard deviations are not told as estimates of 0") {
  Rng rng(60);
  const Design d = random_design(rng, 80, 2, {12}, {{0, 2, "unstructured"}});
  const henderson::CrossProducts data = cross_products(d);
  for (const double sd : {1e-3, 1e-6, 1e-12}) {
    henderson::FitOptions options;
    options.held.push_back({0, 1, 1, sd});
    options.held.push_back({0, 1, 0, 0.5});
    const henderson::Fit f = fit_of(d, data, options);
    INFO(sd);
    CHECK(f.outcome.optimum.status == "converged");
    CHECK(!f.outcome.singular[0]);
    CHECK(relative(std::sqrt(f.solution.covariance[0](1, 1)), sd) < 1e-10);
    CHECK(relative(f.solution.value, criterion_at(d, data, f.solution.covariance, f.solution.sigma2, true)) < 1e-10);
  }
}

TEST_CASE("a response without residual has no residual variance beside a held one") {
  Rng rng(61);
  Design d = random_design(rng, 60, 1, {10}, {{0, 1, "unstructured"}});
  const MatrixXd b = normals(rng, 10, 1);
  for (Index i = 0; i < 60; ++i) d.y(i, 0) = 1 + b(d.code[0][i] - 1, 0);
  const henderson::CrossProducts data = cross_products(d);
  henderson::FitOptions options;
  options.held.push_back({0, 0, 0, 3});
  const henderson::Fit f = fit_of(d, data, options);
  CHECK(f.outcome.zero_residual);
  CHECK(relative(f.solution.covariance[0](0, 0), 9.0) < 1e-10);
}
