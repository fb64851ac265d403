// How the residual variance of a row depends on its covariates: var_a = exp(v_a), v_a the sum of a linear predictor and
// of terms that are not linear in their parameters.
#ifndef HENDERSON_RESIDUAL_VARIANCE_FUNCTION_HPP
#define HENDERSON_RESIDUAL_VARIANCE_FUNCTION_HPP

#include "henderson/residual/structure.hpp"

namespace henderson {

// Factors of the standard deviation: constant + x^power, or the root of 1 + (proportion x)^2.
enum class VarianceTerm { constant_power, constant_proportion };

// v of rows with its derivatives in gamma; second derivatives that are zero are left out.
struct LogVariances {
  struct Second {
    Index i = 0, j = 0;  // i >= j
    VectorXd value;
  };
  VectorXd v;
  std::vector<VectorXd> d;
  std::vector<Second> dd;
};

class VarianceFunction {
 public:
  VarianceFunction() = default;
  // `references`: x of each term at which its factor is 1, 0 for none. sigma is then relative to it, which keeps the
  // search the same in any unit of x.
  VarianceFunction(Index linear, std::vector<VarianceTerm> terms, std::vector<double> references = {});

  Index size() const { return static_cast<Index>(parameters_.size()); }
  const std::vector<ResidualParameter>& parameters() const { return parameters_; }
  // `w`: the columns of the linear predictor, then x of each term; a term leaves rows alone where its x is negative.
  LogVariances at(const VectorXd& gamma, const MatrixXd& w, int order) const;
  std::vector<VectorXd> starts(const MatrixXd& w) const;

 private:
  Index linear_ = 0;
  std::vector<VarianceTerm> terms_;
  std::vector<double> references_;
  std::vector<ResidualParameter> parameters_;
};

}  // namespace henderson

#endif
