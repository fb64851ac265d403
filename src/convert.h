// R lists to engine structs and back, one overload pair per type; the monitor that listens to R.
#ifndef HENDERSON_SRC_CONVERT_H
#define HENDERSON_SRC_CONVERT_H

#include <Rcpp.h>

#include <Eigen/Core>

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "henderson/data/coordinates.hpp"
#include "henderson/data/cross_products.hpp"
#include "henderson/data/design_source.hpp"
#include "henderson/data/layout.hpp"
#include "henderson/linalg/error.hpp"
#include "henderson/optimize/monitor.hpp"
#include "status_line.h"

namespace henderson {

SEXP check_interrupt(void*);

// Asks R for an interrupt at most every 20 ms, and shows that a long call is at work; leaves by Rcpp's unwind exception,
// so destructors run.
class RMonitor : public Monitor {
 public:
  explicit RMonitor(bool progress) : progress_(progress) {}
  void check() override;
  void on_iteration(int evaluations, double value, double decrement) override;

 private:
  bool progress_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// An engine error becomes a list that R turns into a classed condition.
template <class Body>
SEXP guarded(const Body& body) {
  const StatusLine::Call call;
  try {
    return body();
  } catch (const Error& e) {
    return Rcpp::List::create(Rcpp::Named("engine_error") = e.kind(), Rcpp::Named("message") = std::string(e.what()));
  } catch (const std::bad_alloc&) {
    return Rcpp::List::create(Rcpp::Named("engine_error") = "bad_alloc", Rcpp::Named("message") = "");
  }
}

// Eigen's matrices to R's and back, copied.
Rcpp::NumericVector numeric(const VectorXd& x);

Rcpp::NumericMatrix numeric(const MatrixXd& x);

Rcpp::List matrices(const std::vector<MatrixXd>& x);

VectorXd vector_of(SEXP x);

MatrixXd matrix_of(SEXP x);

void require(bool condition, const char* message);

// R's positions, which count from 1, counted from 0; the second refuses those outside 1, ..., size.
std::vector<Index> from_zero(const Rcpp::IntegerVector& from_one);

std::vector<Index> from_zero(const Rcpp::IntegerVector& from_one, Index size, const char* message);

// The structure of a term: list(structure, positions, rank), the last two where it needs them.
std::shared_ptr<const Covariance> to_covariance(const Rcpp::List& term, Index q);

// Rows of parents from 1, NA for unknown ones; each animal after its own.
Eigen::MatrixXi to_parents(SEXP x);

// The relationship of a factor's levels: a pedigree (parents, variances of Mendelian sampling) or the columns of the
// lower triangle of a precision (start, row, value).
std::shared_ptr<const LevelPrecision> to_precision(const Rcpp::List& x, Index levels);

Layout to_layout(const Rcpp::List& layout);

// Variance parameters held at known values: columns term (0 is the residual), row, col, value.
std::vector<Held> to_held(SEXP x, const Layout& layout);

// The number of further starts; none where R has a negative number.
std::optional<int> to_restarts(const Rcpp::List& options);

Rcpp::List to_list(const PairBlocks& x);

PairBlocks to_pair_blocks(const Rcpp::List& x, Index row_levels, Index col_levels);

Rcpp::List to_list(const Projection& x);

Rcpp::List to_list(const CrossProducts& x);

void read_projection(const Rcpp::List& x, Projection& out);

void check_shapes(const CrossProducts& x, const Layout& layout);

CrossProducts to_cross_products(const Rcpp::List& x, const Layout& layout);

// For which columns the constant is in the span, and how; the check against the columns there are.
Constants to_constants(const Rcpp::List& x, const Layout& layout);

void check_constants(const Constants& constants, const Layout& layout, Index x_columns);

void require_codes(const int* code, Index rows, Index levels);

DesignChunk to_chunk(const Rcpp::List& design, const Layout& layout);

}  // namespace henderson

#endif
