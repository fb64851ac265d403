// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "posterior/effect_draws.cpp"
#include "posterior/lattice.cpp"
#include "posterior/posterior_model.cpp"
#include "posterior/posterior_target.cpp"
#include "posterior/structured_posterior.cpp"
