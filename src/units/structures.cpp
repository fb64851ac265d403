// One unit of an ordinary build: the headers of Rcpp and Eigen are read once for all of these.
#include "../RcppExports.cpp"
#include "../convert.cpp"
#include "../convert_structured.cpp"
#include "../engine_residual.cpp"
#include "../engine_structured.cpp"
#include "../r_objects.cpp"
#include "../status_line.cpp"
