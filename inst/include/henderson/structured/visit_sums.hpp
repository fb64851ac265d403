// Sums of a model over visits: the members of VisitForm that make tables over entries and pairs of entries, and combine
// directions of R from them.
#ifndef HENDERSON_STRUCTURED_VISIT_SUMS_HPP
#define HENDERSON_STRUCTURED_VISIT_SUMS_HPP

#include "henderson/structured/visit_form.hpp"

#endif
