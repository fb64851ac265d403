# Is an object of class lmm_fit whole, and of this version? Sizes and types of all its parts, none of their values.

# The fit, brought up to date where an earlier version made it; an error that names what is wrong with it otherwise.
whole_fit <- function(fit, name = "fit") {
  version <- fit_version(fit, name)
  if (version != package_version_text()) fit <- upgrade_fit(fit)
  broken <- broken_part(fit)
  if (is.null(broken)) return(fit)
  lmm_abort("input", paste0("`", name, "` is not a whole fit made by lmm(): ", quote_name(broken),
                            " is missing or damaged."),
            what = name, value = broken, fix = "Fit the model again.")
}

# The version that made a fit, as text; one that is newer than this package may mean something else by its parts.
fit_version <- function(fit, name) {
  own <- package_version_text()
  version <- if (is.list(fit)) unclass(fit)[["version"]]
  if (identical(version, own)) return(version)
  known <- if (is_text(version)) package_version(version, strict = FALSE) else NA
  if (length(known) != 1L || is.na(known)) {
    lmm_abort("input", paste0("`", name, "` is not a whole fit made by lmm(): it has no version."), what = name,
              value = version,
              fix = "Fit the model again.")
  }
  if (known > own) {
    lmm_abort("input", paste0("`", name, "` was made by version ", version,
                              " of the package, which is newer than the installed ", own, "."),
              what = name, value = version, fix = "Update the package, or fit the model again.")
  }
  version
}

# Fits of earlier versions have the same parts but for what rounding may leave of a response about its fit.
upgrade_fit <- function(fit) {
  x <- fit$cross_products$x
  if (is.list(x) && is.null(x$rounding) && is.numeric(x$square)) {
    fit$cross_products$x$rounding <- (64 * .Machine$double.eps)^2 * x$square
  }
  fit$version <- package_version_text()
  fit
}

# The name of the first part that is not as new_lmm_fit() makes it, or NULL.
broken_part <- function(fit) {
  fit <- unclass(fit)
  part <- "call"
  tryCatch({
    for (part in names(part_checks)) {
      whole <- part_checks[[part]](fit[[part]], fit)
      if (is.character(whole)) return(whole)
    }
  }, error = function(e) part)
}

# One function per part: TRUE, or the name of what is wrong. Parts that come later may rely on those before.
part_checks <- list(
  call = function(x, fit) named_parts("call", c(call = is.call(x))),
  spec = function(x, fit) named_parts("spec", c(
    formula = inherits(x$formula, "formula") && length(x$formula) == 3L,
    fixed = inherits(x$fixed, "formula") && length(x$fixed) == 3L,
    random = (is.null(x$random) || is.list(x$random)) && all(vapply(x$random,
                                                                    function(term) is_text(term$label) &&
                                                                    is_text(term$group_name), NA)),
    reml = is_flag(x$reml))),
  frame = function(x, fit) named_parts("frame", frame_checks(x)),
  cross_products = function(x, fit) named_parts("cross_products", block_checks(x, fit$frame)),
  optimum = function(x, fit) named_parts("optimum", c(
    theta = is_numbers(x$theta, theta_count(fit$frame)), status = is_text(x$status),
    singular = (is.logical(x$singular) || !length(x$singular)) && length(x$singular) == length(fit$frame$random) &&
    !anyNA(x$singular),
    gradient = is.double(x$gradient), hessian = is.double(x$hessian))),
  estimates = function(x, fit) named_parts("estimates", estimate_checks(x, fit$frame, fit$cross_products$x$kept)),
  control = function(x, fit) named_parts("control", control_checks(x)),
  conditions = function(x, fit) named_parts("", c(conditions = is.null(x) || is.list(x) &&
                                                  all(vapply(x, inherits, NA, "lmm_condition")))),
  rows = function(x, fit) named_parts("rows", if (!is.null(x)) row_checks(x, fit$frame)),
  data = function(x, fit) named_parts("", c(data = is.null(x) || is.data.frame(x))),
  cells = function(x, fit) named_parts("", c(cells = is.null(x) || inherits(whole_cells(x, "cells"), "cross_products")))
)

# TRUE, or "part$name" of the first that is not TRUE.
named_parts <- function(part, checks) {
  if (isTRUE(all(checks))) return(TRUE)
  bad <- which(is.na(checks) | !checks)
  name <- names(checks)[bad[1L]]
  if (nzchar(part) && part != name) paste0(part, "$", name) else name
}

is_text <- function(x) is.character(x) && length(x) == 1L && !is.na(x)

is_flag <- function(x) isTRUE(x) || isFALSE(x)

is_size <- function(x) is.numeric(x) && length(x) == 1L && is.finite(x) && x >= 0 && x == round(x)

is_matrix_of <- function(x, rows, columns) is.double(x) && identical(dim(x), as.integer(c(rows, columns)))

# So many numbers, or nothing where there are none.
is_numbers <- function(x, count) length(x) == count && (is.double(x) || count == 0)

are_matrices_of <- function(x, rows, columns) {
  (is.list(x) || is.null(x)) && length(x) == length(rows) && all(vapply(seq_along(rows),
                                                                        function(k) is_matrix_of(x[[k]], rows[k],
                                                                        columns[k]), NA))
}

