// Other maxima of unstructured residual covariances: the members of StructuredSearch that search for them.
#ifndef HENDERSON_STRUCTURED_SEARCH_ALTERNATIVES_HPP
#define HENDERSON_STRUCTURED_SEARCH_ALTERNATIVES_HPP

#include "henderson/structured/search.hpp"

#endif
