// First pass over the rows: counts, and the coordinates in which the columns of X and of each term are orthogonal.
#ifndef HENDERSON_DATA_COORDINATES_HPP
#define HENDERSON_DATA_COORDINATES_HPP

#include <Eigen/Core>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "henderson/data/design_source.hpp"
#include "henderson/data/layout.hpp"
#include "henderson/data/projection.hpp"
#include "henderson/linalg/checkpoint.hpp"
#include "henderson/linalg/error.hpp"

namespace henderson {

constexpr Index rows_between_checks = 256;

// With many columns a row takes longer.
Index rows_to_next_check(Index columns);

double root_weight(const DesignChunk& chunk, Index i);

// For which columns of X and of each term is the constant in the span, and how.
struct Constants {
  VectorXd x;                // empty: none
  std::vector<VectorXd> z;
};

// The orthogonal columns of a term are (z - shift) * map; coefficients of z are basis * those of the orthogonal
// columns.
struct TermCoordinates {
  VectorXd shift;
  MatrixXd map, basis;
};

struct Coordinates {
  Index n = 0;               // rows with positive weight
  double log_weight = 0;     // sum of log weights
  VectorXd response_shift;   // what each response, as the chunks have it, is read less of: part of the fit by X
  Projection x;
  std::vector<TermCoordinates> terms;
};

// What a lane of rows adds up to.
struct CoordinateSums {
  StreamingQr x;
  std::vector<StreamingQr> z;        // per term
  std::vector<VectorXd> z_square;
  Index n = 0;
  double log_weight = 0, weight = 0;
  CoordinateSums(const Layout& layout, Index columns, Index responses);
  void add(CoordinateSums& other);
};

class CoordinateFinder {
 public:
  CoordinateFinder(const Layout& layout, Constants constants, Checkpoint& checkpoint, int threads = 1)
      : layout_(layout), constants_(std::move(constants)), checkpoint_(checkpoint), threads_(threads) {}

  Coordinates run(DesignSource& source);

 private:
  CoordinateSums read(DesignSource& source);

  // Columns of one term are made orthogonal where its structure allows for that; else they are scaled, each by itself
  // or all by one number, or left as they are.
  bool rotates(std::size_t t) const {
    return layout_.terms[t].q > 1 && layout_.terms[t].structure->closed_under() == Closure::any;
  }

  void start(const DesignChunk& chunk);

  void sum_lanes(DesignSource& source, std::vector<CoordinateSums>& lanes);
  void add(const DesignChunk& chunk, CoordinateSums& sums, Checkpoint& checkpoint) const;

  // Means over the rows of the first chunk that count.
  static VectorXd first_means(const ConstMatrix& x, const VectorXd& constant, const DesignChunk& chunk);

  // Shifting needs every column that makes up the constant. Nor must it decide which column is left out: until the
  // constant is in their span, shifted columns say nothing about dependence.
  bool constant_lost() const;

  static void count(const DesignChunk& chunk, CoordinateSums& sums);

  double mean_root_weight() const { return out_.n > 0 ? std::sqrt(weight_ / static_cast<double>(out_.n)) : 1.0; }

  void absorb(const ConstMatrix& x, const ConstMatrix* y, const DesignChunk& chunk, StreamingQr& qr,
              const VectorXd& shift, Checkpoint& checkpoint) const;

  static void add_squares(const DesignChunk& chunk, std::size_t t, CoordinateSums& sums);

  void finish_term(std::size_t t, CoordinateSums& sums);

  VectorXd column_scales(std::size_t t, const VectorXd& square) const;

  [[noreturn]] static void dependent(std::size_t t, const std::vector<double>& novelty);

  const Layout& layout_;
  Constants constants_;
  VectorXd origin_;   // what the chunks give each response less of
  Checkpoint& checkpoint_;
  int threads_;
  Coordinates out_;
  double weight_ = 0;   // sum over the rows
};

}  // namespace henderson

#endif
