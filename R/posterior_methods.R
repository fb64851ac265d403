# Questions about posterior draws: functions of parameters, contrasts, tables.

# Summary of a matrix of values, a row per draw, as summary() gives it.
value_table <- function(values, object, level, interval = "quantile", zero = 0) {
  about <- about_posterior(object)
  rows <- lapply(seq_len(ncol(values)), function(j) {
    x <- values[, j]
    if (!all(is.finite(x))) {
      lmm_abort("numeric",
                paste0(quote_name(colnames(values)[j]), " is not finite in ", count_of(sum(!is.finite(x)), "draw"),
                       "."), what = colnames(values)[j])
    }
    c(summarize_draws(x, about$chains, level, interval), pMCMC = posterior_p(x - rep_len(zero, ncol(values))[j]))
  })
  out <- as.data.frame(do.call(rbind, rows))
  rownames(out) <- make.unique(colnames(values))
  out
}

# Functions of list(covariance, sigma, beta), one value for each draw.
quantity_draws <- function(object, asked, level) {
  fit <- about_posterior(object)$fit
  functions <- lapply(quantity_functions(fit, asked), reporting_errors, names(fit_groups(fit))[1L])
  states <- draw_states(object)
  values <- vapply(functions, function(f) vapply(seq_len(nrow(object)), function(i) check_value(f(states(i))), 0),
                   numeric(nrow(object)))
  values <- matrix(values, nrow(object), dimnames = list(NULL, names(functions)))
  out <- value_table(values, object, level)
  out$pMCMC <- NULL
  structure(out, draws = new_draws(values, object), level = level, class = c("posterior_quantity", "data.frame"))
}

# A function of the number of a draw: its parameters as those of a fit.
draw_states <- function(object) {
  about <- about_posterior(object)
  fit <- about$fit
  parameters <- variance_parameters(fit)
  values <- as.matrix(plain_table(object)[about$labels$variances])
  fixed <- as.matrix(plain_table(object)[about$labels$fixed])
  own <- about$residual
  residual <- if (!is.null(own)) as.matrix(plain_table(object)[own$names])
  plans <- lapply(seq_along(fit_random(fit)), special_plan, fit = fit)
  special <- vapply(plans, function(plan) length(plan$kind) > 0L, NA)
  known <- vapply(fit_random(fit), function(term) is_special(term) && !length(term_kinds(term)), NA)
  empty <- fit_state(fit)
  kept <- match(about$labels$fixed, names(empty$beta))
  function(i) {
    state <- empty
    v <- stats::setNames(values[i, ], colnames(values))
    for (t in which(!known)) {
      if (special[t]) {
        term <- fit_random(fit)[[t]]
        state$natural[[t]] <- drawn_natural(fit, plans[[t]], v[parameters$term == t])
        state$covariance[[t]][] <- special_covariance(term, state$natural[[t]], fit_blocks(fit)$z_basis[[t]])
        next
      }
      state$covariance[[t]][] <- drawn_covariance(parameters[parameters$term == t, ], v[parameters$term == t],
                                                  nrow(state$covariance[[t]]))
    }
    state$sigma <- v[["sigma"]]
    if (!is.null(own)) {
      r <- residual[i, ]
      state$residual[] <- ifelse(own$root, r^2, r)
      state$sigma <- state$sigma / sigma_at_zero(fit, state$residual)
    }
    state$beta[kept] <- fixed[i, ]
    state
  }
}

# The covariance matrix of a term from its drawn standard deviations and correlations.
drawn_covariance <- function(own, v, q) {
  sd <- v[!own$correlation]
  if (length(sd) == 1L) return(diag(sd^2, q))
  R <- diag(length(sd))
  R[cbind(own$row, own$col)[own$correlation, , drop = FALSE]] <- v[own$correlation]
  R[cbind(own$col, own$row)[own$correlation, , drop = FALSE]] <- v[own$correlation]
  R * outer(sd, sd)
}

# Values with the columns that say which draw they belong to.
new_draws <- function(values, object) {
  frame <- as.data.frame(values, optional = TRUE)
  plain_draws(cbind(frame, plain_table(object)[c(".chain", ".iteration", ".draw")]))
}

