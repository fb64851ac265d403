#include "henderson/responses/response_fits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "henderson/data/accumulate.hpp"
#include "henderson/responses/refit.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {

namespace {

// Responses whose cross-products are summed together. The number of columns of a matrix product decides in which order
// it is summed: whichever responses come together, they are as many, so that their order does not change a bit.
constexpr std::size_t kMany = 64, kFew = 8;

// Free of rounding where the estimate is singular, as new_estimates() of R makes it.
void clean_covariance(const Layout& layout, const CrossProducts& data, const std::vector<bool>& singular,
                      Eigen::Ref<VectorXd> stacked) {
  Index first = 0;
  for (std::size_t t = 0; t < layout.terms.size(); ++t) {
    const Index q = layout.terms[t].q, size = triangle(q);
    if (singular[t]) {
      MatrixXd s = unstacked(stacked.data() + first, q);
      const VectorXd unit = data.z_basis[t].rowwise().squaredNorm();
      const double largest = s.diagonal().cwiseQuotient(unit).maxCoeff();
      for (Index i = 0; i < q; ++i)
        if (s(i, i) <= 1e-13 * unit[i] * largest) {
          s.row(i).setZero();
          s.col(i).setZero();
        }
      stacked.segment(first, size) = henderson::stacked(s);
    }
    first += size;
  }
}

bool any(const std::vector<bool>& x) { return std::find(x.begin(), x.end(), true) != x.end(); }

}  // namespace

Answers ResponseFits::run(Monitor& monitor, const std::function<void(Index)>& done) {
  const Index m = all_.responses(), p = static_cast<Index>(options_.kept.size());
  out_.resize(layout_, all_.design.x.cols(), p, m, options_.tests && p > 0);
  for (Index j = 0; j < m; ++j) out_.outcome[j] = static_cast<int>(first_look(all_, j));
  monitor.check();
  patterns_ = find_patterns(all_, out_.outcome);
  out_.pattern_basis =
      MatrixXd::Constant(p * p, static_cast<Index>(patterns_.size()), std::numeric_limits<double>::quiet_NaN());
  const std::vector<Batch> pieces = batches();
  share_work(static_cast<Index>(pieces.size()), options_.threads, monitor,
             [&](Index k, Monitor& own) {
               fit_batch(pieces[k], own);
               fitted_ += static_cast<Index>(pieces[k].members.size());
             },
             [&](Index) { done(fitted_); });
  return std::move(out_);
}

std::vector<ResponseFits::Batch> ResponseFits::batches() const {
  std::vector<Batch> out;
  for (std::size_t k = 0; k < patterns_.size(); ++k) {
    const std::vector<Index>& members = patterns_[k].members;
    const std::size_t width = members.size() >= kMany ? kMany : kFew;
    for (std::size_t from = 0; from < members.size(); from += width) {
      const std::size_t to = std::min(members.size(), from + width);
      out.push_back({static_cast<Index>(k), static_cast<Index>(width),
                     std::vector<Index>(members.begin() + from, members.begin() + to)});
    }
  }
  return out;
}

// What is wrong with all responses of these rows is said by a fit of one of them.
void ResponseFits::fit_batch(const Batch& batch, Monitor& monitor) {
  for (const Index j : batch.members) out_.pattern[j] = static_cast<int>(batch.pattern);
  try {
    ResponseRows rows(layout_, all_, patterns_[batch.pattern], batch.members, batch.width);
    const CrossProducts data = Accumulator(rows.layout(), constants_, monitor).run(rows);
    for (const Index j : batch.members) out_.n[j] = static_cast<int>(data.n);
    if (data.x.kept == options_.kept) fit_members(batch, rows, data, monitor);
  } catch (const Error&) {
  }
}

void ResponseFits::fit_members(const Batch& batch, const ResponseRows& rows, const CrossProducts& data,
                               Monitor& monitor) {
  const Layout& layout = rows.layout();
  Problem problem = make_problem(layout, data, options_.fit.memory_limit, monitor);
  problem.known_sigma2 = known_sigma2(options_.fit);
  const auto classes = one_factor(problem) ? levels_by_root(layout, data) : std::vector<std::vector<Index>>();
  const bool mix = fewer_pseudo_levels(problem, data, classes);
  const MatrixXd to_common = options_.to_common * data.x.basis;
  const bool tests = out_.phi.size() > 0 && (one_factor(problem) || layout.random_columns() <= options_.dense_limit);
  if (batch.members.front() == patterns_[batch.pattern].members.front())
    out_.pattern_basis.col(batch.pattern) = Eigen::Map<const VectorXd>(data.x.basis.data(), data.x.basis.size());
  for (Index own = 0; own < static_cast<Index>(batch.members.size()); ++own) {
    const Index j = batch.members[own];
    set_response(problem, data, own, mix ? &classes : nullptr);
    if (fitted_exactly(problem)) {
      keep_exact(data, own, j);
      continue;
    }
    if (!options_.fit.sigma && floor_residual(problem, data)) continue;
    Fitter fitter(problem, data, options_.fit, monitor);
    const FitOutcome fitted = fitter.run();
    if (!fitted.identified || !fitter.final_evaluation().ok() || fitted.zero_residual || fitted.zero_sigma) continue;
    const Evaluation& at = fitter.final_evaluation();
    keep(problem, data, at, fitted, own, j);
    if (tests)
      keep_tests(information(problem, at, options_.dense_limit, monitor), options_.fit.reml && problem.p > 0, to_common,
                 j, out_);
    monitor.check();
  }
}

void ResponseFits::keep(const Problem& problem, const CrossProducts& data, const Evaluation& at,
                        const FitOutcome& fitted, Index own, Index j) {
  const Layout& layout = *problem.layout;
  out_.outcome[j] = static_cast<int>(Outcome::fitted);
  out_.theta.col(j) = fitted.optimum.theta;
  const VectorXd beta = data.x.response.col(own) + data.x.basis * at.beta;
  for (std::size_t k = 0; k < data.x.kept.size(); ++k) out_.beta(data.x.kept[k], j) = beta[k];
  out_.covariance.col(j) = stacked_covariance(layout, data, at);
  if (any(fitted.singular)) clean_covariance(layout, data, fitted.singular, out_.covariance.col(j));
  out_.sigma[j] = std::sqrt(at.sigma2);
  out_.value[j] = fitted.optimum.value;
  out_.evaluations[j] = fitted.evaluations;
  out_.converged[j] = fitted.optimum.status == "converged";
  for (std::size_t t = 0; t < layout.terms.size(); ++t) out_.singular(t, j) = fitted.singular[t];
}

void ResponseFits::keep_exact(const CrossProducts& data, Index own, Index j) {
  out_.outcome[j] = static_cast<int>(Outcome::exact);
  for (std::size_t k = 0; k < data.x.kept.size(); ++k) out_.beta(data.x.kept[k], j) = data.x.response(k, own);
  out_.covariance.col(j).setZero();
  out_.sigma[j] = 0;
}

}  // namespace henderson
