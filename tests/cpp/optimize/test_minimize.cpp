#include "henderson/optimize/minimize.hpp"

#include <functional>

#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/stop.hpp"

using namespace henderson_tests;

namespace {

// A function given by its value, gradient and Hessian.
struct Function {
  std::function<double(const VectorXd&)> f;
  std::function<VectorXd(const VectorXd&)> g;
  std::function<MatrixXd(const VectorXd&)> h;
  double value(const VectorXd& x) const { return f(x); }
  void derivatives(const VectorXd& x, VectorXd& gradient, MatrixXd& hessian) const {
    gradient = g(x);
    hessian = h(x);
  }
  VectorXd moved(const VectorXd& x, const VectorXd& step) const { return x + step; }
  bool leave(const VectorXd&, double, const henderson::NewtonStep&) const { return leaves; }
  bool leaves = false;
  double noise() const { return 0; }
  bool is_exact = true;
  bool exact() const { return is_exact; }
};

henderson::Optimum run(Function f, const VectorXd& start, henderson::Options options = henderson::Options()) {
  henderson::Monitor monitor;
  return henderson::minimize(f, start, options, monitor);
}

VectorXd vec(std::initializer_list<double> x) {
  VectorXd out(x.size());
  std::copy(x.begin(), x.end(), out.data());
  return out;
}

MatrixXd square(std::initializer_list<double> x) {  // 2 x 2, symmetric
  MatrixXd out(2, 2);
  std::copy(x.begin(), x.end(), out.data());
  return out;
}

Function quadratic(const MatrixXd& a, const VectorXd& at) {
  return {[=](const VectorXd& x) { return 3 + 0.5 * (x - at).dot(a * (x - at)); },
          [=](const VectorXd& x) -> VectorXd { return a * (x - at); }, [=](const VectorXd&) { return a; }};
}

Function rosenbrock() {
  return {[](const VectorXd& x) { return 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2); },
          [](const VectorXd& x) {
            return vec({-400 * x[0] * (x[1] - x[0] * x[0]) - 2 * (1 - x[0]), 200 * (x[1] - x[0] * x[0])});
          },
          [](const VectorXd& x) {
            return square({1200 * x[0] * x[0] - 400 * x[1] + 2, -400 * x[0], -400 * x[0], 200});
          }};
}

// Even in x, as a criterion is in a standard deviation: a saddle at x = 0, optima at x = +-1, y = 2.
Function double_well() {
  return {[](const VectorXd& x) { return std::pow(x[0] * x[0] - 1, 2) + std::pow(x[1] - 2, 2); },
          [](const VectorXd& x) { return vec({4 * x[0] * (x[0] * x[0] - 1), 2 * (x[1] - 2)}); },
          [](const VectorXd& x) { return square({12 * x[0] * x[0] - 4, 0, 0, 2}); }};
}

}  // namespace

TEST_CASE("a quadratic takes one step, whatever the units of its variables") {
  Rng rng(8);
  for (const double unit : {1.0, 1e-6, 1e6}) {
    MatrixXd a = positive_definite(rng, 4);
    const VectorXd scale = vec({1, unit, 1, 1 / unit});
    a = scale.asDiagonal() * a * scale.asDiagonal();
    const VectorXd at = scale.cwiseInverse().cwiseProduct(normals(rng, 4, 1).col(0));
    const henderson::Optimum o = run(quadratic(a, at), VectorXd::Zero(4));
    CHECK(o.status == "converged");
    CHECK(o.evaluations <= 3);
    CHECK(relative(VectorXd(scale.cwiseProduct(o.theta)), VectorXd(scale.cwiseProduct(at))) < 1e-10);
    CHECK(relative(o.value, 3.0) < 1e-14);
    CHECK(o.decrement <= 1e-14);
  }
}

TEST_CASE("the valley of Rosenbrock is followed to its end") {
  const henderson::Optimum o = run(rosenbrock(), vec({-1.2, 1}));
  CHECK(o.status == "converged");
  CHECK(relative(o.theta, vec({1, 1})) < 1e-7);
  CHECK(o.gradient.norm() < 1e-6);
  for (std::size_t i = 1; i < o.trace.size(); ++i) CHECK(o.trace[i] <= o.trace[i - 1]);
}

TEST_CASE("a Hessian known only in part is completed from the gradients") {
  Rng rng(81);
  const MatrixXd a = positive_definite(rng, 4);
  const VectorXd at = normals(rng, 4, 1);
  Function f = quadratic(a, at);
  f.is_exact = false;
  f.h = [=](const VectorXd&) -> MatrixXd { return 1.3 * a + MatrixXd::Identity(4, 4); };
  const henderson::Optimum o = run(f, at + VectorXd::Constant(4, 0.1));
  CHECK(o.status == "converged");
  CHECK(relative(o.theta, at) < 1e-6);
  CHECK(o.evaluations <= 12);  // 1.3 a alone would take one digit for each
}

TEST_CASE("a start exactly on a saddle is left") {
  const henderson::Optimum o = run(double_well(), vec({0, 5}));
  CHECK(o.status == "converged");
  CHECK(std::abs(std::abs(o.theta[0]) - 1) < 1e-7);
  CHECK(std::abs(o.theta[1] - 2) < 1e-7);
}

TEST_CASE("a variance that is zero at the optimum converges to zero") {
  // x^2 + x^4: even, its minimum at zero.
  const Function f{[](const VectorXd& x) { return x[0] * x[0] + std::pow(x[0], 4); },
                   [](const VectorXd& x) { return vec({2 * x[0] + 4 * std::pow(x[0], 3)}); },
                   [](const VectorXd& x) -> MatrixXd { return MatrixXd::Constant(1, 1, 2 + 12 * x[0] * x[0]); }};
  const henderson::Optimum o = run(f, vec({3}));
  CHECK(o.status == "converged");
  CHECK(std::abs(o.theta[0]) < 1e-6);
}

