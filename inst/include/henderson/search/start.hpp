// Where the search starts: one scoring step in the natural parameters from Sigma = I.
//
// Where V is linear in them the step ends at the estimates for balanced data (it is MIVQUE with V_0 as prior).
// The information at that point tells whether the parameters can be told apart at all.
#ifndef HENDERSON_SEARCH_START_HPP
#define HENDERSON_SEARCH_START_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/search/moment_start.hpp"
#include "henderson/search/starts.hpp"

namespace henderson {

struct Start {
  VectorXd theta;
  VectorXd identity;          // Sigma = I
  bool identified = true;
  std::vector<int> terms;    // where not: the terms that cannot be told apart, kResidual for the residual variance
};

// Information of (natural parameters, sigma^2), sigma^2 last, from the moments at V_0 = I + sum weight_i V_i
// (Euler's weights, see Covariance::scaling()).
MatrixXd bordered(const MatrixXd& information, const VectorXd& first, const VectorXd& weight, double degrees);

// Relative rounding error of the information: sums over the columns of Z, from which the share of X is subtracted.
double rounding_share(const Layout& layout, Index parameters);

// An orthonormal basis of the span of the columns, whatever their sizes.
MatrixXd orthonormal(const MatrixXd& columns);

// Terms that take part in null vectors of the information within the span of `along`, kResidual for the residual
// variance; empty if there are none. A parameter's unit is its information before the fixed effects took their part:
// what they leave of it is rounding if it is below rounding_share(), and nothing that the rounding could have made is
// taken as information.
std::vector<int> confounded_along(const Layout& layout, const Evidence& evidence, const MatrixXd& along);

std::vector<int> confounded(const Layout& layout, const Evidence& evidence);

// The nearest positive definite matrix, eigenvalues at least `floor`.
MatrixXd positive_definite(const MatrixXd& sigma, double floor);

// theta of the natural parameters (then sigma^2), made positive definite.
VectorXd positive_definite_theta(const Layout& layout, Index n, const VectorXd& natural, double least_residual);

// From V_0 = I, for models where one evaluation is dear.
Start moment_start(const Problem& problem, const CrossProducts& data);

// The information of the natural parameters and sigma^2 by REML, which is what the data say apart from the fixed
// effects; `m` are the moments at this point. Where sigma^2 is known, without it.
Evidence evidence_at(const Criterion& criterion, Evaluation at, const std::vector<Direction>& directions,
                     const Moments& m);

// The same at Sigma = I, where V_0 > Z_g Z_g' limits the information by the columns of Z_g.
std::vector<int> confounded_at_identity(const Criterion& criterion, const Evaluation& at,
                                       const std::vector<Direction>& directions, const MatrixXd& information,
                                       const Moments& m);

// From Sigma = I, with all that the criterion knows there.
Start scoring_start(const Problem& problem, Checkpoint& checkpoint, int& evaluations);

// At V_0 = I levels of large weight may hide what the others say; Sigma = I takes from each level what it can tell.
// Related levels: Sigma = I, where the average information shows what cannot be told apart. The equations of
// moment_start() would need traces of dense matrices.
Start average_start(const Problem& problem, Checkpoint& checkpoint, int& evaluations);

Start find_start(const Problem& problem, const CrossProducts& data, Checkpoint& checkpoint, int& evaluations);

}  // namespace henderson

#endif
