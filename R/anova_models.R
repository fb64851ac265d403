# Comparison of several fits.

name_fits <- function(fits, call, which, names) {
  if (is.null(names)) {
    arguments <- as.list(call)[-1L]
    own <- c("type", "ddf", "refit", "model.names", "test", "nsim", "seed", "threads", "progress")
    arguments <- arguments[!names(arguments) %in% own | !nzchar(names(arguments))]
    names <- vapply(arguments[which], variable_label, "")
  } else if (length(names) != length(fits)) {
    lmm_abort("input", paste0("`model.names` has ", count_of(length(names), "name"), " for ", length(fits), " fits."),
              what = "model.names")
  }
  if (anyDuplicated(names) || any(nchar(names) > 60L)) names <- paste0("MODEL", seq_along(fits))
  stats::setNames(fits, names)
}

# ---- likelihood ratio ----

# `decide`: leave out p-values that the Monte Carlo error of the likelihoods leaves open?
compare_by_likelihood <- function(fits, refit, decide = TRUE) {
  fits <- likelihood_fits(fits, refit)
  lls <- lapply(fits, logLik)
  npar <- vapply(lls, attr, 0, "df")
  ll <- vapply(lls, as.numeric, 0)
  chisq <- 2 * pmax(0, c(NA, diff(ll)))
  df <- c(NA, diff(npar))
  p <- ifelse(df == 0, NA, stats::pchisq(chisq, df, lower.tail = FALSE))
  if (decide) p <- decided_p(p, chisq, df, c(0, ratio_errors(lls[-1L], lls[-length(lls)])))
  table <- data.frame(npar = npar, AIC = vapply(fits, stats::AIC, 0), BIC = vapply(fits, stats::BIC, 0), logLik = ll,
                      `-2*log(L)` = -2 * ll, Chisq = chisq, Df = df,
                      `Pr(>Chisq)` = p, row.names = names(fits), check.names = FALSE)
  anova_table(table, c(model_heading(fits), do.call(exact_note, unname(fits))), "lmm_comparison")
}

# By maximum likelihood, in the order of the number of parameters.
likelihood_fits <- function(fits, refit) {
  reml <- vapply(fits, fit_is_reml, NA)
  if (refit && any(reml)) {
    fits[reml] <- refits_by_ml(fits[reml])
  } else if (any(reml)) {
    check_restricted(fits, reml)
  }
  fits[order(vapply(fits, function(fit) attr(logLik(fit), "df"), 0))]
}

refits_by_ml <- function(fits) {
  lmm_inform("refit", "refitting model(s) with ML (instead of REML)")
  solver_told_once(lapply(fits, refit_ml))
}

check_restricted <- function(fits, reml) {
  if (!all(reml)) {
    lmm_abort("input", "some fits are by REML, some by maximum likelihood: their likelihoods cannot be compared.",
              what = "refit",
              fix = "Use refit = TRUE.")
  }
  same <- vapply(fits, function(fit) setequal(fit_frame(fit)$x_names, fit_frame(fits[[1L]])$x_names), NA)
  if (!all(same)) {
    lmm_warn("data", "restricted likelihoods of fits with different fixed effects are not comparable.", what = "refit",
             fix = "Use refit = TRUE.")
  }
}

model_heading <- function(fits) {
  data <- fit_call(fits[[1L]])$data
  subset <- fit_call(fits[[1L]])$subset
  formulas <- vapply(fits, function(fit) deparse_line(stats::formula(fit)), "")
  c(if (is.symbol(data) || is.call(data)) paste("Data:", deparse(data, 60L)[1L]),
    if (!is.null(subset)) paste("Subset:", deparse(subset, 60L)[1L]), "Models:",
    wrapped(paste0(names(fits), ": ", formulas, what_differs(fits))))
}

# The arguments beside the formula in which the fits differ, for each fit.
what_differs <- function(fits) {
  arguments <- lapply(fits, model_arguments)
  differs <- function(name) length(unique(vapply(arguments, `[[`, "", name))) > 1L
  use <- Filter(differs, names(arguments[[1L]]))
  vapply(arguments, function(own) {
    own <- own[use][nzchar(own[use])]
    paste0(", ", names(own), " = ", own, recycle0 = TRUE, collapse = "")
  }, "")
}

