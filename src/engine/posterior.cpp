// One unit of an ordinary build, see linalg.cpp: the sources of posterior/.
#include "posterior/effect_draws.cpp"
#include "posterior/lattice.cpp"
#include "posterior/posterior_model.cpp"
