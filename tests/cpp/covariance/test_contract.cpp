#include "henderson/covariance/registry.hpp"

#include <algorithm>

#include "henderson/linalg/error.hpp"

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace henderson_tests;

namespace {

const Index column_counts[] = {1, 2, 3, 5};

std::vector<std::shared_ptr<const henderson::Covariance>> bounded_structures() {
  auto out = henderson::covariance_structures();
  out.erase(std::remove_if(out.begin(), out.end(), [](const auto& s) { return !s->bounded(); }), out.end());
  return out;
}

MatrixXd sigma(const henderson::Covariance& s, const VectorXd& theta, Index q) {
  const MatrixXd l = s.factor(theta, q);
  return l * l.transpose();
}

// Distance of a matrix from the space spanned by `basis`, relative.
double outside(const MatrixXd& m, const std::vector<MatrixXd>& basis) {
  MatrixXd b(m.size(), basis.size());
  for (std::size_t k = 0; k < basis.size(); ++k) b.col(k) = Eigen::Map<const VectorXd>(basis[k].data(), m.size());
  const VectorXd v = Eigen::Map<const VectorXd>(m.data(), m.size());
  return (v - b * b.householderQr().solve(v)).norm() / v.norm();
}

}  // namespace

TEST_CASE("every covariance structure keeps its contract") {
  Rng rng(9);
  for (const auto& s : bounded_structures()) {
    for (const Index q : column_counts) {
      INFO(s->name() << ", q = " << q);
      const Index k = s->n_parameters(q);
      REQUIRE(s->start(q).size() == k);
      CHECK(s->factor(s->start(q), q).isIdentity(1e-12));
      CHECK(&henderson::covariance_structure(s->name()) == s.get());
      for (int trial = 0; trial < 3; ++trial) {
        const VectorXd theta = normals(rng, k, 1);
        const MatrixXd l = s->factor(theta, q);
        REQUIRE(l.rows() == q);
        REQUIRE(l.cols() == q);
        CHECK(MatrixXd(l.triangularView<Eigen::StrictlyUpper>()).isZero(0));
        CHECK(outside(l * l.transpose(), s->span(q)) < 1e-12);
        // nearest() leads back to the same Sigma, and its factor has no negative diagonal.
        const VectorXd back = s->nearest(l * l.transpose());
        CHECK(relative(sigma(*s, back, q), MatrixXd(l * l.transpose())) < 1e-12);
        CHECK(s->factor(back, q).diagonal().minCoeff() >= 0);
        const double h = 1e-5;
        for (Index i = 0; i < k; ++i) {
          const VectorXd up = theta + h * VectorXd::Unit(k, i), down = theta - h * VectorXd::Unit(k, i);
          const MatrixXd first = (s->factor(up, q) - s->factor(down, q)) / (2 * h);
          CHECK((s->factor_derivative(theta, q, i) - first).norm() < 1e-8);
          for (Index j = 0; j < k; ++j) {
            const MatrixXd second = (s->factor_derivative(up, q, j) - s->factor_derivative(down, q, j)) / (2 * h);
            CHECK((s->factor_second_derivative(theta, q, j, i) - second).norm() < 1e-6);
          }
        }
      }
    }
  }
}

TEST_CASE("zero variances and perfect correlations are inside reach") {
  for (const auto& s : bounded_structures()) {
    for (const Index q : column_counts) {
      INFO(s->name() << ", q = " << q);
      const VectorXd zero = s->nearest(MatrixXd::Zero(q, q));
      CHECK(s->factor(zero, q).isZero(0));
      CHECK(s->factor_derivative(zero, q, 0).allFinite());
      if (!s->rotatable() || q == 1) continue;
      const MatrixXd one = VectorXd::LinSpaced(q, 1, 2) * VectorXd::LinSpaced(q, 1, 2).transpose();
      CHECK(relative(sigma(*s, s->nearest(one), q), one) < 1e-12);
    }
  }
}

TEST_CASE("the span is a basis, of as many matrices as there are parameters") {
  for (const auto& s : henderson::covariance_structures()) {
    for (const Index q : column_counts) {
      const std::vector<MatrixXd> basis = s->span(q);
      REQUIRE(static_cast<Index>(basis.size()) == s->n_parameters(q));
      for (std::size_t k = 0; k < basis.size(); ++k) {
        CHECK(basis[k].isApprox(basis[k].transpose()));
        std::vector<MatrixXd> others = basis;
        others.erase(others.begin() + k);
        if (!others.empty()) CHECK(outside(basis[k], others) > 1e-6);
      }
    }
  }
}

TEST_CASE("without bounds theta holds the coefficients of the span, and there is no factor") {
  Rng rng(10);
  int seen = 0;
  for (const auto& s : henderson::covariance_structures()) {
    if (s->bounded()) continue;
    ++seen;
    for (const Index q : column_counts) {
      INFO(s->name() << ", q = " << q);
      const Index k = s->n_parameters(q);
      CHECK(s->sigma(s->start(q), q).isIdentity(1e-12));
      CHECK(&henderson::covariance_structure(s->name()) == s.get());
      const VectorXd theta = normals(rng, k, 1);
      MatrixXd sum = MatrixXd::Zero(q, q);
      for (Index i = 0; i < k; ++i) sum += theta[i] * s->span(q)[i];
      CHECK(s->sigma(theta, q) == sum);
      CHECK(s->nearest(sum) == theta);
      CHECK_THROWS_AS(s->factor(theta, q), henderson::Error);
    }
  }
  CHECK(seen == 2);
}

TEST_CASE("a structure that nobody registered is refused by name") {
  try {
    henderson::covariance_structure("nosuch");
    FAIL("no error");
  } catch (const henderson::Error& e) {
    CHECK(e.kind() == "input");
    CHECK(std::string(e.what()).find("nosuch") != std::string::npos);
  }
}

TEST_CASE("a semidefinite matrix has a factor with zero columns where a pivot is lost") {
  MatrixXd s(3, 3);
  s << 4, 2, 2, 2, 1, 1, 2, 1, 5;
  const MatrixXd l = henderson::semidefinite_cholesky(s);
  CHECK(l.col(1).isZero(0));
  CHECK(relative(MatrixXd(l * l.transpose()), s) < 1e-14);
}
