#include "henderson/posterior/effect_draws.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <utility>
#include <vector>

#include "henderson/likelihood/moments_dense.hpp"
#include "henderson/optimize/workers.hpp"

namespace henderson {

namespace {

// One thread's share: the evaluation of the point at hand, and what is drawn from it.
class Drawer {
 public:
  Drawer(const PosteriorModel& model, const EffectRequest& request, const CoefficientPrior& prior,
         Checkpoint& checkpoint)
      : model_(model),
        request_(request),
        prior_(prior),
        criterion_(request.normals_b.size() > 0 ? model.by_level() : model.fastest(), true, checkpoint) {
    const Layout& layout = model.layout();
    first_.resize(layout.groups.size());
    for (const int g : layout.rest) first_[g] = rest_columns(model.by_level(), g);
  }

  void draw(Index i, EffectDraws& out) {
    if (request_.point_of[i] != point_) {
      point_ = request_.point_of[i];
      at_ = criterion_.evaluate(model_.theta_of(request_.points.col(point_)), std::move(at_));
      if (!at_.ok()) throw Error("not_finite", "the criterion is not finite at these parameters");
      if (request_.normals_b.size() > 0 && model_.by_level().root) prepare_root();
    }
    const double sigma = request_.sigma[i];
    const CoefficientPosterior c = model_.coefficients_at(at_, sigma, prior_);
    VectorXd beta = request_.normals_beta.col(i);
    c.root.triangularView<Eigen::Lower>().transpose().solveInPlace(beta);
    beta = c.mean + sigma * beta;
    out.beta.col(i) = model_.data().x.response.col(0) + model_.data().x.basis * beta;
    if (request_.normals_b.size() > 0) draw_random(i, sigma, beta, out);
  }

 private:
  // In root form: L, and the factor of I + L'A'A L, which all draws at a point share.
  void prepare_root() {
    const MatrixXd& a = model_.by_level().root->a();
    factor_ = times_factor(MatrixXd::Identity(a.cols(), a.cols()));
    const MatrixXd al = times_factor(a);
    MatrixXd k = al.transpose() * al;
    k.diagonal().array() += 1;
    noise_root_ = Eigen::LLT<MatrixXd>(k).matrixL();
  }

  // b = L u with u ~ N(L'A'K^{-1}(d_y - D_x beta), sigma^2 (I + L'A'A L)^{-1}).
  void draw_from_root(Index i, double sigma, const VectorXd& beta, EffectDraws& out) const {
    const Index p = beta.size(), lead = model_.layout().lead_levels() * model_.layout().lead_q();
    const VectorXd score = at_.root_z.transpose() * (at_.root_d.col(p) - at_.root_d.leftCols(p) * beta);
    VectorXd noise = request_.normals_b.col(i);
    noise_root_.triangularView<Eigen::Lower>().transpose().solveInPlace(noise);
    const VectorXd b = factor_ * (factor_.transpose() * score + sigma * noise);
    store(b.head(lead), b.tail(b.size() - lead), i, out);
  }

  // X L for the columns of Z in the order of the root form.
  MatrixXd times_factor(const MatrixXd& x) const {
    const Problem& pr = model_.by_level();
    MatrixXd out(x.rows(), x.cols());
    for (std::size_t g = 0; g < pr.layout->groups.size(); ++g) {
      const Index q = pr.layout->groups[g].q;
      for (const Index first : dense_columns(pr, static_cast<int>(g)))
        out.middleCols(first, q).noalias() = x.middleCols(first, q) * at_.factor[g];
    }
    return out;
  }

