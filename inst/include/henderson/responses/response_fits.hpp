// One model, many responses: each is fitted by the search of a single fit, and what has no y is computed once for all
// responses with the same rows and weights.
#ifndef HENDERSON_RESPONSES_RESPONSE_FITS_HPP
#define HENDERSON_RESPONSES_RESPONSE_FITS_HPP

#include <Eigen/Core>
#include <atomic>
#include <functional>
#include <vector>

#include "henderson/data/coordinates.hpp"
#include "henderson/fit/fit.hpp"
#include "henderson/responses/response_rows.hpp"

namespace henderson {

struct ResponseOptions {
  FitOptions fit;
  bool tests = true;             // keep what tests of fixed effects need?
  Index dense_limit = 20000;     // most columns of crossed factors for which they are computed
  int threads = 1;
  std::vector<Index> kept;       // columns of X in the common coordinates
  MatrixXd to_common;            // kept coefficients -> common coordinates
};

class ResponseFits {
 public:
  ResponseFits(const Layout& layout, const Constants& constants, const ManyResponses& all,
               const ResponseOptions& options)
      : layout_(layout), constants_(constants), all_(all), options_(options) {}

  // `done` is told the number of responses that are fitted.
  Answers run(Monitor& monitor, const std::function<void(Index)>& done);

 private:
  // Some responses of a pattern.
  struct Batch {
    Index pattern, width;
    std::vector<Index> members;
  };

  std::vector<Batch> batches() const;
  void fit_batch(const Batch& batch, Monitor& monitor);
  void fit_members(const Batch& batch, const ResponseRows& rows, const CrossProducts& data, Monitor& monitor);
  void keep(const Problem& problem, const CrossProducts& data, const Evaluation& at, const FitOutcome& fitted,
            Index own, Index j);
  void keep_exact(const CrossProducts& data, Index own, Index j);

  const Layout& layout_;
  const Constants& constants_;
  const ManyResponses& all_;
  const ResponseOptions& options_;
  std::vector<MissingPattern> patterns_;
  std::atomic<Index> fitted_{0};
  Answers out_;
};

}  // namespace henderson

#endif
