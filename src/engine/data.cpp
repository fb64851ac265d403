// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "data/accumulate.cpp"
#include "data/cells.cpp"
#include "data/coordinates.cpp"
#include "data/layout.cpp"
#include "data/level_precision.cpp"
#include "data/pair_sums.cpp"
#include "data/projection.cpp"
#include "data/typical_scale.cpp"
