#include "convert.h"
#include "henderson/data/accumulate.hpp"

namespace {

// Rows come from an R function of the chunk's number; a single chunk is read once and kept.
class RSource : public henderson::DesignSource {
 public:
  RSource(const henderson::Layout& layout, int chunks, Rcpp::Function read)
      : layout_(layout), chunks_(chunks), read_(std::move(read)) {}
  henderson::Index chunks() const override { return chunks_; }
  henderson::DesignChunk chunk(henderson::Index k) override {
    if (chunks_ > 1 || current_.size() == 0) current_ = read_(static_cast<int>(k) + 1);
    return henderson::to_chunk(current_, layout_);
  }

 private:
  const henderson::Layout& layout_;
  int chunks_;
  Rcpp::Function read_;
  Rcpp::List current_;
};

henderson::Constants to_constants(const Rcpp::List& x) {
  henderson::Constants out;
  if (!Rf_isNull(x["x"])) out.x = Rcpp::as<Eigen::VectorXd>(x["x"]);
  const Rcpp::List z = x["z"];
  for (R_xlen_t t = 0; t < z.size(); ++t) {
    out.z.push_back(Rf_isNull(z[t]) ? Eigen::VectorXd() : Rcpp::as<Eigen::VectorXd>(z[t]));
  }
  return out;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
SEXP engine_cross_products(const Rcpp::List& layout, const Rcpp::List& constants, int chunks, Rcpp::Function read) {
  return henderson::guarded([&] {
    const henderson::Layout to = henderson::to_layout(layout);
    henderson::RMonitor monitor(false);
    RSource source(to, chunks, read);
    return henderson::to_list(henderson::Accumulator(to, to_constants(constants), monitor).run(source));
  });
}
