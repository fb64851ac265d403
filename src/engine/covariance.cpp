// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "covariance/correlation.cpp"
#include "covariance/covariance.cpp"
#include "covariance/factor_analytic.cpp"
#include "covariance/held_parameters.cpp"
#include "covariance/registry.cpp"
#include "covariance/scaled_correlation.cpp"
