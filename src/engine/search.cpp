// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "fit/fit.cpp"
#include "search/boundary.cpp"
#include "search/fitter.cpp"
#include "search/local_parameters.cpp"
#include "search/moment_start.cpp"
#include "search/search_function.cpp"
#include "search/start.cpp"
#include "search/starts.cpp"
