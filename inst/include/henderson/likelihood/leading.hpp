// The leading grouping factor, eliminated level by level.
//
// With Z_l = Q R the level's random effects leave H = I + R Sigma R' in the place of V: log|H| goes into the
// criterion and H^{-1/2} T takes the place of the rows. Levels with the same R form a class: an orthogonal mixture
// of them is as good as they are, so a class of many levels is replaced by as many as its T has independent columns.
#ifndef HENDERSON_LIKELIHOOD_LEADING_HPP
#define HENDERSON_LIKELIHOOD_LEADING_HPP

#include <Eigen/Core>
#include <cmath>
#include <type_traits>
#include <vector>

#include "henderson/data/cross_products.hpp"

namespace henderson {

struct LeadingClass {
  Index level = 0;         // a level that has this R
  double multiplicity = 1; // levels in the class
  Index first = 0, count = 0;  // its (pseudo-)levels in T
};

struct Leading {
  Index q = 0;
  const double* r = nullptr;        // q x q per level
  std::vector<LeadingClass> classes;
  MatrixXd t;                       // (q * pseudo-levels) x (p + 1): X, then y
};

Leading one_class_per_level(const Layout& layout, const CrossProducts& data, Index response);

// Levels that share R bit for bit.
std::vector<std::vector<Index>> levels_by_root(const Layout& layout, const CrossProducts& data);

Leading mixed_levels(const Layout& layout, const CrossProducts& data, Index response,
                     const std::vector<std::vector<Index>>& classes);

// Calls body(class, R, rows of T that belong to it) with R of compile-time size where that is small.
template <int Q, class Body>
void for_each_class_sized(const Leading& lead, const Body& body) {
  using Root = Eigen::Matrix<double, Q, Q>;
  const Index q = lead.q;
  for (const LeadingClass& c : lead.classes) {
    body(c, Eigen::Map<const Root>(lead.r + c.level * q * q, q, q), std::integral_constant<int, Q>());
  }
}

template <class Body>
void for_each_class(const Leading& lead, const Body& body) {
  switch (lead.q) {
    case 1: return for_each_class_sized<1>(lead, body);
    case 2: return for_each_class_sized<2>(lead, body);
    case 3: return for_each_class_sized<3>(lead, body);
    case 4: return for_each_class_sized<4>(lead, body);
    default: return for_each_class_sized<Eigen::Dynamic>(lead, body);
  }
}

// h <- lower Cholesky factor of I + h, whose lower triangle is read; the same arithmetic for every size.
template <class Matrix>
inline bool factor_plus_identity(Matrix& h) {
  const Index q = h.rows();
  for (Index j = 0; j < q; ++j) {
    double pivot = 1 + h(j, j);
    for (Index k = 0; k < j; ++k) pivot -= h(j, k) * h(j, k);
    if (!(pivot > 0)) return false;
    const double root = std::sqrt(pivot);
    h(j, j) = root;
    for (Index i = j + 1; i < q; ++i) {
      double sum = h(i, j);
      for (Index k = 0; k < j; ++k) sum -= h(i, k) * h(j, k);
      h(i, j) = sum / root;
    }
    for (Index i = 0; i < j; ++i) h(i, j) = 0;
  }
  return true;
}

// Lower Cholesky factor of I + M M'.
template <class Matrix>
inline void cholesky_plus_identity(const Matrix& m, Matrix& h) {
  h.noalias() = m * m.transpose();
  factor_plus_identity(h);
}

// The covariance matrix of a leading level's effects, by a factor L, or as it is where it may be indefinite.
class LevelCovariance {
 public:
  static LevelCovariance of_factor(const MatrixXd& l) { return {&l, nullptr}; }
  static LevelCovariance of_sigma(const MatrixXd& sigma) { return {nullptr, &sigma}; }

  // Lower Cholesky factor of I + R Sigma R'; false where that is not positive definite.
  template <class Root, class Matrix>
  bool factor(const Root& root, Matrix& h) const;

 private:
  LevelCovariance(const MatrixXd* factor, const MatrixXd* sigma) : factor_(factor), sigma_(sigma) {}

  const MatrixXd *factor_, *sigma_;   // one of them
};

template <class Root, class Matrix>
bool LevelCovariance::factor(const Root& root, Matrix& h) const {
  Matrix m(root.rows(), root.cols());
  if (factor_ != nullptr) {
    m.noalias() = root * *factor_;
    h.noalias() = m * m.transpose();
  } else {
    m.noalias() = root * *sigma_;
    h.noalias() = m * root.transpose();
  }
  return factor_plus_identity(h);
}

// Y <- H^{-1/2} T for all rows, and log|H| summed with multiplicity; not a number where an H is not positive definite.
double eliminate_leading(const Leading& lead, const LevelCovariance& covariance, MatrixXd& y);

}  // namespace henderson

#endif
