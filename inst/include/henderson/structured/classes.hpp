// Units with the same Z, positions and parameters enter the criterion through the sum of the products of their rows of
// [X y], which an orthogonal mixing of the units leaves unchanged: a class is replaced by as many pseudo-units as the
// matrix with a row of [X y] for each of its units has rank, and keeps its digits.
#ifndef HENDERSON_STRUCTURED_CLASSES_HPP
#define HENDERSON_STRUCTURED_CLASSES_HPP

#include <vector>

#include "henderson/linalg/checkpoint.hpp"
#include "henderson/structured/units.hpp"

namespace henderson {

// Empty where no class is worth it.
std::vector<Unit> pseudo_units(const Units& units, Checkpoint& checkpoint);

// Rows whose products are those of `rows`, as few as their rank; all of them where that is not worth it. Exposed for
// tests.
MatrixXd fewest_rows(MatrixXd rows);

}  // namespace henderson

#endif
