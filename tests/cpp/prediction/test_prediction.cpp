#include "henderson/prediction/henderson_predictor.hpp"

#include "support/catch.hpp"
#include "support/point.hpp"

using namespace henderson_tests;

namespace {

// Covariance of (b_hat - b term by term, beta_hat) relative to sigma^2, and of b given y.
struct JointCovariance {
  MatrixXd joint, conditional;
  std::vector<Index> first;   // of each term
};

JointCovariance joint_covariance(const Dense& d) {
  JointCovariance out;
  Index q = 0;
  for (const MatrixXd& z : d.z) {
    out.first.push_back(q);
    q += z.cols();
  }
  MatrixXd z(d.y.size(), q), b = MatrixXd::Zero(q, q);
  for (std::size_t t = 0; t < d.z.size(); ++t) {
    z.middleCols(out.first[t], d.z[t].cols()) = d.z[t];
    b.block(out.first[t], out.first[t], d.z[t].cols(), d.z[t].cols()) = d.block(t);
  }
  const Index p = d.x.cols();
  const MatrixXd zb = z * b;
  out.joint.resize(q + p, q + p);
  out.joint.topLeftCorner(q, q) = b - zb.transpose() * d.p * zb;
  out.joint.bottomLeftCorner(p, q) = -d.vcov * d.x.transpose() * d.v_inverse * zb;
  out.joint.topRightCorner(q, p) = out.joint.bottomLeftCorner(p, q).transpose();
  out.joint.bottomRightCorner(p, p) = d.vcov;
  out.conditional = b - zb.transpose() * d.v_inverse * zb;
  return out;
}

}  // namespace

TEST_CASE("variances of predictions and of effects are those of the dense formulas") {
  Rng rng(52);
  for_each_point(shapes(), 53, [&](const Design& d, const VectorXd& theta, bool reml) {
    Point point(d, theta, reml);
    const Dense truth = point.dense();
    const JointCovariance joint = joint_covariance(truth);
    const henderson::HendersonPredictor predictor(point.problem, point.data, point.at);
    const Index rows = 9, p = point.data.p();
    const MatrixXd x = normals(rng, rows, p);
    std::vector<MatrixXd> z;
    std::vector<std::vector<int>> code;
    henderson::Combinations c;
    new (&c.x) henderson::ConstMatrix(x.data(), rows, p);
    for (const henderson::Group& g : d.layout.groups) {
      code.emplace_back();
      for (Index i = 0; i < rows; ++i) {
        code.back().push_back(static_cast<int>(std::uniform_int_distribution<Index>(0, g.levels)(rng)));  // 0: none
      }
    }
    for (const henderson::Term& t : d.layout.terms) z.push_back(normals(rng, rows, t.q));
    for (const auto& k : code) c.code.push_back(k.data());
    for (const MatrixXd& k : z) c.z.emplace_back(k.data(), k.rows(), k.cols());
    MatrixXd weight = MatrixXd::Zero(rows, joint.joint.rows());
    weight.rightCols(p) = x;
    MatrixXd fixed = weight;
    for (std::size_t t = 0; t < z.size(); ++t)
      for (Index i = 0; i < rows; ++i) {
        const int level = code[d.layout.terms[t].group][i];
        if (level > 0) weight.block(i, joint.first[t] + (level - 1) * z[t].cols(), 1, z[t].cols()) = z[t].row(i);
      }
    const MatrixXd expected = truth.sigma2 * weight * joint.joint * weight.transpose();
    const double size = 1e-9 * (1 + expected.cwiseAbs().maxCoeff());
    CHECK((predictor.covariance(c) - expected).cwiseAbs().maxCoeff() < size);
    CHECK((predictor.variances(c, point.checkpoint) - expected.diagonal()).cwiseAbs().maxCoeff() < size);
    c.random = false;
    const MatrixXd population = truth.sigma2 * fixed * joint.joint * fixed.transpose();
    CHECK((predictor.variances(c, point.checkpoint) - population.diagonal()).cwiseAbs().maxCoeff() < size);
    for (std::size_t g = 0; g < d.layout.groups.size(); ++g) {
      const auto blocks = predictor.conditional(static_cast<int>(g), point.checkpoint);
      REQUIRE(static_cast<Index>(blocks.size()) == d.layout.groups[g].levels);
      for (const int s : d.layout.groups[g].terms)
        for (const int t : d.layout.groups[g].terms) {
          const henderson::Term &row = d.layout.terms[s], &col = d.layout.terms[t];
          double worst = 0;
          for (Index l = 0; l < d.layout.groups[g].levels; ++l) {
            const MatrixXd own = truth.sigma2 * joint.conditional.block(joint.first[s] + l * row.q,
                                                                        joint.first[t] + l * col.q, row.q, col.q);
            worst =
                std::max(worst, (blocks[l].block(row.column, col.column, row.q, col.q) - own).cwiseAbs().maxCoeff());
          }
          CHECK(worst < 1e-9 * (1 + truth.sigma2 * joint.conditional.cwiseAbs().maxCoeff()));
        }
    }
  });
}
