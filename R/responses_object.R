# The object that many responses make: its fields, one response as a fit, parts of it.

# What the numbers of the engine's outcomes stand for, from 0; NULL where the response is to be fitted by itself.
response_outcomes <- c(NA, "all values are missing", "infinite values", "constant: there is no variance to estimate",
                       "an exact linear function of the fixed effects: the residual variance is zero",
                       "out of the range of double precision: divide or multiply it by a constant")

new_responses <- function(base, found, responses, weights, reference) {
  found <- rapply(found, function(x) if (is.double(x)) replace(x, is.nan(x), NA_real_) else x, how = "replace")
  names <- found$names
  frame <- base$frame
  found$beta <- structure(found$beta, dimnames = list(frame$x_names, if (any(nzchar(names))) names))
  out <- structure(list(
    call = base$call, spec = base$spec, frame = frame, rows = base$rows, control = base$control,
    conditions = base$conditions,
    origin = base$origin, own_call = isTRUE(base$own_call), responses = responses, weights = weights, names = names,
    n = found$n, theta = found$theta, beta = found$beta,
    covariance = found$covariance, sigma = found$sigma, criterion = found$criterion, evaluations = found$evaluations,
    converged = found$converged == 1L, singular = colSums(found$singular) > 0,
    reason = response_outcomes[found$outcome + 1L],
    parameters = if (!is.null(frame$residual)) vector("list", length(names)),
    tests = found[c("phi", "slopes", "spread", "spread_kr", "adjusted")], pattern = found$pattern,
    pattern_basis = found$pattern_basis, reference = reference, aliased = logical(length(names)), prior = NULL),
    class = "lmm_responses")
  for (i in which(found$outcome == 6L)) out <- fit_by_itself(out, i)
  flag_names(out)
}

# A name that several responses have does not tell them apart.
flag_names <- function(x) {
  several <- x$names[nzchar(x$names) & duplicated(x$names)]
  twice <- x$names %in% several
  x$reason[twice & is.na(x$reason)] <- "the name is that of several responses"
  x
}

# Fills in what an ordinary fit says of response i.
fit_by_itself <- function(x, i) {
  fit <- tryCatch(suppressMessages(suppressWarnings(response_fit(x, i))), lmm_error = identity)
  if (inherits(fit, "lmm_error")) {
    x$reason[i] <- sub("[.]?\n.*$", "", sub("[.]$", "", conditionMessage(fit)))
    return(x)
  }
  x$n[i] <- as.integer(fit_nobs(fit))
  x$beta[, i] <- fit_beta(fit)
  x$covariance[, i] <- unlist(lapply(fit_covariance(fit), function(S) S[lower.tri(S, diag = TRUE)]))
  x$sigma[i] <- fit_shown_sigma(fit)
  x$criterion[i] <- fit_criterion(fit)
  x$evaluations[i] <- as.integer(fit_optimum(fit)$evaluations)
  x$converged[i] <- identical(fit_optimum(fit)$status, "converged")
  x$singular[i] <- any(fit_singular(fit))
  if (fit_is_exact(fit)) x$reason[i] <- "the residual variance is zero to working precision"
  x$aliased[i] <- !identical(as.integer(fit_blocks(fit)$x$kept), as.integer(x$reference$kept))
  scales <- c(sdcor = "sdcor", vcov = "vcov")
  if (is_structured(fit)) x$parameters[[i]] <- lapply(scales, structured_parameters, fit = fit)
  if (!x$aliased[i] && !fit_is_exact(fit) &&
      length(x$reference$kept)) x$tests <- keep_tests_of(x$tests, fit, x$reference, i)
  x
}

# Parameters of a fit with a residual structure or a variance function, as tidy() has them.
structured_parameters <- function(scales, fit) {
  as.data.frame(suppressMessages(tidy(fit, "ran_pars", scales = scales)))[c("group", "term", "estimate")]
}

# What tests need, from an ordinary fit.
keep_tests_of <- function(tests, fit, reference, i) {
  if (information_is_expensive(fit)) return(tests)
  inference <- new_inference(fit, "Satterthwaite")
  info <- inference$info
  change <- reference$inverse %*% info$basis
  lower <- function(S) S[lower.tri(S, diag = TRUE)]
  common <- function(S) lower(change %*% S %*% t(change))
  tests$phi[, i] <- common(info$phi)
  tests$slopes[, i] <- unlist(lapply(info$p, function(P) common(info$phi %*% P %*% info$phi)))
  tests$spread[, i] <- lower(inference$method$psi_covariance)
  if (!fit_is_reml(fit)) return(tests)
  kr <- prepare_method(ddf_method("Kenward-Roger"), info)
  tests$spread_kr[, i] <- lower(kr$psi_covariance)
  tests$adjusted[, i] <- common(kr$covariance)
  tests
}

