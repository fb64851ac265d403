// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "constraints/constrained.cpp"
#include "constraints/held.cpp"
#include "constraints/held_profile.cpp"
#include "constraints/held_rows.cpp"
#include "constraints/null_space.cpp"
#include "prediction/prediction.cpp"
#include "prediction/prediction_unbounded.cpp"
#include "prediction/solution.cpp"