# What a model has beside its formula, as text.
model_arguments <- function(fit) {
  plan <- fit_frame(fit)$residual
  call <- as.list(fit_call(fit))[c("relationship", "fixed", "weights", "bounded")]
  text <- function(x) if (is.null(x)) "" else deparse_line(x)
  c(residual = if (is.null(plan$shown)) "" else paste("~", plan$shown),
    variance = if (is.null(plan$variance)) "" else paste("~", deparse_line(plan$variance)),
    relationship = text(call$relationship), fixed = text(call$fixed), weights = text(call$weights),
    bounded = text(call$bounded))
}

# ---- F ----

# Each fit against the next smaller one, within the larger.
compare_by_f <- function(fits, method) {
  fits <- fits[order(vapply(fits, fit_rank, 0L))]
  rows <- lapply(seq_along(fits)[-1L], function(k) f_between(fits[[k]], fits[[k - 1L]], names(fits)[k - 0:1], method))
  table <- do.call(rbind, c(list(data.frame(NumDF = NA_real_, DenDF = NA_real_, F.scaling = NA_real_,
                                            `F value` = NA_real_,
                                            `Pr(>F)` = NA_real_, check.names = FALSE)), rows))
  rownames(table) <- names(fits)
  phrase <- method_phrase(with_information_note(method, fits))
  anova_table(table, c(model_heading(fits), paste("F test with", phrase),
                       do.call(exact_note, unname(fits))))
}

f_between <- function(large, small, names, method) {
  check_same_random(large, small, names)
  inference <- new_inference(large, method)
  test <- f_test(restriction(inference$info, small, names), inference)
  data.frame(NumDF = test$rows, DenDF = test$df, F.scaling = test$scale, `F value` = test$f, `Pr(>F)` = test$p,
             check.names = FALSE)
}

check_same_random <- function(large, small, names) {
  labels <- function(fit) sort(vapply(fit_random(fit), function(term) paste(term$label, term$structure), ""))
  if (identical(labels(large), labels(small))) return(invisible())
  lmm_abort("input", paste0("an F test compares fits with the same random terms; those of ",
                            enumerate(quote_name(names)),
                            " differ."), what = names, fix = "Use test = \"Chisq\" or \"bootstrap\".")
}

# The rows L with L beta = 0 where X beta lies in the columns of the smaller model.
restriction <- function(info, small, names) {
  shared <- in_shared_rows(list(info$fit, small))
  large <- shared[[1L]]
  small <- shared[[2L]]
  d <- design(large$frame, fit_rows(large, "a comparison by F"))
  w <- if (is.null(d$weights)) 1 else sqrt(d$weights)
  Q <- (d$X[, info$kept, drop = FALSE] %*% info$basis) * w
  Xs <- design(small$frame, fit_rows(small, "a comparison by F"))$X[, small$cross_products$x$kept, drop = FALSE] * w
  if (ncol(Xs)) Xs <- Xs %*% matrix(small$cross_products$x$basis, ncol(Xs))
  M <- crossprod(Q, Xs)
  if (any(abs(Xs - Q %*% M) > 1e-7 * max(abs(Xs), 0)) || ncol(M) >= nrow(M)) {
    lmm_abort("input", paste0("the fixed effects of ", quote_name(names[2L]), " are not nested in those of ",
                              quote_name(names[1L]),
                              "."), what = names)
  }
  new_hypothesis(info, inner = t(left_null(M, 1)))
}

# ---- parametric bootstrap ----

compare_by_bootstrap <- function(fits, nsim, seed, threads, progress) {
  fits <- likelihood_fits(fits, TRUE)
  seed <- own_seed(seed)
  table <- compare_by_likelihood(fits, TRUE, FALSE)
  lls <- lapply(fits, logLik)
  bootstrap <- vapply(seq_along(fits)[-1L], function(k) {
    ratios <- simulated_ratios(fits[[k]], fits[[k - 1L]], nsim, seed, threads, progress)
    found <- bootstrap_p(table$Chisq[k], ratios)
    found[["p"]] <- decided_p(found[["p"]], table$Chisq[k], NULL, ratio_errors(lls[k], lls[k - 1L]),
                              tail = function(ratio) bootstrap_p(ratio, ratios)[["p"]])
    found
  }, numeric(2L))
  table$`Pr(>Chisq)` <- NULL
  table$`Pr(boot)` <- c(NA, bootstrap[1L, ])
  table$`MC error` <- c(NA, bootstrap[2L, ])
  heading <- c(model_heading(fits), paste("Parametric bootstrap with", nsim, "simulated responses"))
  anova_table(plain_table(table)[c(1:7, 9L, 8L)], heading)
}
