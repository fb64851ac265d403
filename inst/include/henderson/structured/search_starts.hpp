// Where a search for (theta, psi) starts: the members of StructuredSearch that make and rank its candidates.
#ifndef HENDERSON_STRUCTURED_SEARCH_STARTS_HPP
#define HENDERSON_STRUCTURED_SEARCH_STARTS_HPP

#include "henderson/structured/search.hpp"

#endif