# ---- one response ----

# The ordinary fit of response i.
response_fit <- function(x, i) {
  Y <- one_response(x, i)
  rows <- x$rows
  weights <- attr(Y, "weights")
  if (is.null(weights)) weights <- rows$weights
  attr(Y, "weights") <- NULL
  rows$weights <- weights
  if (!is.null(x$weights)) rows$data[["(weights)"]] <- weights
  label <- x$names[i]
  named <- with_response_name(list(call = x$call, frame = x$frame, rows = rows), label)
  frame <- named$frame
  rows <- replace_response(frame, named$rows, Y)
  if (isTRUE(x$own_call) && frame$response == label) rows$own <- setdiff(rows$own, "response")
  if (!is.null(x$weights)) rows$own <- c(rows$own, "weights")
  keep <- if (is.null(weights)) !is.na(Y) else !is.na(Y) & !is.na(weights)
  if (!any(keep)) lmm_abort("data", "all values are missing.", what = label)
  if (!all(keep)) {
    kept <- keep_rows(frame, rows, keep)
    frame <- kept$frame
    rows <- kept$rows
  }
  if (any(is.infinite(rows$y))) abort_infinite(rows$y, frame$response, "response", which(keep))
  check_magnitude(max(abs(rows$y)), frame$response, "response", rows$n)
  check_response_varies(rows, frame$response)
  fit_again(list(call = named$call, frame = frame, spec = frame$spec, control = x$control,
                 conditions = x$conditions,
                 origin = x$origin, rows = rows), rows)
}

# A fit, or its call, frame and rows, with another name for the response: none that its model has for something else.
with_response_name <- function(fit, label) {
  frame <- fit_frame(fit)
  data <- fit_stored_rows(fit)$data
  call <- fit_call(fit)
  beside <- as.list(call)[intersect(names(call), c("weights", "offset", "subset"))]
  taken <- c(setdiff(names(data), frame$response), all.vars(frame$spec$formula[[3L]]), unlist(lapply(beside, all.vars)))
  if (!length(label) || !nzchar(label) || label %in% c(taken, frame$response)) return(fit)
  names(fit$rows$data)[match(frame$response, names(data))] <- label
  fit$frame <- with_response(frame, label)
  if (is.call(call$formula)) fit$call$formula[[2L]] <- as.name(label)
  fit
}

# Values of response i, with its own weights, if it has any, as attribute "weights".
one_response <- function(x, i) {
  weights <- if (is.matrix(x$weights)) x$weights[, i]
  if (is.matrix(x$responses)) return(structure(x$responses[, i], weights = weights))
  if (is.data.frame(x$responses)) return(structure(as.double(x$responses[[i]]), weights = weights))
  if (!is.function(x$responses)) lmm_abort("input", "the object does not contain its responses.", what = "responses")
  before <- 0L
  for (k in seq_along(x$names)) {
    block <- read_function_block(x$responses, x$weights, k, x$rows)
    if (is.null(block)) break
    if (i <= before + ncol(block$Y)) {
      return(structure(block$Y[, i - before],
                       weights = if (is.matrix(block$weights)) block$weights[, i - before] else weights))
    }
    before <- before + ncol(block$Y)
  }
  lmm_abort("data", "the function does not return the responses any more.", what = "newresp")
}

# The frame of a model with many responses as that of one of them.
with_response <- function(frame, label, name = as.name(label)) {
  old <- frame$response
  frame$response <- label
  frame$spec$formula[[2L]] <- name
  frame$spec$fixed[[2L]] <- name
  terms <- frame$terms
  terms[[2L]] <- name
  attr(terms, "variables")[[2L]] <- name
  attr(terms, "predvars")[[2L]] <- name
  factors <- attr(terms, "factors")
  if (length(factors)) rownames(factors)[1L] <- label
  attr(terms, "factors") <- factors
  classes <- attr(terms, "dataClasses")
  names(classes)[match(old, names(classes))] <- label
  attr(terms, "dataClasses") <- classes
  frame$terms <- terms
  frame
}

