// Where a point of the search lies: singular neighbours, how large its variances are, how far from another one.
#ifndef HENDERSON_SEARCH_BOUNDARY_HPP
#define HENDERSON_SEARCH_BOUNDARY_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/likelihood/problem.hpp"

namespace henderson {

// A covariance this close to singular (on the scale of one level's data, or `far` times that) is tried as exactly
// singular.
VectorXd on_boundary(const Problem& problem, const VectorXd& theta, std::vector<bool>& singular, double far = 1);
VectorXd on_boundary(const Layout& layout, Index n, const VectorXd& theta, std::vector<bool>& singular, double far = 1);

// One of the equal factors L of the same Sigma: non-negative diagonal.
VectorXd canonical(const Layout& layout, const VectorXd& theta);

// Rows of R that carry information, summed over levels: the rank of Z of the leading factor.
Index leading_rank(const Layout& layout, const CrossProducts& data);

// Rows that Z and X leave free, counted for one grouping factor or where crossed ones are known to leave none.
Index residual_degrees(const Problem& problem, const CrossProducts& data);

// The largest variance of a level's effects, relative to that of the residuals, counted in rows of a level.
double largest_ratio(const Problem& problem, const VectorXd& theta);

// How far apart two thetas are, each variance on the scale of what one level tells about it at `from`.
double distance(const Problem& problem, const VectorXd& from, const VectorXd& to);

}  // namespace henderson

#endif
