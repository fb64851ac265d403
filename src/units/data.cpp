// One unit of an ordinary build: the headers of Rcpp and Eigen are read once for all of these.
#include "../convert_cross_products.cpp"
#include "../engine_cells.cpp"
#include "../engine_column_products.cpp"
#include "../engine_covariance.cpp"
#include "../engine_cross_products.cpp"
#include "../engine_pedigree.cpp"
#include "../engine_spectrum.cpp"
#include "../load.cpp"
