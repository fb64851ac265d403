// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "likelihood/criterion.cpp"
#include "likelihood/root_form.cpp"
#include "likelihood/elimination_order.cpp"
#include "likelihood/co_occurrence.cpp"
#include "likelihood/leading.cpp"
#include "likelihood/problem.cpp"
#include "likelihood/schur_complement.cpp"
#include "likelihood/schur_factor.cpp"
