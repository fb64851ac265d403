// Which solver a crossed model gets: counted from its pattern, before anything of the size of a factor is allocated.
#ifndef HENDERSON_ITERATIVE_CHOICE_HPP
#define HENDERSON_ITERATIVE_CHOICE_HPP

#include "henderson/data/cross_products.hpp"
#include "henderson/linalg/checkpoint.hpp"

namespace henderson {
namespace iterative {

// A dense factorization of Q columns takes about 7e-11 Q^3 seconds, a fit about 6 of them; a fit should take no longer
// than this many seconds where there is a choice.
constexpr double kDenseSecond = 7e-11, kFactorizations = 6, kPatience = 120;
// Operations of a sparse factorization, which is about forty times slower for each, that are still worth their time.
constexpr double kSparseWork = 1.2e10;

// Is a factorization out of reach, in `memory_limit` bytes or in time? A factor that stays sparse goes before all else.
bool needs_iterations(const Layout& layout, const CrossProducts& data, double memory_limit, Checkpoint& checkpoint);

// Does the pattern of the other factors' Schur complement have so many entries that its factor cannot be sparse?
bool pattern_is_dense(const Layout& layout, const CrossProducts& data, Checkpoint& checkpoint);

}  // namespace iterative
}  // namespace henderson

#endif
