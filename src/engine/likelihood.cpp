// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "likelihood/criterion.cpp"
#include "likelihood/dense_root.cpp"
#include "likelihood/elimination_order.cpp"
#include "likelihood/encounters.cpp"
#include "likelihood/leading.cpp"
#include "likelihood/problem.cpp"
#include "likelihood/remainder.cpp"
#include "likelihood/rest_factor.cpp"
