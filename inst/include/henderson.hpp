// Umbrella header of the engine.
#ifndef HENDERSON_HPP
#define HENDERSON_HPP

#include "henderson/data/accumulate.hpp"
#include "henderson/fit/fit.hpp"
#include "henderson/prediction/solution.hpp"

#endif
