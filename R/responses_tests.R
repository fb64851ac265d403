# Tables of many responses: estimates, tests of terms and of any linear hypothesis.

# Methods for degrees of freedom that need nothing beyond what is kept of each response.
responses_ddf <- function(x, ddf) {
  method <- ddf_method(ddf)
  known <- c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic")
  if (!method$name %in% known) check_choice(method$name, known, "ddf")
  kr <- method$name == "Kenward-Roger"
  if (kr && !isTRUE(x$spec$reml)) {
    lmm_abort("input", "the Kenward-Roger method is for fits by REML.", what = "ddf",
              fix = "Fit with REML = TRUE.")
  }
  if (!is.null(x$prior) && method$name != "Satterthwaite") {
    lmm_abort("input", "moderated variances are tested with ddf = \"Satterthwaite\".", what = "ddf",
              value = method$name)
  }
  method$name
}

# Tests of `L` (rows over the coefficients kept) of the responses `at`: list(delta, estimate, variance, df, f,
# denominator, scale).
test_rows <- function(x, L, rhs, ddf, at = seq_along(x$names)) {
  estimate <- L %*% x$beta[x$reference$kept, at, drop = FALSE]
  part <- function(name) x$tests[[name]][, at, drop = FALSE]
  kr <- ddf == "Kenward-Roger"
  prior <- x$prior
  out <- engine_result(engine_response_tests(L %*% x$reference$basis, estimate - rhs, list(
    phi = part("phi"), slopes = part("slopes"), spread = part(if (kr) "spread_kr" else "spread"),
    covariance = part(if (kr) "adjusted" else "phi"), sigma2 = x$sigma[at]^2, kenward_roger = kr,
    log_ratio = prior$log_ratio[at], prior_df = prior$df)), x$frame)
  if (ddf %in% c("residual", "asymptotic")) {
    df <- if (ddf == "residual") x$n[at] - length(x$reference$kept) else rep(Inf, length(at))
    out$df <- replace(out$df, TRUE, rep(df, each = nrow(L))) + 0 * out$variance
    out$denominator <- df + 0 * out$f
  }
  c(list(estimate = estimate), out)
}

# ---- tidy ----

#' @rdname responses
#' @method tidy lmm_responses
#' @export
tidy.lmm_responses <- function(x, effects = c("ran_pars", "fixed"), scales = c("sdcor", "vcov"), conf.int = FALSE,
                               conf.level = 0.95, ddf = "Satterthwaite", adjust = "none", ...) {
  effects <- vapply(effects, match_word, "", c("fixed", "ran_pars"), "effects", USE.NAMES = FALSE)
  scales <- match_word(scales[1L], c("sdcor", "vcov"), "scales")
  check_flag(conf.int, "conf.int")
  adjust <- check_adjust(adjust)
  parts <- list(if ("fixed" %in% effects) fixed_parts(x, ddf, conf.int, conf.level, adjust),
                if ("ran_pars" %in% effects) parameter_parts(x, scales))
  as_tidy(stacked_table(x, parts[!vapply(parts, is.null, NA)]))
}

# One table of several parts, response after response. A part has columns that are the same for all responses, and
# matrices with a column for each response.
stacked_table <- function(x, parts) {
  m <- length(x$names)
  wanted <- c("effect", "group", "term", "estimate", "std.error", "statistic", "df", "p.value", "p.adjusted",
              "conf.low", "conf.high")
  columns <- intersect(wanted, unlist(lapply(parts, names)))
  rows <- vapply(parts, function(part) length(part$term), 0L)
  values <- lapply(columns, function(name) {
    if (name %in%
        wanted[1:3]) return(rep(unlist(Map(function(part, rows) if (is.null(part[[name]])) rep(NA_character_, rows) else
          part[[name]], parts, rows)), m))
    as.vector(do.call(rbind, Map(function(part, rows) if (is.null(part[[name]])) matrix(NA_real_, rows, m) else
      part[[name]], parts, rows)))
  })
  structure(c(list(response = rep(shown_names(x), each = sum(rows))), stats::setNames(values, columns)),
            class = "data.frame",
            row.names = .set_row_names(m * sum(rows)))
}

shown_names <- function(x) ifelse(nzchar(x$names), x$names, as.character(seq_along(x$names)))

check_adjust <- function(adjust) match_word(adjust[1L], stats::p.adjust.methods, "adjust")

# p-values adjusted over the responses, each row of `groups` by itself.
adjusted_p <- function(p, groups, adjust) {
  out <- p
  for (at in split(seq_along(p), groups)) out[at] <- stats::p.adjust(p[at], adjust)
  out
}

