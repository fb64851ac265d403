// Tests of one hypothesis about the fixed effects of many responses, from what Answers keep of each.
#ifndef HENDERSON_RESPONSES_RESPONSE_TESTS_HPP
#define HENDERSON_RESPONSES_RESPONSE_TESTS_HPP

#include <Eigen/Core>

#include "henderson/data/design_source.hpp"
#include "henderson/responses/answers.hpp"

namespace henderson {

// A column per response; see Answers. `covariance` is phi, or Kenward and Roger's adjusted matrix.
struct TestInput {
  ConstMatrix phi{nullptr, 0, 0}, slopes{nullptr, 0, 0}, spread{nullptr, 0, 0}, covariance{nullptr, 0, 0};
  VectorXd sigma2;
  bool kenward_roger = false;
  // Moderated residual variances: their logarithm less that of the estimate, and the degrees of freedom of the prior;
  // or empty.
  VectorXd log_ratio;
  double prior_df = 0;
};

// Rows x responses: squared standard error relative to sigma^2 and degrees of freedom of each row; per response F of
// all rows, its denominator degrees of freedom and its scale. NaN where there is no test.
struct TestOutput {
  MatrixXd variance, df;
  VectorXd f, denominator, scale;
};

// `rows`: the hypothesis in the common coordinates. `delta`: its estimates less the values tested, rows x responses.
TestOutput test_responses(const MatrixXd& rows, const MatrixXd& delta, const TestInput& in);

}  // namespace henderson

#endif
