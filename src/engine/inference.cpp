// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "inference/information.cpp"
#include "inference/profile_coefficient.cpp"
#include "inference/spectral_draws.cpp"