# Rows of the fixed effects: matrices coefficients x responses.
fixed_parts <- function(x, ddf, conf.int, level, adjust) {
  ddf <- if (is.null(ddf)) NULL else responses_ddf(x, ddf)
  kept <- x$reference$kept
  if (!length(kept)) return(NULL)
  test <- coefficient_rows(x, if (is.null(ddf)) "asymptotic" else ddf)
  estimate <- unname(x$beta[kept, , drop = FALSE])
  out <- list(effect = rep("fixed", length(kept)), term = x$frame$x_names[kept], estimate = estimate,
              std.error = test$se,
              statistic = per_error(estimate, test$se))
  if (!is.null(ddf)) {
    out$df <- test$df
    out$p.value <- 2 * stats::pt(abs(out$statistic), out$df, lower.tail = FALSE)
    if (adjust != "none") out$p.adjusted <- t(apply(out$p.value, 1L, stats::p.adjust, adjust))
  }
  if (conf.int) out <- add_limits(out, if (is.null(out$df)) Inf else ifelse(is.na(out$df), Inf, out$df), level)
  out
}

# Standard errors and degrees of freedom of all coefficients, coefficients x responses.
coefficient_rows <- function(x, ddf) {
  L <- diag(length(x$reference$kept))
  test <- test_rows(x, L, 0, ddf)
  out <- list(se = sqrt(test$variance) * rep(x$sigma, each = nrow(L)), df = test$df)
  for (i in which(x$aliased)) {
    table <- own_table(x, i, function(fit) coef(summary(fit, ddf)))
    at <- match(rownames(table), x$frame$x_names[x$reference$kept])
    out$se[at, i] <- table[, "Std. Error"]
    out$df[at, i] <- table[, "df"]
  }
  out
}

# What an ordinary fit of response i says, quietly; NULL where it says nothing.
own_table <- function(x, i, f) {
  tryCatch(suppressMessages(suppressWarnings(f(response_fit(x, i)))), lmm_error = function(e) NULL)
}

parameter_parts <- function(x, scales) {
  if (!is.null(x$parameters)) return(structured_parts(x, scales))
  parameters <- frame_parameters(x$frame)
  values <- if (scales == "sdcor") stacked_values(parameters, x$frame$random, x$covariance, x$sigma)
            else stacked_covariances(parameters, x$frame$random, x$covariance, x$sigma)
  word <- if (scales == "sdcor") c("sd__", "cor__") else c("var__", "cov__")
  column <- ifelse(is.na(parameters$var1), "Observation",
                   ifelse(parameters$correlation, paste0(parameters$var1, ".", parameters$var2), parameters$var1))
  list(effect = rep("ran_pars", nrow(parameters)), group = parameters$grp,
       term = paste0(word[1L + parameters$correlation], column),
       estimate = t(values))
}

# The parameters of a residual structure are those of each fit; the first one that was made has their names.
structured_parts <- function(x, scales) {
  made <- which(lengths(x$parameters) > 0L)
  if (!length(made)) return(NULL)
  first <- x$parameters[[made[1L]]][[scales]]
  estimate <- vapply(x$parameters, function(own) {
    if (is.null(own)) rep(NA_real_, nrow(first)) else own[[scales]]$estimate
  }, numeric(nrow(first)))
  list(effect = rep("ran_pars", nrow(first)), group = first$group, term = first$term,
       estimate = matrix(estimate, nrow(first)))
}

stacked_covariances <- function(parameters, random, stacked, sigma) {
  triangle <- stacked_triangles(random)
  out <- vapply(seq_len(nrow(parameters)), function(k) {
    t <- parameters$term[k]
    if (t == 0L) return(sigma^2)
    i <- parameters$row[k]
    j <- parameters$col[k]
    stacked[triangle[[t]][(j - 1L) * random[[t]]$q - (j - 1L) * (j - 2L) / 2L + i - j + 1L], ]
  }, numeric(length(sigma)))
  matrix(out, length(sigma))
}

# ---- tests of terms ----

#' @rdname responses
#' @export
anova.lmm_responses <- function(object, ..., type = 3, ddf = "Satterthwaite", adjust = "none") {
  type <- check_type(type)
  ddf <- responses_ddf(object, ddf)
  adjust <- check_adjust(adjust)
  tables <- lapply(hypothesis_classes(object, type), function(class) {
    do.call(rbind, Map(function(L, term) f_rows(object, L, 0, ddf, class$at, term), class$rows, names(class$rows)))
  })
  own <- lapply(which(object$aliased), own_anova, x = object, type = type, ddf = ddf)
  finish_table(object, do.call(rbind, c(unname(tables), own)), adjust)
}

# Responses for which the rows of the hypotheses are the same: list(at, rows by term). Those of type III depend on the
# cells alone, and so does any hypothesis of one row in each term up to its size; else they go by X'WX of the response's
# own rows.
hypothesis_classes <- function(x, type) {
  usual <- which(!x$aliased)
  common <- function(basis) {
    info <- pseudo_information(x, basis)
    lapply(term_hypotheses(info, type), `[[`, "user")
  }
  tested <- length(unique(setdiff(x$frame$x_assign[x$reference$kept], 0L)))
  if (type == 3L && tested > 1L) return(list(list(at = usual, rows = common(x$reference$basis))))
  pattern <- x$pattern[usual]
  pattern[is.na(pattern) | is.na(x$pattern_basis[1L, pattern])] <- 0L
  lapply(split(usual, pattern), function(at) {
    k <- x$pattern[at[1L]]
    basis <- if (is.na(k) ||
                 anyNA(x$pattern_basis[, k])) x$reference$basis else matrix(x$pattern_basis[, k],
                                                                            nrow(x$reference$basis))
    list(at = at, rows = common(basis))
  })
}