frame_checks <- function(x) {
  p <- length(x$x_names)
  groups <- length(x$groups)
  structured <- is.list(x$residual)
  c(x_names = is.character(x$x_names), x_assign = is.numeric(x$x_assign) && length(x$x_assign) == p,
    terms = inherits(x$terms, "terms"), response = is_text(x$response), na_action = is_text(x$na_action),
    xlevels = is.list(x$xlevels) && all(vapply(x$xlevels, is.character, NA)), contrasts = is.list(x$contrasts),
    coding = is.list(x$coding) && is_flag(x$coding$intercept) && is.list(x$coding$pieces) && is.list(x$coding$blocks),
    groups = (is.list(x$groups) && groups > 0L || !groups && structured) && length(names(x$groups)) == groups &&
    all(vapply(x$groups, is_whole_group, NA)),
    random = (is.list(x$random) && length(x$random) > 0L || !length(x$random) && structured) &&
    all(vapply(x$random, is_whole_term, NA, groups = groups)))
}

is_whole_group <- function(group) is_text(group$name) && is.character(group$levels) && is.language(group$expr)

is_whole_term <- function(term, groups) {
  is_text(term$label) && is_text(term$name) && is_size(term$q) && term$q > 0 && is.character(term$columns) &&
    length(term$columns) == term$q &&
    is_size(term$group) && term$group >= 1 && term$group <= groups && is_text(term$structure) &&
    is_known_structure(term$structure) && inherits(term$terms, "terms")
}

theta_count <- function(frame) {
  sum(vapply(frame$random, term_size, 0))
}

# The engine looks at the blocks of the random effects when it is given them.
block_checks <- function(x, frame) {
  p <- length(frame$x_names)
  rank <- length(x$x$kept)
  if (is.list(frame$residual)) return(c(model = is.list(x$model),
                                        x = is.numeric(x$x$kept) && all(x$x$kept >= 1 & x$x$kept <= p)))
  sizes <- vapply(frame$random, function(term) as.integer(term$q), 0L)
  c(x = is.list(x$x) && is.numeric(x$x$kept) && !anyNA(x$x$kept) && all(x$x$kept >= 1 & x$x$kept <= p) &&
    !anyDuplicated(x$x$kept),
    basis = is_matrix_of(x$x$basis, rank, rank), alias = is_matrix_of(x$x$alias, rank, p),
    response = is.double(x$x$response) && NROW(x$x$response) == rank,
    total = is.double(x$x$total) && length(x$x$total) >= 1L,
    square = is.double(x$x$square) && length(x$x$square) >= 1L, n = is_size(x$n), log_weight = is.double(x$log_weight),
    z_basis = are_matrices_of(x$z_basis, sizes, sizes))
}

estimate_checks <- function(x, frame, kept) {
  p <- length(frame$x_names)
  rank <- length(kept)
  q <- vapply(frame$random, function(term) as.integer(term$q), 0L)
  levels <- vapply(frame$random, function(term) length(frame$groups[[term$group]]$levels), 0L)
  c(beta = is.double(x$beta) && identical(names(x$beta),
                                          frame$x_names) && identical(unname(which(!is.na(x$beta))),
                                                                      sort(as.integer(kept))),
    vcov = is_matrix_of(x$vcov, rank, rank),
    sigma = is.double(x$sigma) && length(x$sigma) == 1L && isTRUE(x$sigma >= 0),
    theta = is_numbers(x$theta, theta_count(frame)),
    covariance = are_matrices_of(x$covariance, q, q),
    b = are_matrices_of(x$b, levels, q),
    criterion = is.double(x$criterion) && length(x$criterion) == 1L, n = is_size(x$n),
    rank = is_size(x$rank) && x$rank == rank,
    log_det_x = is.double(x$log_det_x) && length(x$log_det_x) == 1L)
}

control_checks <- function(x) {
  number <- function(value) is.numeric(value) && length(value) == 1L && !is.na(value)
  c(control = inherits(x, "lmm_control"), max_evaluations = number(x$max_evaluations), decrement = number(x$decrement),
    restarts = number(x$restarts), memory_limit = number(x$memory_limit),
    chunk_rows = number(x$chunk_rows) && x$chunk_rows >= 1,
    keep_rows = is_flag(x$keep_rows), progress = is_flag(x$progress))
}

row_checks <- function(x, frame) {
  optional <- function(value) is.null(value) || is.double(value) && length(value) == x$n
  c(n = is_size(x$n), y = is.double(x$y) && length(x$y) == x$n, offset = optional(x$offset),
    weights = optional(x$weights),
    data = is.data.frame(x$data) && .row_names_info(x$data, 2L) == x$n && all(vapply(x$data, NROW, 0L) == x$n),
    codes = (is.list(x$codes) || is.null(x$codes)) && length(x$codes) == length(frame$groups) &&
      all(vapply(x$codes, function(code) is.integer(code) && length(code) == x$n, NA)))
}

check_fit <- function(fit, name = "fit") {
  if (inherits(fit, "lmm_fit")) return(if (identical(fit, admitted$fit)) fit else whole_fit(fit, name))
  lmm_abort("input", paste0("`", name, "` must be a fit made by lmm(), not ", kind_of(fit), "."), what = name,
            value = class(fit))
}
