# What a user sees of a residual structure.

# "AR(1) over visit within Subject (27 subjects, 4 patterns)".
residual_title <- function(fit) {
  plan <- fit_frame(fit)$residual
  shown <- Filter(function(part) part$word != "known", plan$parts)
  where <- unlist(lapply(shown, function(part) vapply(part$positions, deparse_line, "")))
  text <- residual_label(plan)
  if (plan$nugget) text <- paste(text, "with nugget")
  if (length(where)) text <- paste(text, "over", paste(where, collapse = ", "))
  if (!is.null(plan$subject)) {
    counts <- fit_blocks(fit)$model$residual
    text <- paste0(text, " within ", deparse_line(plan$subject), " (", count_of(max(counts$subject), "subject"),
                   ", ", count_of(fit_blocks(fit)$patterns, "pattern"), ")")
  }
  if (!is.null(plan$by)) text <- paste(text, "by", deparse_line(plan$by))
  if (!is.null(plan$variance)) text <- paste0(text, ", variance ~ ", deparse_line(plan$variance))
  if (!is.null(plan$held)) {
    text <- paste0(text, ", fixed at known values: ",
                   paste(plan$held$name, "=", vapply(plan$held$value, format, "", digits = 7L), collapse = ", "))
  }
  text
}

# A table of the structure's parameters; NULL where there are none.
residual_table <- function(fit, errors = FALSE) {
  own <- residual_parameters(fit)
  if (is.null(own)) return(NULL)
  out <- cbind(Estimate = own$estimate)
  rownames(out) <- make.unique(own$name)
  if (!errors) return(out)
  se <- structured_errors(fit)$residual
  se[!is.finite(se) | se == 0] <- NA_real_   # at the edge of its domain a parameter has none
  cbind(out, `Std. Error` = se, residual_limits(own, se, 0.95))
}

# Limits of natural parameters: chi-square for variances and ranges, Wald for the others, as SAS has them; Wald limits
# of positive parameters of variance functions are those of their logarithms.
residual_limits <- function(own, se, level) {
  tail <- (1 - level) / 2
  positive <- own$kind %in% c("variance", "range")
  out <- own$estimate + outer(se, stats::qnorm(c(tail, 1 - tail)))
  out[positive, ] <- chisq_limits(own$estimate[positive], se[positive], level)
  log <- own$kind %in% c("constant", "proportion", "log") & own$estimate > 0
  out[log, ] <- own$estimate[log] * exp(outer(se[log] / own$estimate[log], stats::qnorm(c(tail, 1 - tail))))
  colnames(out) <- paste0(with_usual_numbers(format(100 * c(tail, 1 - tail), trim = TRUE)), "%")
  out
}

print_residual <- function(title, table, digits) {
  if (is.null(title)) return(invisible())
  writeLines(strwrap(paste("Residual covariance:", title), exdent = 2L))
  if (is.null(table)) return(invisible())
  if (ncol(table) == 1L) return(print(stats::setNames(table[, 1L], rownames(table)), digits = digits))
  print(table, digits = digits)
}

# Is there more to say about the residuals than their variance?
has_residual_title <- function(fit) {
  plan <- fit_frame(fit)$residual
  !is.null(plan) && !(is_independent(plan) && is.null(plan$variance))
}

shown_residual <- function(fit, errors = FALSE) {
  if (!has_residual_title(fit)) return(list(title = NULL, table = NULL))
  list(title = residual_title(fit), table = residual_table(fit, errors))
}

#' Covariance matrices of one subject
#'
#' The covariance matrix of the residuals of a subject (`"residual"`), of the contribution of its random effects
#' (`"random"`), or of the response (`"marginal"`, the sum of both), in units of the response squared.
#'
#' @param fit a fit made by [lmm()].
#' @param subject the number or the label of a subject of `residual`; without a residual structure a level of the first
#'   grouping factor. For nested factors, labels have the form `"Male:M01"`; the last part is enough if it is unique.
#' @param type which matrix.
#' @param ... not used.
#' @return A symmetric matrix with the row names of the data, in the order of the rows.
#' @section Conditions:
#' `lmm_error_input`: a subject that is not in the fit, or part of a label that several subjects share.
#' @seealso [lmm()] for the structures, [VarCorr][VarCorr.lmm_fit], `vignette("repeated-measures",
#'   "henderson")`.
#' @concept covariance structure
#' @concept repeated measures
#' @concept unstructured covariance
#' @concept AR1, AR(1), first-order autoregression
#' @concept autocorrelation
#' @concept marginal covariance
#' @concept R matrix
#' @concept V matrix
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' subject_covariance(fit, "Blend1", "marginal")
#' @export
subject_covariance <- function(fit, subject = 1, type = c("residual", "random", "marginal"), ...) {
  check_fit(fit)
  type <- check_choice(type[1L], c("residual", "random", "marginal"), "type")
  rows <- fit_rows(fit, "subject_covariance()")
  index <- subject_rows(fit, rows, subject)
  R <- residual_covariance(fit, rows, index)
  out <- if (type == "residual") R else random_covariance(fit, rows, index) + if (type == "marginal") R else 0
  structure(out, dimnames = list(row_labels(rows)[index], row_labels(rows)[index]))
}

subject_rows <- function(fit, rows, subject) {
  plan <- fit_frame(fit)$residual
  group <- if (!is.null(plan$subject)) group_of(plan$subject, rows$data)
           else if (length(fit_groups(fit))) list(codes = rows$codes[[1L]], levels = fit_group_levels(fit, 1L))
           else list(codes = rep(1L, rows$n), levels = "1")
  which(group$codes == position_of_level(subject, group$levels, "subject"))
}

# A level by its number, its label or, where that is enough, the first or last part of its label: "M01" for "Male:M01".
position_of_level <- function(x, levels, what) {
  if (is.factor(x)) x <- as.character(x)
  one <- length(x) == 1L && !is.na(x)
  at <- if (one && is.character(x)) match(x, levels) else if (one) match(x, seq_along(levels)) else NA
  parts <- if (one && is.character(x) && is.na(at)) {
    which(endsWith(levels, paste0(":", x)) | startsWith(levels, paste0(x, ":")))
  }
  if (length(parts) == 1L) return(parts)
  if (!is.na(at)) return(at)
  lmm_abort("input", paste0("`", what, "` must be one subject of the fit, not ", describe_value(x),
                            if (length(parts)) paste0(", which is part of the labels of several subjects: ",
                                                      enumerate(quote_level(levels[parts]))),
                            "."), what = what, value = x,
            fix = if (!length(parts)) paste0("Subjects are ", enumerate(quote_level(levels), 3L),
                                             "; a number from 1 to ", length(levels), " also works."))
}

random_covariance <- function(fit, rows, index) {
  A <- sparse_random_design(fit, rows, factors = fit_covariance_factors(fit))
  if (is.null(A)) return(matrix(0, length(index), length(index)))
  as.matrix(Matrix::tcrossprod(A[index, , drop = FALSE]))
}
