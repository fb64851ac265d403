# The groups of the residuals: subjects, and rows within them.

group_of <- function(expr, data) grouping_factor(expr, group_name(expr), data, new.env())

group_labels <- function(expr, data) {
  group <- group_of(expr, data)
  group$levels[group$codes]
}

order_within <- function(subject) as.double(stats::ave(seq_along(subject), subject, FUN = seq_along)) - 1
