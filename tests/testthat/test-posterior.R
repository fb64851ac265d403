# With more draws: HENDERSON_POSTERIOR_DRAWS=100000 (2 minutes).
rows <- reference_posteriors()
asked <- as.numeric(Sys.getenv("HENDERSON_POSTERIOR_DRAWS", "0"))
cases <- unique(rows[c("model", "prior")])
numbers <- cases[!cases$prior %in% c("iw_V1_nu0", "zero_group_variance"), ]

grid_value <- function(margin, statistic, power) {
  first <- margin$moment(power)
  switch(statistic, mean = first, sd = if (is.finite(first)) sqrt(margin$moment(2 * power) - first^2) else Inf,
         margin_quantiles(margin, if (statistic == "median") 0.5 else as.numeric(sub("q", "", statistic)) / 100)^power)
}

for (k in seq_len(nrow(numbers))) {
  test_that(paste("quadrature of", numbers$model[k], "under", numbers$prior[k]), {
    own <- rows[rows$model == numbers$model[k] & rows$prior == numbers$prior[k], ]
    several <- numbers$model[k] %in% c("sleepstudy", "Penicillin_crossed")
    draws <- posterior(posterior_fit(numbers$model[k]), max(asked, if (several) 2e4 else 4000),
                       posterior_prior(numbers$prior[k]), seed = 11, random = FALSE)
    grid <- attr(draws, "about")$grid
    margins <- if (!is.null(grid)) grid_margins(grid)
    sizes <- if (several) summary(draws)
    for (i in seq_len(nrow(own))) {
      statistic <- sub(".*:", "", own$quantity[i])
      at <- posterior_column(draws, sub(":[^:]*$", "", own$quantity[i]))
      label <- paste(own$model[i], own$prior[i], own$quantity[i])
      value <- as.numeric(own$value[i])
      if (!is.null(grid)) {
        margin <- if (at$icc) share_margin(grid) else margins[[at$column]]
        exact <- grid_value(margin, statistic, at$power)
        unit <- 10^-nchar(sub("^[^.]*[.]?", "", own$value[i]))
        if (is.infinite(value)) expect_identical(exact, Inf, label = label)
        else expect_lt(abs(exact - value), 0.51 * unit + 1e-5 * abs(value), label = label)
      }
      if (is.infinite(value)) next
      x <- if (!at$icc) draws[[at$column]]^at$power
      if (at$icc) {
        s2 <- draws[[grep("^sd__", names(draws))[1L]]]^2
        x <- s2 / (s2 + draws$sigma^2)
      }
      n <- if (several) sizes[at$column, "ess_bulk"] else length(x)
      expect_lt(abs(reference_statistic(x, statistic) - value), 4.5 * statistic_error(x, statistic, n), label = label)
    }
  })
}

test_that("improper posteriors of the reference file are refused", {
  for (k in which(cases$prior == "iw_V1_nu0")) {
    expect_error(posterior(posterior_fit(cases$model[k]), prior = posterior_prior("iw_V1_nu0")),
                 class = "lmm_error_improper")
  }
})

test_that("with the group variance held at zero the intercept has a t distribution", {
  fit <- suppressMessages(lmm(bright ~ 1 + (1 | operator), pulp, fixed = c(operator = 0)))
  draws <- posterior(fit, 4000, prior = list(residual = prior_jeffreys()), seed = 1)
  limits <- summary(draws, exact = TRUE)["(Intercept)", ]
  half <- qt(0.975, 19) * sd(pulp$bright) / sqrt(20)
  expect_equal(c(limits$lower, limits$upper), mean(pulp$bright) + c(-half, half), tolerance = 1e-6)
  expect_equal(draws[["sd__(Intercept).operator"]], numeric(4000))
})
