// Orthogonal coordinates for the columns of one matrix, found by a QR decomposition that reads the rows once.
//
// Columns and responses are shifted towards zero where a constant is in the span of the columns, so that neither unit
// nor origin costs digits; a column that depends on earlier ones is left out by the rule of stats::lm (the part that is
// new is below 1e-7 of the column's variation).
#ifndef HENDERSON_DATA_PROJECTION_HPP
#define HENDERSON_DATA_PROJECTION_HPP

#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index kQrPanel = 128;  // columns that are decomposed between two checks

// QR decomposition of a tall [X Y], block of rows by block of rows: R of X, Q'Y, and what of Y is left over, squared.
class StreamingQr {
 public:
  StreamingQr(Index columns, Index responses)
      : k_(columns),
        m_(responses),
        height_(std::max<Index>(512, 4 * columns)),
        buffer_(MatrixXd::Zero(columns + height_, columns + responses)),
        left_over_(VectorXd::Zero(responses)) {}
  // The next row to fill.
  Eigen::Block<MatrixXd, 1, Eigen::Dynamic> next_row();
  void finish() { flush(); }
  // The rows of another decomposition too.
  void add(StreamingQr& other);
  auto r() const { return buffer_.topLeftCorner(k_, k_); }
  auto q_y() const { return buffer_.topRightCorner(k_, m_); }
  const VectorXd& left_over() const { return left_over_; }
  // Who may stop the work on many columns.
  void watch(Checkpoint& checkpoint) { checkpoint_ = &checkpoint; }
  void check() const;

 private:
  void flush();
  // Householder's reflections of columns j, ..., j + width - 1, applied to those behind them.
  void factor(Index j, Index width);
  Index k_, m_, height_, used_ = 0;
  Checkpoint* checkpoint_ = nullptr;
  MatrixXd buffer_;
  VectorXd left_over_;
};

constexpr double kRankTolerance = 1e-7;  // of stats::lm

// X = (X - 1 shift') + 1 shift', where 1 = X constant. `basis` maps orthogonal coordinates back to coefficients.
struct Projection {
  VectorXd shift;               // per column of X
  VectorXd constant;            // X * constant = 1, or empty
  std::vector<Index> kept;      // columns not left out
  std::vector<double> novelty;  // per column: part not explained by earlier columns, relative to its variation
  MatrixXd alias;               // kept x columns of X: each column as a combination of earlier kept ones
  MatrixXd to_orthogonal;       // kept x kept: (X_kept - 1 shift') * to_orthogonal has columns of length `length`
  MatrixXd basis;               // kept x kept: coefficients of X_kept = basis * orthogonal coefficients
  double log_det_r = 0;         // log |det R| of the kept columns
  MatrixXd fit;                 // least-squares fit of each shifted response: coefficients of X_kept - 1 shift'
  MatrixXd response;            // of the response itself, coefficients of X_kept
  VectorXd total, square;       // sum of squares of each response about its fit, and about zero
  VectorXd rounding;            // what rounding alone may leave of total
};

// Undo the shift: coefficients of the unshifted columns.
MatrixXd unshift(const MatrixXd& shifted, const VectorXd& shift, const VectorXd& constant);

// Column j of X as a combination of the kept columns before it; what is rounding beside the column is zero.
void find_aliases(const MatrixXd& work, const MatrixXd& triangle, const VectorXd& norm, Projection& out);

// Sums of squares of the responses, which were read less `shift`. Arithmetic is done with what is left of them; the
// numbers themselves were rounded to the doubles near them, which a sum of many terms misses by two units.
void sum_responses(const MatrixXd& r, const StreamingQr& qr, const VectorXd& shift, Projection& out);

// From the QR decomposition of [X, responses], each less its shift. `length` is what the orthogonal columns are scaled
// to; `weight` is the root of the mean weight, which makes the unit of the rows.
void orthogonalize(const StreamingQr& qr, const VectorXd& response_shift, double length, double weight,
                   Projection& out);

}  // namespace henderson

#endif