#' @export
print.posterior_quantity <- function(x, digits = 4, ...) {
  cat("Posterior, ", format(100 * attr(x, "level")), "% limits:\n", sep = "")
  shown <- plain_table(x)
  shown[c("ess_bulk", "ess_tail")] <- lapply(shown[c("ess_bulk", "ess_tail")], round)
  attr(shown, "draws") <- NULL
  print(format(shown, digits = digits), quote = FALSE)
  invisible(x)
}

#' @rdname contest
#' @method contest lmm_posterior
#' @export
contest.lmm_posterior <- function(fit, L, rhs = 0, conf.level = 0.95, ...) {
  about <- about_posterior(check_posterior(fit, "fit"))
  if (is.character(L)) {
    equations <- hypothesis_from_text(about$fit, L)
    rhs <- equation_sides(equations, if (!missing(rhs)) rhs)
    L <- equations$L
  }
  given <- hypothesis_matrix(about$fit, L)
  rows <- estimable_rows(about$fit, given)
  rhs <- check_rhs(rhs, nrow(rows))
  beta <- as.matrix(plain_table(fit)[about$labels$fixed])
  values <- beta %*% t(rows)
  colnames(values) <- if (is.null(rownames(rows))) paste0("L", seq_len(nrow(rows))) else rownames(rows)
  out <- value_table(values, fit, conf.level, zero = rhs)
  attr(out, "joint") <- joint_probability(values, rhs)
  structure(out, draws = new_draws(values, fit), level = conf.level, class = c("posterior_quantity", "data.frame"))
}

# Posterior probability of being further out than `rhs`, in the metric of the draws.
joint_probability <- function(values, rhs) {
  if (ncol(values) < 2L) return(NULL)
  center <- apply(values, 2L, stats::median)
  S <- stats::cov(values)
  e <- eigen(S, symmetric = TRUE)
  use <- e$values > 1e-10 * e$values[1L]
  distance <- function(v) colSums((t(e$vectors[, use, drop = FALSE]) %*% (v - center) / sqrt(e$values[use]))^2)
  max(0.5 / nrow(values), mean(distance(t(values)) >= distance(matrix(rhs))))
}

#' @rdname summary.lmm_posterior
#' @param conf.int,conf.level,conf.method as in 'broom.mixed': add limits (`"quantile"` or `"HPDinterval"`) of this
#'   level?
#' @method tidy lmm_posterior
#' @export
tidy.lmm_posterior <- function(x, effects = c("ran_pars", "fixed"), conf.int = FALSE, conf.level = 0.95,
                               conf.method = c("quantile", "HPDinterval"), ...) {
  interval <- if (match_word(conf.method[1L], c("quantile", "HPDinterval"),
                             "conf.method") == "quantile") "quantile" else "hpd"
  about <- about_posterior(x)
  table <- summary(x, level = conf.level, interval = interval, effects = effects)
  name <- rownames(table)
  residual <- name %in% about$residual$names
  random <- (grepl("^(sd|cor)__|^range[.]|^sigma$", name) & name %in% about$labels$variances) | residual
  parameters <- variance_parameters(about$fit)
  group <- ifelse(residual, "Residual", parameters$grp[match(name, about$labels$variances)])
  term <- ifelse(random & !residual, substr(name, 1L, nchar(name) - nchar(group) - 1L), name)
  term[random & name == "sigma"] <- "sd__Observation"
  mode <- name %in% about$labels$random
  out <- data.frame(effect = ifelse(random, "ran_pars", ifelse(mode, "ran_vals", "fixed")),
                    group = ifelse(random, group, NA), term = term,
                    estimate = table$median, std.error = table$sd, stringsAsFactors = FALSE)
  if (check_flag(conf.int, "conf.int")) out[c("conf.low", "conf.high")] <- list(table$lower, table$upper)
  out[c("rhat", "ess")] <- list(table$rhat, table$ess_bulk)
  as_tidy(out)
}