# What term_hypotheses() asks for, without a response.
pseudo_information <- function(x, basis) {
  kept <- x$reference$kept
  beta <- stats::setNames(rep(NA_real_, length(x$frame$x_names)), x$frame$x_names)
  beta[kept] <- 0
  fit <- structure(list(frame = x$frame, spec = x$spec, estimates = list(beta = beta),
                        cross_products = list(x = list(kept = kept, basis = basis, alias = x$reference$alias))),
                        class = "lmm_fit")
  list(fit = fit, kept = kept, basis = basis, inverse = inverse_basis(basis), estimate = beta[kept])
}

# F tests of one hypothesis, a row for each response.
f_rows <- function(x, L, rhs, ddf, at, term) {
  q <- nrow(L)
  none <- rep(NA_real_, length(at))
  test <- if (q) test_rows(x, L, rhs, ddf, at) else list(f = none, denominator = none, scale = none)
  ms <- test$f / test$scale * x$sigma[at]^2
  data.frame(response = at, term = rep(term, length(at)), `Sum Sq` = ms * q, `Mean Sq` = ms, NumDF = rep(q, length(at)),
             DenDF = test$denominator,
             `F value` = test$f, `Pr(>F)` = stats::pf(test$f, q, test$denominator, lower.tail = FALSE),
             check.names = FALSE, stringsAsFactors = FALSE)
}

own_anova <- function(x, i, type, ddf) {
  table <- own_table(x, i, function(fit) anova(fit, type = type, ddf = ddf))
  if (is.null(table) || !nrow(table)) return(NULL)
  data.frame(response = i, term = rownames(table), plain_table(table), check.names = FALSE, row.names = NULL,
             stringsAsFactors = FALSE)
}

# In the order of the responses, with their names, and with adjusted p-values where these are asked for.
finish_table <- function(x, table, adjust, p = "Pr(>F)") {
  table <- table[order(table$response), ]
  rownames(table) <- NULL
  table$response <- shown_names(x)[table$response]
  if (adjust != "none") table$p.adjusted <- adjusted_p(table[[p]], table$term, adjust)
  as_table(table, "responses_table")
}

#' @rdname responses
#' @export
contest.lmm_responses <- function(fit, L, rhs = 0, joint = TRUE, ddf = "Satterthwaite", conf.level = 0.95,
                                  adjust = "none", ...) {
  check_flag(joint, "joint")
  ddf <- responses_ddf(fit, ddf)
  adjust <- check_adjust(adjust)
  model <- pseudo_information(fit, fit$reference$basis)
  if (!missing(L) && is.character(L)) {
    equations <- hypothesis_from_text(model$fit, L)
    rhs <- equation_sides(equations, if (!missing(rhs)) rhs)
    L <- equations$L
  }
  asked <- hypothesis_matrix(model$fit, L)
  L <- estimable_rows(model$fit, asked)
  if (!length(L)) lmm_abort("input", "`L` is empty.", what = "L")
  rhs <- check_rhs(rhs, nrow(L))
  usual <- which(!fit$aliased)
  own <- lapply(which(fit$aliased), own_contest, x = fit, L = asked, rhs = rhs, joint = joint, ddf = ddf,
                level = conf.level)
  if (!joint) return(finish_table(fit, do.call(rbind, c(list(t_rows(fit, L, rhs, ddf, conf.level, usual)), own)),
                                  adjust, "Pr(>|t|)"))
  reduced <- independent_rows(new_hypothesis(model, L), rhs, model)
  rows <- invariant_rows(reduced$hypothesis, reduced$rhs)
  finish_table(fit, do.call(rbind, c(list(f_rows(fit, rows$user, rows$rhs, ddf, usual, "L")), own)), adjust)[-2L]
}

own_contest <- function(x, i, L, rhs, joint, ddf, level) {
  table <- own_table(x, i, function(fit) contest(fit, L, rhs, joint, ddf, level))
  if (is.null(table)) return(NULL)
  term <- if (joint) "L" else if (is.null(rownames(L))) as.character(seq_len(nrow(L))) else rownames(L)
  data.frame(response = i, term = term, plain_table(table)[setdiff(names(table), c("Chisq", "Pr(>Chisq)"))],
             check.names = FALSE,
             row.names = NULL, stringsAsFactors = FALSE)
}

t_rows <- function(x, L, rhs, ddf, level, at) {
  test <- test_rows(x, L, rhs, ddf, at)
  label <- if (is.null(rownames(L))) as.character(seq_len(nrow(L))) else rownames(L)
  se <- as.vector(sqrt(test$variance)) * rep(x$sigma[at], each = nrow(L))
  table <- t_tests(as.vector(test$estimate), list(se = se, df = as.vector(test$df)), rep(rhs, length(at)), level)
  data.frame(response = rep(at, each = nrow(L)), term = rep(label, length(at)), table, check.names = FALSE,
             row.names = NULL, stringsAsFactors = FALSE)
}
