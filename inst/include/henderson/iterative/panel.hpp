// Several columns over the levels of the other factors, kept row by row so that one pass over the pairs serves all of
// them.
#ifndef HENDERSON_ITERATIVE_PANEL_HPP
#define HENDERSON_ITERATIVE_PANEL_HPP

#include <Eigen/Core>
#include <functional>

namespace henderson {
namespace iterative {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Panel = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Inner products of the columns of two panels, column by column; each is summed in the order of the rows.
VectorXd column_products(const Panel& a, const Panel& b);

// The same for two sequences of rows, `step` rows apart: the sums over l of x(l step, k) y(l step, k).
VectorXd column_products(const double* x, const double* y, Index rows, Index step, Index m);

// to += from * diag(by).
void add_scaled(Panel& to, const Panel& from, const VectorXd& by);

// to = from + to * diag(by).
void scale_and_add(Panel& to, const Panel& from, const VectorXd& by);

// part(0), ..., part(parts - 1) on at most `threads` threads; the first part always on this one. What a part does must
// not depend on the others.
void run_parts(int parts, int threads, const std::function<void(int)>& part);

// One column-major block of size rows x rows for each level: to(l) = block(l) * from(l), or its transpose.
void multiply_blocks(const double* blocks, Index rows, Index levels, const double* from, Index m, bool transposed,
                     double* to);

// The same block for each of the levels, whose m columns lie one after another: to(l) = block * from(l), or its
// transpose.
void multiply_each(const MatrixXd& block, bool transposed, const double* from, Index levels, Index m, double* to);

}  // namespace iterative
}  // namespace henderson

#endif