# Some rows, and the levels of grouping factors that they have.
keep_rows <- function(frame, rows, keep) {
  at <- which(keep)
  env <- attr(rows$data, "terms")
  left_out <- also_left_out(rows$data, at, frame$na_action)
  data <- lapply(rows$data, take_rows, at)
  rows$data <- structure(data, class = "data.frame", row.names = attr(rows$data, "row.names")[at], terms = env,
                         na.action = left_out)
  rows$y <- rows$y[at]
  if (!is.null(rows$offset)) rows$offset <- rows$offset[at]
  if (!is.null(rows$weights)) rows$weights <- rows$weights[at]
  rows$n <- length(at)
  for (g in seq_along(frame$groups)) {
    code <- rows$codes[[g]][at]
    used <- sort(unique(code))
    rows$codes[[g]] <- match(code, used)
    group <- frame$groups[[g]]
    if (length(used) < length(group$levels)) {
      group$levels <- group$levels[used]
      if (is.null(group$cells)) group$parts[[1L]]$levels <- group$parts[[1L]]$levels[used] else
        group$cells <- group$cells[used]
      frame$groups[[g]] <- group
    }
  }
  list(frame = frame, rows = rows)
}

# The record of missing rows, with those beside `at`.
also_left_out <- function(data, at, na_rule) {
  before <- attr(data, "na.action")
  n <- .row_names_info(data, 2L)
  place <- setdiff(seq_len(n + length(before)), before)[-at]
  labels <- as.character(attr(data, "row.names"))[-at]
  order <- order(c(before, place))
  structure(c(as.integer(before), place)[order], names = c(names(before), labels)[order],
            class = if (identical(na_rule, "na.exclude")) "exclude" else "omit")
}

# ---- parts ----

# Number of the response that is asked for by number or name.
response_number <- function(x, i) {
  if (is.numeric(i) && length(i) == 1L && !is.na(i) && i == trunc(i) && i >= 1 &&
      i <= length(x$names)) return(as.integer(i))
  at <- if (is.character(i) && length(i) == 1L) which(x$names == i) else integer()
  if (length(at) == 1L) return(at)
  lmm_abort("input", if (length(at)) paste0("several responses have the name ", quote_level(i), ": give a number.")
            else paste0("there is no response ", describe_value(i), "."), what = "i", value = i,
            fix = paste0("There are ", count_of(length(x$names), "response"), "."))
}

#' @export
`[[.lmm_responses` <- function(x, i, ...) {
  fields <- unclass(x)
  if (is.character(i) && length(i) == 1L && !i %in% x$names && i %in% names(fields)) return(fields[[i]])
  response_fit(x, response_number(x, i))
}

# A field, or the fit of a response, by its whole name.
#' @export
`$.lmm_responses` <- function(x, name) {
  fields <- unclass(x)
  if (name %in% names(fields)) return(fields[[name]])
  if (name %in% fields$names) response_fit(x, response_number(x, name))
}

#' @export
`[.lmm_responses` <- function(x, i, ...) {
  at <- seq_along(x$names)
  if (is.character(i)) at <- match(i, x$names) else at <- tryCatch(at[i], error = function(e) NA)
  if (anyNA(at)) lmm_abort("input", "`i` refers to responses that are not in `x`.", what = "i", value = i)
  out <- unclass(x)
  take <- function(value) if (is.matrix(value)) value[, at, drop = FALSE] else value[at]
  each <- c("names", "n", "theta", "beta", "covariance", "sigma", "criterion", "evaluations", "converged", "singular",
            "reason", "pattern", "aliased", "parameters")
  each <- each[!vapply(out[each], is.null, NA)]
  out[each] <- lapply(out[each], take)
  out$tests <- lapply(out$tests, take)
  if (is.matrix(x$weights)) out$weights <- take(x$weights)
  if (is.function(x$weights)) out$weights <- chosen_responses(x, at, "weights")
  out$responses <- if (is.data.frame(x$responses)) x$responses[at] else if (is.matrix(x$responses)) take(x$responses)
                   else chosen_responses(x, at, "values")
  if (!is.null(x$prior)) out$prior$log_ratio <- x$prior$log_ratio[at]
  structure(out, class = "lmm_responses")
}

# Responses that a function returns block by block, some of them, or their weights, as a function of one block.
chosen_responses <- function(x, at, part) {
  whole <- structure(unclass(x)[c("responses", "weights", "names", "rows")], class = "lmm_responses")
  function(k) {
    if (k != 1L) return(NULL)
    columns <- lapply(at, function(i) one_response(unclass(whole), i))
    if (part == "values") return(vapply(columns, as.vector, numeric(whole[["rows"]]$n)))
    vapply(columns, attr, numeric(whole[["rows"]]$n), "weights")
  }
}
