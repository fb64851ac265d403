// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "fit/constrained.cpp"
#include "fit/held.cpp"
#include "fit/held_rows.cpp"
#include "fit/prediction.cpp"
#include "fit/prediction_unbounded.cpp"
#include "fit/solution.cpp"
#include "fit/spanned.cpp"
