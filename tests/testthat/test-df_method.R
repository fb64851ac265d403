test_that("methods are found by beginnings, in any case", {
  for (name in c("Satterthwaite", "satterthwaite", "Kenward-Roger", "kenward-roger", "KENWARD", "containment",
                 "between-within",
                 "residual", "asymptotic")) {
    expect_s3_class(do.call(ddf_method, list(name)), "df_method")
  }
  expect_error(ddf_method("kenwood"), "one of \"Satterthwaite\", \"Kenward-Roger\", \"containment\"",
               class = "lmm_error_input")
  for (name in list(3, c("KR", "residual"), NA_character_, character(), NULL)) {
    expect_error(ddf_method(name), "`ddf` must be one of", class = "lmm_error_input")
  }
  expect_error(ddf_method("Kenward-Roger", "observed"), "unnamed", class = "lmm_error_input")
  expect_error(ddf_method("between-within", subject = "g", type = "CR2"), "unknown argument `type`",
               class = "lmm_error_input")
  expect_error(ddf_method("Satterthwaite", type = "full"), "type", class = "lmm_error_input")
  expect_error(ddf_method("Kenward-Roger", information = "none"), "expected", class = "lmm_error_input")
  expect_error(ddf_method("cluster-robust"), "cluster", class = "lmm_error_input")
  expect_output(print(ddf_method("Kenward-Roger")), "information = \"expected\"")
  expect_true(all(c("Satterthwaite", "Kenward-Roger", "containment", "between-within", "residual",
                    "asymptotic") %in% ddf_methods()))
})

test_that("every method works everywhere", {
  fit <- lmm(yield ~ irrigation * variety + (1 | field), irrigation)
  for (name in setdiff(ddf_methods(), "cluster-robust")) {
    expect_true(all(is.finite(coef(summary(fit, ddf = name))[, "Pr(>|t|)"])), label = name)
    expect_true(all(is.finite(anova(fit, ddf = name)$`Pr(>F)`)), label = name)
    expect_true(is.finite(contest(fit, c(varietyv2 = 1), ddf = name)$`Pr(>F)`), label = name)
  }
})

test_that("without fixed effects there is nothing to test, and nothing fails", {
  fit <- lmm(y ~ 0 + (1 | g), behavior_data())
  for (name in c("Satterthwaite", "Kenward-Roger", "residual")) {
    expect_identical(nrow(coef(summary(fit, ddf = name))), 0L)
    expect_identical(nrow(anova(fit, ddf = name)), 0L)
  }
  expect_output(print(anova(fit)))
  expect_identical(nrow(anova(lmm(y ~ 1 + (1 | g), behavior_data()))), 0L)
})

test_that("residual and asymptotic degrees of freedom are what they say", {
  fit <- lmm(y ~ x + f + (1 | g), behavior_data())
  expect_identical(unname(coef(summary(fit, ddf = "residual"))[, "df"]), rep(91, 5))
  table <- coef(summary(fit, ddf = "asymptotic"))
  expect_equal(table[, "Pr(>|t|)"], 2 * pnorm(-abs(table[, "t value"])))
})

test_that("no method depends on units, contrasts, the order of levels or rows, or the rows of a hypothesis", {
  d <- transform(behavior_data(), w = rep(c(0.5, 1, 2), 32), k = factor(rep(1:6, 16)))[-c(2, 7, 30, 31, 64), ]
  fit_to <- function(data, ...) lmm(y ~ f * x + (x | g), data, weights = w, ...)
  same_fits <- c(
    list(fit_to(transform(d, y = 1e-7 * y)), fit_to(transform(d, x = 1e5 * x)), fit_to(transform(d, w = 1e6 * w)),
         fit_to(transform(d, f = factor(f, c("c", "a", "d", "b")))), fit_to(d[nrow(d):1, ])),
    lapply(c("contr.sum", "contr.helmert", "contr.poly", "contr.SAS"),
           function(code) fit_to(d, contrasts = list(f = code))))
  fit <- fit_to(d)
  set.seed(2)
  L <- diag(8)[6:8, ]
  mixed <- matrix(rnorm(9), 3) %*% L
  methods <- c(as.list(setdiff(ddf_methods(), "cluster-robust")), list(
    ddf_method("Kenward-Roger", information = "observed"), ddf_method("cluster-robust", cluster = ~g),
    ddf_method("cluster-robust", cluster = ~k, type = "CR3")))             # clusters that cross the groups
  numbers <- function(fit, ddf) as.matrix(anova(fit, ddf = ddf)[c("NumDF", "DenDF", "F value", "Pr(>F)")])
  for (ddf in methods) {
    base <- numbers(fit, ddf)
    expect_true(all(is.finite(base[, "Pr(>F)"])))
    name <- if (is.character(ddf)) ddf else class(ddf)[1L]
    finite <- is.finite(base)                                              # asymptotic degrees of freedom are not
    for (k in seq_along(same_fits)) {
      expect_lt(relative_difference(numbers(same_fits[[k]], ddf)[finite],
                base[finite]), 1e-8, label = paste(name, "variant", k))
    }
    of_rows <- contest(fit, L, ddf = ddf)[c("F value", "Pr(>F)", "Chisq")]
    expect_lt(relative_difference(unlist(contest(fit, mixed, ddf = ddf)[names(of_rows)]), unlist(of_rows)), 1e-8,
              label = name)
  }
})
