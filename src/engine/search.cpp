// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "fit/boundary.cpp"
#include "fit/chart.cpp"
#include "fit/fit.cpp"
#include "fit/fitter.cpp"
#include "fit/moment_start.cpp"
#include "fit/refit.cpp"
#include "fit/search_function.cpp"
#include "fit/start.cpp"