  void draw_random(Index i, double sigma, const VectorXd& beta, EffectDraws& out) const {
    const Problem& pr = model_.by_level();
    if (pr.root) return draw_from_root(i, sigma, beta, out);
    const Index p = pr.p, own = model_.layout().lead_levels() * pr.lead.q, rest = pr.rest.columns();
    VectorXd e = at_.y.col(p) - at_.y.leftCols(p) * beta;
    VectorXd b_rest;
    if (rest > 0) {
      MatrixXd u = at_.rest.lambda_transposed(pr.rest, MatrixXd(at_.s_d.col(p) - at_.s_d.leftCols(p) * beta));
      at_.rest.solve_lower(u);
      u += sigma * request_.normals_b.col(i).tail(rest);
      at_.rest.solve_upper(u);
      const MatrixXd effects = at_.rest.lambda_times(pr.rest, u);
      e -= pr.rest.gather(at_.y_rest, effects);
      b_rest = effects.col(0);
    }
    store(leading_effects(e, sigma, request_.normals_b.col(i).head(own)), b_rest, i, out);
  }

  // From the residual e = H^{-1/2}(t_y - T_x beta - T_r b_r) of each level: b = L u with
  // u ~ N(M'H^{-1/2}' e, sigma^2 (I + M'M)^{-1}), M = R L and H = I + M M'.
  VectorXd leading_effects(const VectorXd& e, double sigma, const VectorXd& normals) const {
    const Problem& pr = model_.by_level();
    const MatrixXd& lambda = at_.factor[model_.layout().lead];
    VectorXd out(e.size());
    for_each_class(pr.lead, [&](const LeadingClass& c, const auto& root, auto size) {
      constexpr int Q = decltype(size)::value;
      using Matrix = Eigen::Matrix<double, Q, Q>;
      using Vector = Eigen::Matrix<double, Q, 1>;
      const Index q = pr.lead.q, row = c.first * q;
      Matrix m(q, q), h(q, q), k(q, q);
      m.noalias() = root * lambda;
      cholesky_plus_identity(m, h);
      k.noalias() = m.transpose() * m;
      factor_plus_identity(k);
      Vector residual = e.segment(row, q), noise = normals.segment(row, q);
      h.template triangularView<Eigen::Lower>().transpose().solveInPlace(residual);
      k.template triangularView<Eigen::Lower>().transpose().solveInPlace(noise);
      const Vector u = m.transpose() * residual + sigma * noise;
      out.segment(row, q) = lambda * u;
    });
    return out;
  }

  void store(const VectorXd& lead, const VectorXd& rest, Index i, EffectDraws& out) const {
    const Layout& layout = model_.layout();
    Index at = 0;
    for (std::size_t t = 0; t < layout.terms.size(); ++t) {
      const Term& term = layout.terms[t];
      const Group& group = layout.groups[term.group];
      MatrixXd own(group.levels, term.q);
      for (Index l = 0; l < group.levels; ++l) {
        const Index first = (term.group == layout.lead ? l * group.q : first_[term.group][l]) + term.column;
        const double* effects = (term.group == layout.lead ? lead.data() : rest.data()) + first;
        for (Index k = 0; k < term.q; ++k) own(l, k) = effects[k];
      }
      const MatrixXd user = own * model_.data().z_basis[t].transpose();
      out.b.col(i).segment(at, user.size()) = Eigen::Map<const VectorXd>(user.data(), user.size());
      at += user.size();
    }
  }

  const PosteriorModel& model_;
  const EffectRequest& request_;
  const CoefficientPrior& prior_;
  Criterion criterion_;
  Evaluation at_;
  Index point_ = -1;
  MatrixXd noise_root_, factor_;                    // in root form, see prepare_root()
  std::vector<std::vector<Index>> first_;  // of the other groups: the first column of each level
};

}  // namespace

EffectDraws draw_effects(const PosteriorModel& model, const EffectRequest& request, const CoefficientPrior& prior,
                         int threads, Checkpoint& checkpoint) {
  EffectDraws out;
  const Index n = request.sigma.size();
  out.beta.resize(model.coefficients(), n);
  if (request.normals_b.size() > 0) out.b.resize(request.normals_b.rows(), n);
  work_in_blocks(n, threads, checkpoint, [&](Index first, Index last, Checkpoint& own) {
    Drawer drawer(model, request, prior, own);
    for (Index i = first; i < last; ++i) drawer.draw(i, out);
  });
  return out;
}

}  // namespace henderson
