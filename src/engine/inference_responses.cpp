// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "inference/information.cpp"
#include "inference/profile_coefficient.cpp"
#include "inference/spectral_draws.cpp"
#include "responses/answers.cpp"
#include "responses/refit.cpp"
#include "responses/response_fits.cpp"
#include "responses/response_rows.cpp"
#include "responses/response_tests.cpp"
