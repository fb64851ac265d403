#include "henderson/likelihood/gradient.hpp"

#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;
using henderson::Direction;
using henderson::Moments;

namespace {

std::vector<Shape> one_factor() {
  std::vector<Shape> out;
  for (const Shape& s : shapes())
    if (s.levels.size() == 1) out.push_back(s);
  return out;
}

std::vector<Shape> several_factors() {
  std::vector<Shape> out;
  for (const Shape& s : shapes())
    if (s.levels.size() > 1) out.push_back(s);
  return out;
}

void check_moments(const Point& point, const std::vector<Direction>& directions, const Moments& m, double tolerance) {
  const Dense truth = point.dense();
  const MatrixXd& traced = point.at.reml ? truth.p : truth.v_inverse;
  const Index k = static_cast<Index>(directions.size());
  std::vector<MatrixXd> v, tv;
  for (const Direction& d : directions) {
    v.push_back(direction_matrix(point.design, point.data, d));
    tv.push_back(m.has_t ? MatrixXd(traced * v.back()) : MatrixXd());
  }
  const VectorXd py = truth.p * truth.y;
  VectorXd trace(k), quadratic(k);
  MatrixXd t(k, k), ai(k, k);
  for (Index i = 0; i < k; ++i) {
    trace[i] = traced.cwiseProduct(v[i]).sum();
    quadratic[i] = py.dot(v[i] * py) / truth.sigma2;
    for (Index j = 0; j < k; ++j) {
      if (m.has_t) t(i, j) = tv[i].cwiseProduct(tv[j].transpose()).sum();
      ai(i, j) = (v[i] * py).dot(truth.p * (v[j] * py)) / truth.sigma2;
    }
  }
  const auto close = [&](const auto& a, const auto& b) { return (a - b).norm() < tolerance * (1 + b.norm()); };
  CHECK(close(m.trace, trace));
  CHECK(close(m.quadratic, quadratic));
  CHECK(close(m.ai, ai));
  if (m.has_t) CHECK(close(m.t, t));
}

VectorXd gradient_at(const Point& point, const VectorXd& theta) {
  return henderson::derivatives(point.criterion, point.criterion.evaluate(theta)).gradient;
}

// Central differences with one extrapolation: error of fourth order.
template <class F>
auto difference(const F& f, const VectorXd& theta, Index k) {
  const double h = 1e-3;
  const VectorXd e = VectorXd::Unit(theta.size(), k);
  using Value = decltype(f(theta));
  const Value wide = (f(theta + 2 * h * e) - f(theta - 2 * h * e)) / (4 * h);
  const Value narrow = (f(theta + h * e) - f(theta - h * e)) / (2 * h);
  return Value((4 * narrow - wide) / 3);
}

void check_derivatives(const Point& point, double tolerance) {
  const henderson::Derivatives d = henderson::derivatives(point.criterion, point.at);
  const Index k = point.at.theta.size();
  const double size = 1 + d.hessian.cwiseAbs().maxCoeff();
  for (Index i = 0; i < k; ++i) {
    const double slope =
        difference([&](const VectorXd& theta) { return point.criterion.evaluate(theta).value; }, point.at.theta, i);
    CHECK(std::abs(d.gradient[i] - slope) < tolerance * size);
    if (!d.exact) continue;
    const VectorXd column =
        difference([&](const VectorXd& theta) -> VectorXd { return gradient_at(point, theta); }, point.at.theta, i);
    CHECK((d.hessian.col(i) - column).cwiseAbs().maxCoeff() < tolerance * size);
  }
}

}  // namespace

TEST_CASE("gradient and Hessian are those of the criterion") {
  Rng rng(31);
  for (const Shape& s : shapes()) {
    Design d = shaped(rng, s);
    for (const bool reml : {true, false}) {
      INFO(s.name << (reml ? ", REML" : ", ML"));
      if (reml) random_weights(rng, d); else d.weight.resize(0);
      check_derivatives(Point(d, random_theta(rng, d.layout), reml), 1e-6);
      VectorXd singular = random_theta(rng, d.layout);
      for (const henderson::Term& term : d.layout.terms) singular[term.theta + term.n_theta - 1] = 0;
      check_derivatives(Point(d, singular, reml), 1e-6);
    }
  }
}

TEST_CASE("moments of one factor, level by level, are the dense traces and forms") {
  for_each_point(one_factor(), 32, [](const Design& d, const VectorXd& theta, bool reml) {
    const Point point(d, theta, reml);
    const auto directions = henderson::natural_directions(d.layout, point.at.theta);
    check_moments(point, directions, henderson::moments_leading(point.problem, point.at, directions), 1e-9);
  });
}

TEST_CASE("moments of several factors from the dense inverse are the dense traces and forms") {
  for_each_point(several_factors(), 33, [](const Design& d, const VectorXd& theta, bool reml) {
    Point point(d, theta, reml);
    const auto directions = henderson::natural_directions(d.layout, point.at.theta);
    check_moments(point, directions, henderson::moments(point.criterion, point.at, directions), 1e-9);
  });
}

TEST_CASE("moments of several factors from the selected inverse are the dense traces and forms") {
  for_each_point(several_factors(), 34, [](const Design& d, const VectorXd& theta, bool reml) {
    Point point(d, theta, reml);
    const auto directions = henderson::natural_directions(d.layout, point.at.theta);
    // At a singular factor the traces are those of a point nearby, one part in a million away.
    const bool inner = (theta.array() != 0).all();
    check_moments(point, directions,
                  henderson::LargeMoments(point.problem, point.at, point.checkpoint).compute(directions),
                  inner ? 1e-8 : 1e-5);
  });
}

TEST_CASE("a nearly singular factor costs the selected inverse few digits") {
  Rng rng(35);
  const Design d = random_design(rng, 60, 2, {8, 5}, {{0, 2, "unstructured"}, {1, 2, "unstructured"}});
  for (const double small : {1e-2, 1e-4, 1e-6, 1e-9}) {
    INFO(small);
    VectorXd theta = random_theta(rng, d.layout);
    theta[5] = small;
    Point point(d, theta, true);
    const auto directions = henderson::natural_directions(d.layout, point.at.theta);
    check_moments(point, directions,
                  henderson::LargeMoments(point.problem, point.at, point.checkpoint).compute(directions), 1e-5);
  }
}
