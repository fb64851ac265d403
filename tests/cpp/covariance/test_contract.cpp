#include "henderson/testing/covariance_contract.hpp"

#include "henderson/covariance/held_parameters.hpp"
#include "henderson/covariance/registry.hpp"
#include "henderson/data/accumulate.hpp"
#include "henderson/linalg/error.hpp"
#include "support/catch.hpp"
#include "support/design.hpp"
#include "support/huynh_feldt.hpp"

using namespace henderson_tests;

namespace {

const Index column_counts[] = {1, 2, 3, 5};

// A structure that keeps its contract but for one promise.
class Liar : public henderson::Covariance {
 public:
  explicit Liar(std::string lie) : lie_(std::move(lie)) {}
  std::string name() const override { return "liar"; }
  henderson::Closure closed_under() const override {
    return lie_ == "closure" ? henderson::Closure::any : henderson::Closure::common_scale;
  }
  VectorXd start(Index q) const override { return toy_.start(q); }
  MatrixXd factor(const VectorXd& theta, Index q) const override { return toy_.factor(theta, q); }
  MatrixXd factor_derivative(const VectorXd& theta, Index q, Index k) const override {
    return (lie_ == "derivative of the root" ? 1.001 : 1.0) * toy_.factor_derivative(theta, q, k);
  }
  VectorXd project(const MatrixXd& sigma) const override { return toy_.project(sigma); }
  VectorXd canonical(const VectorXd& theta, Index q) const override {
    return lie_ == "signs" ? theta : toy_.canonical(theta, q);
  }
  VectorXd scaled(const VectorXd& theta, Index q, double c) const override {
    return lie_ == "scale" ? VectorXd(c * theta) : toy_.scaled(theta, q, c);
  }
  std::vector<henderson::Parameter> parameters(Index q) const override { return toy_.parameters(q); }
  bool linear() const override { return lie_ == "linear"; }
  MatrixXd sigma_of(const VectorXd& psi, Index q) const override { return toy_.sigma_of(psi, q); }
  MatrixXd derivative(const VectorXd& psi, Index q, Index k) const override { return toy_.derivative(psi, q, k); }
  MatrixXd second_derivative(const VectorXd& psi, Index q, Index k, Index l) const override {
    return (lie_ == "second derivative" ? 2 : 1) * toy_.second_derivative(psi, q, k, l);
  }
  VectorXd scaling(const VectorXd& psi, Index q) const override {
    return lie_ == "Euler" ? psi : toy_.scaling(psi, q);
  }
  VectorXd psi(const VectorXd& theta, Index q) const override { return toy_.psi(theta, q); }
  MatrixXd jacobian(const VectorXd& theta, Index q) const override {
    return (lie_ == "jacobian" ? 2 : 1) * toy_.jacobian(theta, q);
  }

 private:
  std::string lie_;
  ToyAutoregressive toy_;
};

}  // namespace

TEST_CASE("every covariance structure keeps its contract, those from outside too") {
  register_toys();
  CHECK(henderson::covariance_structures().size() == 14);
  for (const auto& s : henderson::covariance_structures()) {
    CHECK(&henderson::covariance_structure(s->name()) == s.get());
    for (const Index q : column_counts)
      for (const std::string& broken : henderson::testing::broken_promises(*s, q)) FAIL_CHECK(broken);
  }
}

TEST_CASE("structures with a held correlation keep their contract") {
  henderson::CovarianceSpec spec;
  spec.positions = VectorXd::LinSpaced(4, 0, 3);
  for (const char* name : {"autoregressive", "heterogeneous autoregressive", "exchangeable", "exponential"}) {
    spec.name = name;
    const auto whole = henderson::make_covariance(spec);
    const Index last = static_cast<Index>(whole->parameters(4).size()) - 1;
    const henderson::HeldParameters held(whole, 4, {last}, VectorXd::Constant(1, 0.6));
    for (const std::string& broken : henderson::testing::broken_promises(held, 4)) FAIL_CHECK(broken);
    CHECK(whole->psi(whole->project(held.sigma(held.start(4), 4)), 4)[last] == Approx(0.6).epsilon(1e-6));
  }
}

TEST_CASE("a held variance is not scaled, and parameters that others take part in are refused") {
  const auto diagonal = henderson::make_covariance({"diagonal", MatrixXd(), 0});
  const henderson::HeldParameters held(diagonal, 3, {1}, VectorXd::Constant(1, 4.0));
  VectorXd theta(2);
  theta << 1, 2;
  const VectorXd expected = (VectorXd(3) << 9, 4, 36).finished();
  CHECK(held.sigma(held.scaled(theta, 3, 3.0), 3).diagonal() == expected);
  CHECK(held.closed_under() == henderson::Closure::none);
  const auto toeplitz = henderson::make_covariance({"Toeplitz", MatrixXd(), 0});
  CHECK_THROWS_AS(henderson::HeldParameters(toeplitz, 3, {3}, VectorXd::Constant(1, 0.5)), henderson::Error);
}

