// Where a search for (theta, psi) ends at the edge of the parameters: the members of StructuredSearch for kinks, ranges
// of 0 and infinite ranges.
#ifndef HENDERSON_STRUCTURED_SEARCH_EDGES_HPP
#define HENDERSON_STRUCTURED_SEARCH_EDGES_HPP

#include "henderson/structured/search.hpp"

#endif
