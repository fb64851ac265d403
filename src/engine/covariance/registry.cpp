#include "henderson/covariance/registry.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "henderson/covariance/diagonal.hpp"
#include "henderson/covariance/factor_analytic.hpp"
#include "henderson/covariance/scaled_correlation.hpp"
#include "henderson/covariance/unbounded.hpp"
#include "henderson/covariance/unstructured.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

namespace {

using Variances = ScaledCorrelation::Variances;

std::shared_ptr<const Covariance> scaled(const std::string& name, std::shared_ptr<const Correlation> correlation,
                                         Variances variances, bool linear = false) {
  return std::make_shared<ScaledCorrelation>(name, std::move(correlation), variances, linear);
}

const std::vector<std::pair<std::string, KernelShape>> kernels = {{"exponential", KernelShape::exponential},
                                                                  {"gaussian", KernelShape::gaussian},
                                                                  {"matern 3/2", KernelShape::matern32},
                                                                  {"matern 5/2", KernelShape::matern52}};

std::vector<std::shared_ptr<const Covariance>>& registry() {
  static std::vector<std::shared_ptr<const Covariance>> all = {
      std::make_shared<Unstructured>(),
      std::make_shared<Diagonal>(),
      std::make_shared<Unbounded>(std::make_shared<Unstructured>()),
      std::make_shared<Unbounded>(std::make_shared<Diagonal>()),
      scaled("homogeneous diagonal", independent_columns(), Variances::one, true),
      scaled("homogeneous exchangeable", exchangeable_correlation(), Variances::one, true),
      scaled("exchangeable", exchangeable_correlation(), Variances::each),
      scaled("autoregressive", autoregressive_correlation(), Variances::one),
      scaled("heterogeneous autoregressive", autoregressive_correlation(), Variances::each),
      scaled("homogeneous Toeplitz", toeplitz_correlation(), Variances::one, true),
      scaled("Toeplitz", toeplitz_correlation(), Variances::each),
  };
  return all;
}

}  // namespace

const std::vector<std::shared_ptr<const Covariance>>& covariance_structures() { return registry(); }

void add_covariance_structure(std::shared_ptr<const Covariance> structure) {
  for (const auto& known : registry())
    if (known->name() == structure->name())
      throw Error("input", "there is a covariance structure `" + known->name() + "` already");
  registry().push_back(std::move(structure));
}

const Covariance& covariance_structure(const std::string& name) {
  for (const auto& structure : covariance_structures())
    if (structure->name() == name) return *structure;
  throw Error("input", "there is no covariance structure `" + name + "`");
}

// Structures that need more than a number of columns are made for their term.
std::shared_ptr<const Covariance> make_covariance(const CovarianceSpec& spec) {
  for (const auto& kernel : kernels) {
    if (kernel.first != spec.name) continue;
    if (spec.positions.rows() == 0) throw Error("input", "the structure `" + spec.name + "` needs positions");
    return scaled(spec.name, kernel_correlation(kernel.second, spec.positions), Variances::one);
  }
  if (spec.name == "factor analytic" || spec.name == "reduced rank") {
    if (spec.rank < 1) throw Error("input", "the structure `" + spec.name + "` needs a number of factors");
    return std::make_shared<FactorAnalytic>(spec.name, spec.rank, spec.name == "factor analytic");
  }
  for (const auto& structure : covariance_structures())
    if (structure->name() == spec.name) return structure;
  throw Error("input", "there is no covariance structure `" + spec.name + "`");
}

}  // namespace henderson
