#include "henderson/posterior/effect_draws.hpp"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "henderson/likelihood/moments_dense.hpp"
#include "henderson/linalg/decompositions.hpp"
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
    if (point_ != request_.point_of[i]) {
      point_ = request_.point_of[i];
      at_ = criterion_.evaluate(model_.theta_of(request_.points.col(*point_)), std::move(at_));
      if (!at_.ok()) throw Error("not_finite", "the criterion is not finite at these parameters");
      if (request_.normals_b.size() > 0) prepare();
    }
    const double sigma = request_.sigma[i];
    const CoefficientPosterior c = model_.coefficients_at(at_, sigma, prior_);
    const VectorXd beta = c.draw(request_.normals_beta.col(i), sigma);
    out.beta.col(i) = model_.data().x.response.col(0) + model_.data().x.basis * beta;
    if (request_.normals_b.size() > 0) draw_random(i, sigma, beta, out);
  }

 private:
  // What all draws at a point share.
  void prepare() {
    const Rooted* rooted = std::get_if<Rooted>(&model_.by_level().regime);
    if (rooted == nullptr) return;
    const MatrixXd& a = rooted->form->a();
    factor_ = times_factor(MatrixXd::Identity(a.cols(), a.cols()));
    const MatrixXd al = times_factor(a);
    MatrixXd k = al.transpose() * al;
    k.diagonal().array() += 1;
    noise_root_ = Eigen::LLT<MatrixXd>(k).matrixL();
  }

  void draw_random(Index i, double sigma, const VectorXd& beta, EffectDraws& out) const {
    const VectorXd normals = request_.normals_b.col(i);
    std::visit([&](const auto& regime) { draw_in(regime, normals, i, sigma, beta, out); }, model_.by_level().regime);
  }

  VectorXd residual(const VectorXd& beta) const { return at_.y.col(beta.size()) - at_.y.leftCols(beta.size()) * beta; }

  void draw_in(const OneFactor&, const VectorXd& normals, Index i, double sigma, const VectorXd& beta,
               EffectDraws& out) const {
    store(leading_effects(residual(beta), sigma, normals), VectorXd(), i, out);
  }

  void draw_in(const Crossed&, const VectorXd& normals, Index i, double sigma, const VectorXd& beta,
               EffectDraws& out) const {
    const Problem& pr = model_.by_level();
    const Index p = pr.p, rest = pr.rest.columns();
    MatrixXd u = at_.rest.lambda_transposed(pr.rest, MatrixXd(at_.s_d.col(p) - at_.s_d.leftCols(p) * beta));
    at_.rest.solve_lower(u);
    u += sigma * normals.tail(rest);
    at_.rest.solve_upper(u);
    const MatrixXd effects = at_.rest.lambda_times(pr.rest, u);
    const VectorXd e = residual(beta) - pr.rest.gather(at_.y_rest, effects);
    store(leading_effects(e, sigma, normals.head(normals.size() - rest)), effects.col(0), i, out);
  }

  // b = L u with u ~ N(L'A'K^{-1}(d_y - D_x beta), sigma^2 (I + L'A'A L)^{-1}).
  void draw_in(const Rooted&, const VectorXd& normals, Index i, double sigma, const VectorXd& beta,
               EffectDraws& out) const {
    const Index p = beta.size(), lead = model_.layout().lead_levels() * model_.layout().lead_q();
    const VectorXd score = at_.root_z.transpose() * (at_.root_d.col(p) - at_.root_d.leftCols(p) * beta);
    VectorXd noise = normals;
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
    const auto of_level = [&](int g, Index l) {
      return g == layout.lead ? lead.data() + l * layout.groups[g].q : rest.data() + first_[g][l];
    };
    store_effects(layout, model_.data().z_basis, of_level, out.b.col(i));
  }

  const PosteriorModel& model_;
  const EffectRequest& request_;
  const CoefficientPrior& prior_;
  Criterion criterion_;
  Evaluation at_;
  std::optional<Index> point_;     // where the evaluation is
  MatrixXd noise_root_, factor_;   // in root form: L there, and the lower Cholesky factor of I + L'A'A L
  std::vector<std::vector<Index>> first_;  // of the other groups: the first column of each level
};

}  // namespace

EffectDraws draw_effects(const PosteriorModel& model, const EffectRequest& request, const CoefficientPrior& prior,
                         int threads, Checkpoint& checkpoint) {
  return draw_all<Drawer>(model, request, prior, threads, checkpoint);
}

}  // namespace henderson
