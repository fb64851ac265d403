# Backward elimination of random and fixed terms.

#' Backward elimination
#'
#' Removes random terms, then fixed terms, one at a time while the largest p-value is above a limit.
#'
#' Random terms are compared by likelihood ratio tests of the criterion of the fit (for a variance at its boundary the
#' p-values are conservative); a term with several columns loses one at a time. The last random term stays in the
#' model. Fixed terms are tested by F as in [drop1()][drop1.lmm_fit()]. Package 'lmerTest' calls this `step()`; its
#' generic finds our method too.
#'
#' @param object a fit made by [lmm()].
#' @param ddf method for the denominator degrees of freedom, see [ddf_methods()].
#' @param alpha.random,alpha.fixed terms with larger p-values are removed.
#' @param reduce.fixed,reduce.random remove fixed terms, random terms?
#' @param keep names of fixed terms to be kept.
#' @param x result of `backward()`.
#' @param ... options of the method; for `print()` passed on.
#' @return A list of class `backward.lmm_fit` with the tables `random` and `fixed` and the fit `model`.
#' @examples
#' backward(lmm(yield ~ irrigation * variety + (1 | field), irrigation))
#' @export
backward <- function(object, ddf = "Satterthwaite", alpha.random = 0.1, alpha.fixed = 0.05, reduce.fixed = TRUE,
                     reduce.random = TRUE, keep = character(), ...) {
  if (!inherits(object, "lmm_fit")) {
    lmm_abort("input", paste0("`object` must be a fit made by lmm(), not ", kind_of(object), "."), what = "object")
  }
  method <- ddf_method(ddf, ...)
  random <- eliminate_random(object, if (check_flag(reduce.random, "reduce.random")) alpha.random else 1)
  fixed <- eliminate_fixed(random$fit, method, if (check_flag(reduce.fixed, "reduce.fixed")) alpha.fixed else 1, keep)
  structure(list(random = random$table, fixed = fixed$table, model = fixed$fit), class = "backward.lmm_fit")
}

#' @rawNamespace S3method(lmerTest::step, lmm_fit)
step.lmm_fit <- function(object, ...) backward(object, ...)

#' @rdname backward
#' @export
print.backward.lmm_fit <- function(x, ...) {
  print(x$random, ...)
  cat("\n")
  print(x$fixed, ...)
  cat("\nModel found:", deparse_formula(x$model), sep = "\n")
  invisible(x)
}

eliminate_random <- function(fit, alpha) {
  head <- random_row(fit, NULL, "<none>")
  gone <- NULL
  repeat {
    rows <- random_tests(fit)
    table <- do.call(rbind, lapply(rows, `[[`, "row"))
    p <- table$`Pr(>Chisq)`
    worst <- which.max(p)
    if (alpha >= 1 || p[worst] <= alpha || is.null(rows[[worst]]$fit)) break
    gone <- rbind(gone, cbind(Eliminated = NROW(gone) + 1, table[worst, ]))
    fit <- rows[[worst]]$fit
  }
  out <- rbind(cbind(Eliminated = NA_real_, head), gone, cbind(Eliminated = 0, table))
  list(fit = fit, table = structure(out, heading = "Backward reduced random-effect table:\n", class = c("anova", "data.frame")))
}

# For each random term, or column of one, the fit without it and its row of the table.
random_tests <- function(fit) {
  texts <- random_texts(fit)
  terms <- fit$spec$random
  changes <- unlist(lapply(seq_along(terms), function(k) {
    lapply(smaller_terms(terms[[k]]), function(change) c(change, list(term = k)))
  }), recursive = FALSE)
  lapply(changes, function(change) {
    left <- texts
    left[change$term] <- if (is.null(change$text)) NA else change$text
    left <- left[!is.na(left)]
    fixed <- stats::formula(fit$frame$terms)
    without <- if (length(left)) refit_formula(fit, join_formula(fit, fixed, left))
    list(fit = without, row = random_row(fit, without, change$label))
  })
}

# What a term becomes when it loses one of its effects: list(label, text). No text: the term goes.
smaller_terms <- function(term) {
  parsed <- stats::terms(term$lhs)
  labels <- attr(parsed, "term.labels")
  text <- paste0("(", term$label, ")")
  if (!length(labels) || (length(labels) == 1L && !attr(parsed, "intercept"))) return(list(list(label = text, text = NULL)))
  bar <- if (term$structure == "diagonal") " || " else " | "
  lapply(seq_along(labels), function(k) {
    rest <- c(as.character(as.integer(attr(parsed, "intercept"))), labels[-k])
    list(label = paste(labels[k], "in", text), text = paste0("(", paste(rest, collapse = " + "), bar, term$group_name, ")"))
  })
}

random_row <- function(fit, without, label) {
  ll <- logLik(fit)
  if (label != "<none>") {
    full <- ll
    ll <- if (is.null(without)) loglik_without_random(fit) else logLik(without)
  }
  df <- attr(ll, "df")
  value <- as.numeric(ll)
  lrt <- if (label == "<none>") NA_real_ else max(0, 2 * (as.numeric(full) - value))
  lost <- if (label == "<none>") NA_real_ else attr(full, "df") - df
  data.frame(npar = df, logLik = value, AIC = 2 * df - 2 * value, LRT = lrt, Df = lost,
             `Pr(>Chisq)` = stats::pchisq(lrt, lost, lower.tail = FALSE), row.names = label, check.names = FALSE)
}

# Log (restricted) likelihood of the model without random effects, from the cross-products.
loglik_without_random <- function(fit) {
  x <- fit$cross_products$x
  n <- fit_nobs(fit)
  p <- length(x$kept)
  reml <- fit_is_reml(fit)
  nu <- n - if (reml) p else 0L
  d <- nu * (1 + log(2 * pi * x$total / nu)) - fit$cross_products$log_weight + if (reml) 2 * x$log_det_r else 0
  structure(-d / 2, df = p + 1L)
}

eliminate_fixed <- function(fit, method, alpha, keep) {
  gone <- NULL
  repeat {
    table <- suppressMessages(drop1(fit, ddf = method))
    free <- which(!rownames(table) %in% keep & !is.na(table$`Pr(>F)`))
    p <- table$`Pr(>F)`[free]
    if (!length(free) || alpha >= 1 || max(p) <= alpha) break
    worst <- free[which.max(p)]
    gone <- rbind(gone, cbind(Eliminated = NROW(gone) + 1, as.data.frame(table)[worst, ]))
    fit <- without_term(fit, rownames(table)[worst])
  }
  out <- rbind(gone, cbind(Eliminated = rep(0, nrow(table)), as.data.frame(table)))
  heading <- c("Backward reduced fixed-effect table:", paste("Degrees of freedom method:", method$name, "\n"))
  list(fit = fit, table = structure(out, heading = heading, class = c("anova", "data.frame")))
}
