// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "linalg/deflated_spectrum.cpp"
#include "linalg/dense_cholesky.cpp"
#include "linalg/multiply.cpp"
#include "linalg/row_wise_qr.cpp"
#include "linalg/sparse_cholesky.cpp"
#include "linalg/symmetric_eigen.cpp"
#include "optimize/minimize.cpp"
#include "optimize/workers.cpp"