TEST_CASE("flat directions do not move and do not stop convergence") {
  // Depends on x + y only.
  const Function f{[](const VectorXd& x) { return std::pow(x[0] + x[1] - 4, 2); },
                   [](const VectorXd& x) { return vec({2 * (x[0] + x[1] - 4), 2 * (x[0] + x[1] - 4)}); },
                   [](const VectorXd&) { return square({2, 2, 2, 2}); }};
  const henderson::Optimum o = run(f, vec({3, -1}));
  CHECK(o.status == "converged");
  CHECK(std::abs(o.theta.sum() - 4) < 1e-10);
  CHECK(std::abs(o.theta[0] - o.theta[1] - 4) < 1e-10);
  const henderson::Optimum constant = run(quadratic(MatrixXd::Zero(2, 2), vec({0, 0})), vec({1, 2}));
  CHECK(constant.status == "converged");
  CHECK(constant.theta == vec({1, 2}));
}

TEST_CASE("steps into infinite values are shortened") {
  // x - log x is infinite from zero down; Newton's step from 3 leads to -3.
  const Function f{
      [](const VectorXd& x) { return x[0] > 0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::infinity(); },
      [](const VectorXd& x) { return vec({1 - 1 / x[0]}); },
      [](const VectorXd& x) -> MatrixXd { return MatrixXd::Constant(1, 1, 1 / (x[0] * x[0])); }};
  const henderson::Optimum o = run(f, vec({3}));
  CHECK(o.status == "converged");
  CHECK(std::abs(o.theta[0] - 1) < 1e-7);
}

TEST_CASE("how a search ended is told") {
  henderson::Options few;
  few.max_evaluations = 2;
  CHECK(run(rosenbrock(), vec({-1.2, 1}), few).status == "too_many_evaluations");
  Function nowhere = quadratic(MatrixXd::Identity(1, 1), vec({0}));
  nowhere.f = [](const VectorXd&) { return std::numeric_limits<double>::quiet_NaN(); };
  CHECK(run(nowhere, vec({1})).status == "not_finite_at_start");
  Function wrong = quadratic(MatrixXd::Identity(1, 1), vec({0}));
  wrong.g = [](const VectorXd& x) -> VectorXd { return -x; };  // uphill
  const henderson::Optimum o = run(wrong, vec({1}));
  CHECK(o.status == "no_further_progress");
  CHECK(o.theta == vec({1}));
  Function known = rosenbrock();
  known.leaves = true;
  const henderson::Optimum left = run(known, vec({-1.2, 1}));
  CHECK(left.status == "left");
  CHECK(left.evaluations == 1);
  CHECK(left.theta == vec({-1.2, 1}));
  const henderson::Optimum empty = run(quadratic(MatrixXd(0, 0), VectorXd(0)), VectorXd(0));
  CHECK(empty.status == "converged");
}

TEST_CASE("the monitor sees every accepted point and can stop the search") {
  struct Watcher : henderson::Monitor {
    std::vector<double> seen;
    void on_iteration(int, double value, double) override { seen.push_back(value); }
  } watcher;
  Function f = rosenbrock();
  const henderson::Optimum o = henderson::minimize(f, vec({-1.2, 1}), henderson::Options(), watcher);
  CHECK(watcher.seen == o.trace);
  StopAtOnce stopper;
  CHECK_THROWS_AS(henderson::minimize(f, vec({-1.2, 1}), henderson::Options(), stopper), Stopped);
}

// Least squares whose Hessian is given without the curvature of the residuals, each part too large or too small.
static Function curved_least_squares(unsigned seed) {
  Rng rng(seed);
  const MatrixXd a = normals(rng, 6, 6), d = normals(rng, 6, 6);
  const VectorXd b = normals(rng, 6, 1);
  std::uniform_real_distribution<double> uniform(0, 1);
  VectorXd w(6), share(6);
  for (Index i = 0; i < 6; ++i) w[i] = std::pow(10, -3 + 4 * uniform(rng));
  for (Index i = 0; i < 6; ++i) share[i] = 0.2 + 1.3 * uniform(rng);
  const auto r = [=](const VectorXd& x) -> VectorXd { return a * x + 0.5 * (d * x).array().sin().matrix() - b; };
  const auto j = [=](const VectorXd& x) -> MatrixXd {
    return a + 0.5 * ((d * x).array().cos().matrix().asDiagonal() * d);
  };
  Function out = {[=](const VectorXd& x) { return 1000 + 0.5 * r(x).dot(w.cwiseProduct(r(x))); },
                  [=](const VectorXd& x) -> VectorXd { return j(x).transpose() * w.cwiseProduct(r(x)); },
                  [=](const VectorXd& x) -> MatrixXd {
                    return j(x).transpose() * w.cwiseProduct(share).asDiagonal() * j(x);
                  }};
  out.is_exact = false;
  return out;
}

TEST_CASE("an approximate Hessian that was corrected does not end a search early") {
  for (unsigned seed = 1250; seed <= 1850; ++seed) {   // three of them ended early by corrections alone
    const Function f = curved_least_squares(seed);
    const henderson::Optimum at = run(f, VectorXd::Zero(6));
    if (at.status != "converged") continue;
    INFO("seed " << seed);
    CHECK(henderson::newton_step(f.g(at.theta), f.h(at.theta)).decrement < 1e-8);
  }
}
