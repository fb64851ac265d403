// Rows as columns of numbers and codes that lie in memory already: chunks of the design are made from them, without
// matrices of all rows, in as many threads as want to read.
#ifndef HENDERSON_DATA_COLUMN_SOURCE_HPP
#define HENDERSON_DATA_COLUMN_SOURCE_HPP

#include <Eigen/Core>
#include <memory>
#include <vector>

#include "henderson/data/design_source.hpp"

namespace henderson {

using Eigen::MatrixXd;

// A variable in the form in which columns need it: numbers, real or whole, or a factor whose levels are rows of
// `coding`.
struct Piece {
  const double* real = nullptr;
  const int* whole = nullptr;
  const int* code = nullptr;   // 1, ..., rows of coding
  Index columns = 1;           // of numbers, each as long as there are rows
  MatrixXd coding;
};

// A matrix with a row for each row of the data: a column of ones if there is an `intercept`, then the products of the
// pieces of each block, the columns of its first piece fastest.
struct ColumnPlan {
  bool intercept = false;
  std::vector<Piece> pieces;
  std::vector<std::vector<int>> blocks;
  Index columns() const;
};

struct DesignColumns {
  Index rows = 0;
  ColumnPlan x;
  std::vector<ColumnPlan> z;         // one per term
  std::vector<const int*> code;      // one per group
  const double* y = nullptr;         // rows x responses
  Index responses = 1;
  const double* offset = nullptr;    // what is subtracted from each response, or null
  const double* weight = nullptr;
};

class ColumnSource : public DesignSource {
 public:
  // `columns` must outlive the source and its twins.
  ColumnSource(const DesignColumns& columns, Index chunk_rows);
  Index chunks() const override { return chunks_; }
  DesignChunk chunk(Index k) override;
  std::unique_ptr<DesignSource> twin() const override;

 private:
  ConstMatrix fill(const ColumnPlan& plan, MatrixXd& to, Index first, Index rows) const;
  ConstMatrix fill_responses(Index first, Index rows);
  const DesignColumns& columns_;
  Index chunk_rows_, chunks_;
  MatrixXd x_, y_;
  std::vector<MatrixXd> z_;
};

}  // namespace henderson

#endif
