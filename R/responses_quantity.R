# Functions of the parameters of each of many responses, by the delta method from what is kept for their tests.

# Rows for each response and quantity, in the order of the responses. `how`: level, link and what other methods need.
quantity_responses <- function(x, asked, method, how) {
  if (method == "auto") method <- "delta"
  refuse_special(x$frame, "functions of the parameters of many responses are", "Use x[[i]] for one response.")
  fitted <- !is.na(x$criterion)
  quick <- if (method == "delta" && identical(how$information,
                                              "observed")) which(fitted & has_kept_tests(x)) else integer()
  rows <- vector("list", length(x$names))
  for (at in split(quick, x$pattern[quick])) rows[at] <- pattern_quantities(x, at, asked, how)
  slow <- setdiff(which(fitted), quick)
  rows[slow] <- lapply(slow, own_quantities, x = x, arguments = c(asked, list(method = method), how))
  found <- !vapply(rows, is.null, NA)
  if (!any(found)) lmm_abort("data", "no response has estimates.", what = "fit")
  labels <- rownames(rows[[which(found)[1L]]])
  rows[!found] <- list(rows[[which(found)[1L]]])
  table <- do.call(rbind, rows)
  table[rep(!found, each = length(labels)), c("estimate", "se", "df", "lower", "upper")] <- NA_real_
  as_table(data.frame(response = rep(shown_names(x), each = length(labels)), quantity = rep(labels, length(rows)),
                      table, row.names = NULL,
                      stringsAsFactors = FALSE), "responses_table")
}

# Is there what the delta method needs, in the coordinates of the response's own design?
has_kept_tests <- function(x) {
  some <- function(part) nrow(part) > 0L & colSums(is.na(part)) == 0L
  p <- length(x$reference$kept)
  !is.na(x$pattern) & !x$aliased & x$sigma > 0 & some(x$tests$spread) & (p == 0L | some(x$tests$phi)) &
    if (nrow(x$theta)) !is.na(x$theta[1L, ]) else FALSE
}

# Of an ordinary fit.
own_quantities <- function(x, i, arguments) {
  fit <- tryCatch(suppressMessages(suppressWarnings(response_fit(x, i))), lmm_error = function(e) NULL)
  if (!is.null(fit)) plain_table(suppressMessages(do.call(quantity, c(list(fit), arguments))))
}

# Of responses with the same rows: the fit of one of them has their design and the meanings of words.
pattern_quantities <- function(x, at, asked, how) {
  template <- suppressMessages(suppressWarnings(response_fit(x, at[1L])))
  functions <- lapply(quantity_functions(template, asked), reporting_errors, names(fit_groups(template))[1L])
  ranges <- lapply(functions, quantity_range, template)
  to_own <- inverse_basis(x$reference$inverse %*% matrix(template$cross_products$x$basis, length(x$reference$kept)))
  lapply(at, function(i) {
    fit <- member_fit(template, x, i)
    own <- whole_state(fit)
    estimate <- vapply(functions, function(f) check_value(f(own)), 0)
    phi <- if (length(to_own)) to_own %*% lower_unstacked(x$tests$phi[, i]) %*% t(to_own) else matrix(0, 0L, 0L)
    se <- delta_errors(fit, functions, own, natural_steps(fit, lower_unstacked(x$tests$spread[, i])), phi)
    limits <- vapply(seq_along(functions), function(k) {
      delta_limits(estimate[[k]], se[[k]], how$level, if (how$link == "auto") range_link(ranges[[k]],
      estimate[[k]]) else how$link)
    }, numeric(2L))
    data.frame(estimate = estimate, se = se, df = NA_real_, lower = limits[1L, ], upper = limits[2L, ],
               method = "delta",
               row.names = make.unique(names(functions)))
  })
}

# A fit with the estimates of response i; its rows keep the template's response, which no function of the parameters
# reads.
member_fit <- function(template, x, i) {
  out <- template
  out$optimum$theta <- x$theta[, i]
  out$estimates$covariance <- Map(function(S, new) {
    S[] <- new
    S
  }, fit_covariance(template), member_covariance(x, i))
  out$estimates$sigma <- x$sigma[i]
  out$estimates$beta[] <- x$beta[, i]
  out
}

# List per random term: covariance matrix of response i.
member_covariance <- function(x, i) {
  lapply(stacked_triangles(x$frame$random), function(places) lower_unstacked(x$covariance[places, i]))
}

# A symmetric matrix from its lower triangle, column by column.
lower_unstacked <- function(entries) {
  n <- (sqrt(8 * length(entries) + 1) - 1) / 2
  out <- matrix(0, n, n)
  out[lower.tri(out, diag = TRUE)] <- entries
  out[upper.tri(out)] <- t(out)[upper.tri(out)]
  out
}
