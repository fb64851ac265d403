// Several columns over the levels of the other factors, kept row by row so that one pass over the pairs serves all of them.
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

// to += from * diag(by).
void add_scaled(Panel& to, const Panel& from, const VectorXd& by);

// to = from + to * diag(by).
void scale_and_add(Panel& to, const Panel& from, const VectorXd& by);

// part(0), ..., part(parts - 1) on at most `threads` threads; the first part always on this one. What a part does must not
// depend on the others.
void run_parts(int parts, int threads, const std::function<void(int)>& part);

// `each` column-major blocks of rows x cols: to(l) = block(l) * from(l), or its transpose.
void multiply_blocks(const double* blocks, Index rows, Index levels, const Panel& from, bool transposed, Panel& to);

}  // namespace iterative
}  // namespace henderson

#endif
