#include "henderson/inference/profile_coefficient.hpp"

#include "henderson/fit/fit.hpp"
#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

// The design without column j of X, for the response less b times that column.
Design with_coefficient_held(Design d, Index j, double b) {
  d.y.col(0) -= b * d.x.col(j);
  const Index p = d.x.cols();
  MatrixXd rest(d.x.rows(), p - 1);
  rest << d.x.leftCols(j), d.x.rightCols(p - 1 - j);
  d.x = rest;
  if (d.constants.x.size() > 0) d.constants.x = j == 0 ? VectorXd() : VectorXd(VectorXd::Unit(p - 1, 0));
  return d;
}

double dense_value(const Design& d, const henderson::CrossProducts& data, const VectorXd& theta) {
  return dense_at(d, data, theta, false).value;
}

}  // namespace

TEST_CASE("derivatives with a coefficient held are those of the model without its column") {
  Rng rng(71);
  for (const Shape& s : shapes()) {
    if (s.p == 0) continue;
    for (const bool weighted : {false, true}) {
      INFO(s.name << (weighted ? ", weighted" : ""));
      Design d = shaped(rng, s);
      if (weighted) random_weights(rng, d);
      const VectorXd theta = random_theta(rng, d.layout);
      const Point whole(d, theta, false);
      const Index j = s.p - 1;
      const henderson::HeldCoefficient model(whole.criterion, whole.data.x.basis.row(j).transpose());
      const auto own = model.own(whole.at);
      const double distance = 0.7 * std::sqrt(own.variance * whole.at.sigma2);
      const double b = whole.data.x.response(j, 0) + own.estimate + distance;
      const Design less = with_coefficient_held(d, j, b);
      const Point without(less, theta, false);
      CHECK(relative(whole.at.value + model.rise(whole.at, own, distance), without.at.value) < 1e-11);
      CHECK(relative(model.sigma2(whole.at, own, distance), without.at.sigma2) < 1e-11);
      CHECK(relative(model.reach(whole.at, own, without.at.value).value(), distance) < 1e-9);
      const auto held = henderson::derivatives(whole.criterion, model.hold(whole.at, own, distance));
      const auto truth = henderson::derivatives(without.criterion, without.at);
      CHECK((held.gradient - truth.gradient).norm() < 1e-9 * (1 + truth.gradient.norm()));
      CHECK((held.hessian - truth.hessian).norm() < 1e-6 * (1 + truth.hessian.norm()));
    }
  }
}

TEST_CASE("at the limits of a coefficient the criterion has risen as asked, and no other theta has it lower") {
  Rng rng(72);
  for (const Shape& s : shapes()) {
    if (s.p == 0 || s.name == "few rows per level") continue;
    INFO(s.name);
    const Design d = shaped(rng, s);
    const henderson::CrossProducts data = cross_products(d);
    henderson::Monitor monitor;
    henderson::FitOptions options;
    options.reml = false;
    const henderson::Fit fitted = henderson::fit(d.layout, data, 0, options, monitor);
    REQUIRE(fitted.outcome.identified);
    henderson::Problem problem = henderson::make_problem(d.layout, data, 1e300, monitor);
    henderson::set_response(problem, data, 0, nullptr);
    const henderson::CoefficientProfile profile(problem, data, fitted.outcome.optimum.theta, monitor);
    REQUIRE(profile.ok());
    VectorXd rises(2);
    rises << 1, 3.8414588;
    const double best = fitted.solution.value;
    for (const int side : {-1, 1}) {
      const auto limits = profile.limits(0, side, rises);
      CHECK(side * limits[1].value > side * limits[0].value);
      for (Index i = 0; i < 2; ++i) {
        REQUIRE(limits[i].converged);
        CHECK(limits[i].beta[0] == Approx(limits[i].value));
        const Design less = with_coefficient_held(d, 0, limits[i].value);
        const henderson::CrossProducts rest = cross_products(less);
        CHECK(std::abs(dense_value(less, rest, limits[i].theta) - best - rises[i]) < 1e-7);
        for (int trial = 0; trial < 4; ++trial) {
          const VectorXd near = limits[i].theta + 0.05 * random_theta(rng, d.layout);
          CHECK(dense_value(less, rest, near) > best + rises[i] - 1e-7);
        }
      }
    }
  }
}