TEST_CASE("structures that are made for a term keep their contract") {
  for (const Index q : column_counts) {
    henderson::CovarianceSpec spec;
    spec.rank = 2;
    spec.positions = MatrixXd(q, 2);
    for (Index i = 0; i < q; ++i) spec.positions.row(i) << static_cast<double>(i), static_cast<double>(i * i % 3);
    for (const char* name :
         {"factor analytic", "reduced rank", "exponential", "gaussian", "matern 3/2", "matern 5/2"}) {
      spec.name = name;
      for (const std::string& broken : henderson::testing::broken_promises(*henderson::make_covariance(spec), q))
        FAIL_CHECK(broken);
    }
  }
  henderson::CovarianceSpec bare;
  for (const char* name : {"factor analytic", "exponential", "nosuch"}) {
    bare.name = name;
    CHECK_THROWS_AS(henderson::make_covariance(bare), henderson::Error);
  }
}

TEST_CASE("a structure written from the contract alone keeps it: Huynh and Feldt's") {
  const HuynhFeldt structure;
  for (const Index q : column_counts)
    for (const std::string& broken : henderson::testing::broken_promises(structure, q)) FAIL_CHECK(broken);
  const VectorXd theta = (VectorXd(4) << 0.8, 0.5, -0.3, 1.1).finished();
  const MatrixXd sigma = structure.sigma(theta, 3);
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < i; ++j)
      CHECK(std::abs((sigma(i, i) + sigma(j, j)) / 2 - sigma(i, j) - 0.64) < 1e-12);     // variances of differences
}

TEST_CASE("a structure that breaks its contract is found out") {
  CHECK(henderson::testing::broken_promises(Liar("nothing"), 4).empty());
  for (const char* lie :
       {"closure", "derivative of the root", "signs", "scale", "linear", "second derivative", "Euler", "jacobian"}) {
    INFO(lie);
    CHECK_FALSE(henderson::testing::broken_promises(Liar(lie), 4).empty());
  }
}

TEST_CASE("columns are changed only as their structure allows, however unequal they are") {
  Rng rng(11);
  register_toys();
  Design d = random_design(rng, 200, 1, {12}, {{0, 3, "toy autoregressive"}, {0, 3, "diagonal"}});
  for (MatrixXd& z : d.z) {
    z.col(1) *= 30;
    for (Index i = 0; i < d.rows(); ++i) z(i, 2) = i % 10 == 0 ? 1 : 0;      // a visit that few have
  }
  for (const bool outweighed : {false, true}) {
    if (outweighed) d.z[0].topRows(3) *= 1e7;
    const henderson::CrossProducts data = cross_products(d);
    const MatrixXd& common = data.z_basis[0];
    CHECK((common - common(0, 0) * MatrixXd::Identity(3, 3)).isZero(0));
    CHECK(common(0, 0) > 0);
    const MatrixXd apart = data.z_basis[1];
    CHECK((apart - MatrixXd(apart.diagonal().asDiagonal())).isZero(0));
  }
}

TEST_CASE("only a linear structure can be without bounds, and then it has no factor") {
  CHECK_THROWS_AS(henderson::Unbounded(std::make_shared<ToyAutoregressive>()), henderson::Error);
  int seen = 0;
  for (const auto& s : henderson::covariance_structures()) {
    if (s->bounded()) continue;
    ++seen;
    CHECK(s->sigma(s->start(3), 3).isIdentity(1e-12));
    CHECK_THROWS_AS(s->factor(s->start(3), 3), henderson::Error);
  }
  CHECK(seen == 3);
}

TEST_CASE("a structure that nobody registered is refused by name, and no name is taken twice") {
  try {
    henderson::covariance_structure("nosuch");
    FAIL("no error");
  } catch (const henderson::Error& e) {
    CHECK(e.kind() == "input");
    CHECK(std::string(e.what()).find("nosuch") != std::string::npos);
  }
  register_toys();
  CHECK_THROWS_AS(henderson::add_covariance_structure(std::make_shared<ToyExchangeable>()), henderson::Error);
}

TEST_CASE("a semidefinite matrix has a factor with zero columns where a pivot is lost") {
  MatrixXd s(3, 3);
  s << 4, 2, 2, 2, 1, 1, 2, 1, 5;
  const MatrixXd l = henderson::semidefinite_cholesky(s);
  CHECK(l.col(1).isZero(0));
  CHECK(relative(MatrixXd(l * l.transpose()), s) < 1e-14);
}
