// One unit of an ordinary build: the headers of Rcpp and Eigen are read once for all of these.
#include "../engine_fit.cpp"
#include "../engine_inference.cpp"
#include "../engine_iterative.cpp"
#include "../engine_posterior.cpp"
#include "../engine_responses.cpp"
