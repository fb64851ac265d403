// A second maximum where columns nearly cancel: the members of the iterative Search that look for it.
#ifndef HENDERSON_ITERATIVE_SEARCH_CANCELLING_HPP
#define HENDERSON_ITERATIVE_SEARCH_CANCELLING_HPP

#include "henderson/iterative/search.hpp"

#endif
