# Transformation laws: what must stay, and how, when the same data are written differently.

# The numbers of a fit that a law speaks about. `order` leads fitted values back to the original rows.
law_numbers <- function(fit, order = NULL) {
  values <- unname(fitted(fit))
  if (!is.null(order)) values[order] <- values
  list(loglik = as.numeric(logLik(fit)), fixef = fixef(fit), se = sqrt(diag(as.matrix(vcov(fit)))), sigma = sigma(fit),
       covariance = stats::setNames(lapply(fit$estimates$covariance, unname), names(VarCorr(fit))), fitted = values)
}

law_distance <- function(a, b) max(abs(a - b)) / max(abs(b), 1e-300)

# `changed` and `plain` are numbers; those named in `parts` must agree. Fitted values are compared beside their spread.
expect_law <- function(changed, plain, tolerance, label, parts = names(plain)) {
  for (part in parts) {
    a <- changed[[part]]
    b <- plain[[part]]
    if (part == "covariance") {
      testthat::expect_setequal(names(a), names(b))
      a <- unlist(a[names(b)])
      b <- unlist(b)
    }
    if (part %in% c("fixef", "se")) a <- a[names(b)]
    size <- switch(part, loglik = abs(a - b) / (1 + abs(b)), fitted = max(abs(a - b)) / stats::sd(b),
                   law_distance(unname(a), unname(b)))
    testthat::expect_lte(size, tolerance, label = paste(label, part))
  }
}

# Numbers of the fit to y = (y - a) / b, as those of the fit to y follow from them. `df` is n - p for REML, n for ML.
law_unit_of_y <- function(numbers, a, b, df, intercept = "(Intercept)") {
  within(numbers, {
    loglik <- loglik - df * log(abs(b))
    fixef <- fixef * b
    fixef[intercept] <- fixef[intercept] + a
    se <- se * abs(b)
    sigma <- sigma * abs(b)
    covariance <- lapply(covariance, `*`, b^2)
    fitted <- fitted * b + a
  })
}

law_formulas <- function() {
  list(intercept = y ~ x + (1 | g), slope = y ~ x + (x | g), diagonal = y ~ x + (x || g), factor = y ~ f + x + (1 | g),
       crossed = y ~ x + f + (1 | g) + (1 | h), nested = y ~ x + (1 | g / k), two_terms = y ~ x + (1 | g) + (0 + x | g),
       crossed_slope = y ~ x + (x | g) + (1 | h))
}

# behavior_data() with effects of every factor above, so that no fit is singular.
law_data <- function() {
  d <- behavior_data()
  d$k <- factor(rep_len(rep(1:4, each = 2), nrow(d)))
  set.seed(40)
  d$y <- d$y + stats::rnorm(8)[d$h] + 0.8 * stats::rnorm(48)[as.integer(interaction(d$g, d$k))]
  d$w <- stats::runif(nrow(d), 0.5, 3)
  d
}
