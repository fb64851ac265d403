// The rows that responses with the same missing values and weights have in common, as a design of their own.
#ifndef HENDERSON_RESPONSES_RESPONSE_ROWS_HPP
#define HENDERSON_RESPONSES_RESPONSE_ROWS_HPP

#include <Eigen/Core>
#include <vector>

#include "henderson/data/design_source.hpp"
#include "henderson/data/layout.hpp"
#include "henderson/responses/answers.hpp"

namespace henderson {

// All rows and responses; weights without columns, one column for all responses, or one for each.
struct ManyResponses {
  DesignChunk design;                      // its y: rows x responses, NaN where missing; no weights
  ConstMatrix weights{nullptr, 0, 0};

  Index rows() const { return design.y.rows(); }
  Index responses() const { return design.y.cols(); }
  const double* weights_of(Index j) const;   // or null
};

// Responses with the same rows and weights; `whole`: none is missing.
struct MissingPattern {
  Index first = 0;             // a response that has it
  bool whole = true;
  std::vector<Index> members;
};

// What can be said of a response without a fit, `own` where it can be fitted.
Outcome first_look(const ManyResponses& all, Index j);

// Patterns of the responses in order of appearance, of those only that can be fitted.
std::vector<MissingPattern> find_patterns(const ManyResponses& all, const std::vector<int>& outcome);

// The design of some responses of a pattern, filled up to `width` columns with zeros. Levels without rows are no
// levels.
class ResponseRows : public DesignSource {
 public:
  ResponseRows(const Layout& layout, const ManyResponses& all, const MissingPattern& pattern,
               const std::vector<Index>& members, Index width);

  const Layout& layout() const { return layout_; }
  Index chunks() const override { return 1; }
  DesignChunk chunk(Index k) override;

 private:
  void take_columns(const Layout& layout, const ManyResponses& all, const std::vector<Index>& rows);

  Layout layout_;
  DesignChunk chunk_;
  MatrixXd x_, y_;
  std::vector<MatrixXd> z_;
  std::vector<std::vector<int>> code_;
  VectorXd weight_;
};

}  // namespace henderson

#endif
