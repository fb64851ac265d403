// One evaluation of the criterion, with everything it was made from.
#ifndef HENDERSON_TESTS_POINT_HPP
#define HENDERSON_TESTS_POINT_HPP

#include "henderson/likelihood/gradient.hpp"
#include "support/dense.hpp"

namespace henderson_tests {

struct Point {
  henderson::Checkpoint checkpoint;
  const Design& design;
  henderson::CrossProducts data;
  henderson::Problem problem;
  henderson::Criterion criterion;
  henderson::Evaluation at;

  Point(const Design& d, const VectorXd& theta, bool reml) : Point(d, theta, reml, cross_products(d)) {}
  Point(const Design& d, const VectorXd& theta, bool reml, henderson::CrossProducts sums)
      : design(d),
        data(std::move(sums)),
        problem(henderson::make_problem(d.layout, data, 1e300, checkpoint)),
        criterion(problem, reml, checkpoint) {
    henderson::set_response(problem, data, 0, nullptr);
    at = criterion.evaluate(theta);
  }
  Point(const Point&) = delete;
  Dense dense() const { return dense_at(design, data, at.theta, at.reml); }
};

// V_i = Z_g (I x E) Z_g' in the engine's coordinates.
inline MatrixXd direction_matrix(const Design& design, const henderson::CrossProducts& data,
                                 const henderson::Direction& d) {
  const MatrixXd z = group_z(design, data, d.group, positive_rows(design));
  const Index q = d.e.rows(), levels = z.cols() / q;
  MatrixXd ze(z.rows(), z.cols());
  for (Index l = 0; l < levels; ++l) ze.middleCols(l * q, q) = z.middleCols(l * q, q) * d.e;
  return ze * z.transpose();
}

// Shapes with and without weights, by REML and ML, at an inner point and with a singular covariance matrix.
template <class Body>
void for_each_point(const std::vector<Shape>& list, unsigned seed, const Body& body) {
  Rng rng(seed);
  for (const Shape& s : list) {
    Design d = shaped(rng, s);
    const VectorXd inner = random_theta(rng, d.layout);
    VectorXd singular = inner;
    for (const henderson::Term& term : d.layout.terms) singular[term.theta + term.n_theta - 1] = 0;
    for (const bool weighted : {false, true}) {
      if (weighted) random_weights(rng, d);
      for (const bool reml : {true, false})
        for (const VectorXd& theta : {inner, singular, VectorXd(0 * inner)}) {
          INFO(s.name << (weighted ? ", weighted" : "") << (reml ? ", REML" : ", ML")
                      << ", theta = " << theta.transpose());
          body(d, theta, reml);
        }
    }
  }
}

}  // namespace henderson_tests

#endif
