test_that("what depends on the data through cross-products needs no rows", {
  d <- cells_data()
  f <- y ~ x * z + h + (x | g)
  table <- cross_products(f, d)
  a <- lmm(f, d)
  b <- lmm(f, table)
  expect_null(b$rows)
  plain <- function(x) unname(as.matrix(as.data.frame(x)))
  for (ddf in c("Satterthwaite", "Kenward-Roger", "residual", "containment", "between-within", "inner-outer")) {
    expect_equal(plain(anova(b, ddf = ddf)), plain(anova(a, ddf = ddf)), tolerance = 1e-6, label = ddf)
  }
  expect_equal(plain(ranova(b)), plain(ranova(a)), tolerance = 1e-7)
  expect_equal(plain(drop1(b, test = "Chisq")), plain(drop1(a, test = "Chisq")), tolerance = 1e-7)
  a0 <- lmm(y ~ x + z + (x | g), d)
  b0 <- update(b, . ~ . - x:z - h)
  expect_equal(plain(suppressMessages(anova(b, b0))), plain(suppressMessages(anova(a, a0))), tolerance = 1e-8)
  expect_equal(plain(anova(b, b0, test = "F")), plain(anova(a, a0, test = "F")), tolerance = 1e-7)
  expect_equal(suppressWarnings(AIC(a, b0)), suppressWarnings(AIC(a, a0)), ignore_attr = TRUE, tolerance = 1e-9)
  expect_error(anova(b, lmm(y ~ x + (1 | g), cross_products(f, d[-1L, ]))), class = "lmm_error_input")
  expect_equal(BIC(b, compat = "SAS"), BIC(a, compat = "SAS"), tolerance = 1e-9)
  expect_equal(vcov(b, type = "CR2", cluster = ~g), vcov(a, type = "CR2", cluster = ~g), tolerance = 1e-7)
  expect_equal(vcov(b, type = "CR3", cluster = ~g), vcov(a, type = "CR3", cluster = ~g), tolerance = 1e-7)
})

test_that("exact tests, profiles and expected mean squares need no rows", {
  d <- cells_data()
  table <- cross_products(y ~ x + h + (1 | g), d)
  a <- lmm(y ~ x + (1 | g), d)
  b <- lmm(y ~ x + (1 | g), table)
  expect_equal(rlrt(b, seed = 1)$p.value, rlrt(a, seed = 1)$p.value)
  expect_equal(lrt(b, fixed = "x", seed = 1)$statistic, lrt(a, fixed = "x", seed = 1)$statistic, tolerance = 1e-8)
  expect_equal(confint(b, quiet = TRUE), confint(a, quiet = TRUE), tolerance = 1e-6)
  for (f in list(y ~ h + (1 | g), y ~ h + x + (1 | g))) {
    expect_equal(ems(lmm(f, table))$components, ems(lmm(f, d))$components, tolerance = 1e-8)
    expect_equal(ems(lmm(f, table))$table, ems(lmm(f, d))$table, tolerance = 1e-7)
  }
})

test_that("the bootstrap draws cross-products with the distribution of those of drawn rows", {
  d <- cells_data()
  draws <- function(fit) bootstrap(fit, nsim = 400, seed = 3)$t
  for (model in list(y ~ x + (1 | g), y ~ h + (1 | g), y ~ 1 + (1 | g))) {
    b <- suppressMessages(lmm(model, cross_products(model, d)))
    one <- draws(suppressMessages(lmm(model, d)))
    two <- draws(b)
    for (j in seq_len(ncol(one))) {
      se <- sqrt(var(one[, j]) / 400 + var(two[, j]) / 400)
      expect_lt(abs(mean(one[, j]) - mean(two[, j])) / se, 4)
      expect_lt(abs(log(sd(one[, j]) / sd(two[, j]))), 4 / sqrt(400))
    }
  }
  table <- cross_products(y ~ x + h + (1 | g), d)
  b <- lmm(y ~ x + (1 | g), table)
  small <- lmm(y ~ 1 + (1 | g), table)
  expect_lt(bootstrap_test(b, small, nsim = 50, seed = 1)$test["PBtest", "p.value"], 0.05)
  factors <- suppressMessages(lmm(y ~ h + (1 | g), table))
  expect_gt(bootstrap_test(factors, small, nsim = 50, seed = 1)$test["PBtest", "p.value"], 0)
  expect_true(all(is.finite(confint(factors, method = "boot", nsim = 50, seed = 1))))
  expect_error(bootstrap(b, nsim = 2, type = "wild"), class = "lmm_error_input")
})

test_that("residuals and fitted values of rows that are given again have the names of the rows", {
  d <- cells_data()
  rownames(d) <- paste0("row", seq_len(nrow(d)))
  b <- lmm(y ~ x + (1 | g), cross_products(y ~ x + (1 | g), d))
  a <- lmm(y ~ x + (1 | g), d)
  for (f in list(residuals, fitted)) expect_equal(f(b, data = d), f(a), tolerance = 1e-8)
  expect_null(names(residuals(b, data = chunks(split(d, d$a)))))
})

test_that("rows given again are streamed", {
  d <- cells_data()
  a <- lmm(y ~ x + h + (x | g), d, weights = w)
  b <- lmm(y ~ x + h + (x | g), cross_products(y ~ x + h + (x | g), d, weights = w))
  pieces <- chunks(unname(split(d, rep(1:3, length.out = nrow(d))[order(rep(1:3, length.out = nrow(d)))])))
  for (type in c("response", "pearson", "scaled", "marginal")) expect_equal(unname(residuals(b, type, data = pieces)),
                                                                            unname(residuals(a, type)),
                                                                            tolerance = 1e-9)
  expect_equal(unname(fitted(b, data = pieces)), unname(fitted(a)), tolerance = 1e-10)
  expect_equal(unname(predict(b, pieces)), unname(predict(a, d)), tolerance = 1e-10)
  written <- numeric()
  expect_identical(residuals(b, data = pieces, write = function(chunk, values) written <<- c(written, values)),
                   nrow(d) + 0)
  expect_equal(unname(written), unname(residuals(a)), tolerance = 1e-9)
  expect_error(residuals(b, data = d, write = function(chunk, values) stop("disk full")), "disk full",
               class = "lmm_error_data")
  expect_error(residuals(b, data = d[names(d) != "y"]), class = "lmm_error_newdata")
  expect_error(residuals(b, "marginal_cholesky", data = d), class = "lmm_error_input")
  for (f in list(residuals, fitted, predict, plot, simulate, model.matrix, weights,
                 hatvalues)) expect_error(f(b), "needs the rows", class = "lmm_error_input")
})

test_that("reference grids have the means and frequencies of the rows", {
  skip_if_not_installed("emmeans")
  d <- cells_data()
  a <- lmm(y ~ x * z + h + (1 | g), d)
  b <- lmm(y ~ x * z + h + (1 | g), cross_products(y ~ x * z + h + (1 | g), d))
  for (weights in c("equal", "proportional")) {
    expect_equal(as.data.frame(emmeans::emmeans(b, ~h, weights = weights)),
                 as.data.frame(emmeans::emmeans(a, ~h, weights = weights)), tolerance = 1e-6, ignore_attr = TRUE)
  }
  expect_equal(as.data.frame(emmeans::emtrends(b, ~1, var = "x"))$x.trend,
               as.data.frame(emmeans::emtrends(a, ~1, var = "x"))$x.trend, tolerance = 1e-6)
})

test_that("selection of terms and plots of effects are those of the rows", {
  d <- cells_data()
  f <- y ~ x + z + h + (x | g) + (1 | a)
  fits <- suppressMessages(list(lmm(f, cross_products(f, d)), lmm(f, d)))
  found <- lapply(fits, function(fit) suppressMessages(backward(fit)))
  expect_identical(deparse(formula(found[[1L]]$model)), deparse(formula(found[[2L]]$model)))
  expect_equal(found[[1L]]$random$LRT, found[[2L]]$random$LRT, tolerance = 1e-7)
  pdf(NULL)
  on.exit(dev.off())
  shown <- lapply(fits, plot_effects, "h")
  expect_equal(shown[[1L]]$estimate, shown[[2L]]$estimate, tolerance = 1e-8)
  expect_error(plot_effects(fits[[1L]], "h", rug = TRUE), "needs the rows", class = "lmm_error_input")
})

test_that("an error about the rows of chunks or of a table says how many were dropped, and for what", {
  d <- data.frame(y = sin(1:40), x = cos(1:40), g = gl(8, 5), arm = rep(c("a", "b"), each = 20))
  d$x[21:40] <- NA
  formula <- y ~ x + arm + (1 | g)
  text <- "`arm` has only 1 level \\(\"a\"\\). 20 rows dropped: missing `x`"
  expect_condition_of(lmm(formula, d), "lmm_error_data", text)
  expect_condition_of(lmm(formula, chunks(list(d[1:15, ], d[16:40, ]))), "lmm_error_data", text)
  expect_condition_of(lmm(formula, cross_products(formula, d)), "lmm_error_data", text)
})

test_that("update() does not keep in silence what NULL was to take out of cross-products", {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  d[c("w", "o", "s")] <- list(rep(c(0.5, 2), 54), rep(1:3, 36), d$age < 14)
  f <- distance ~ age + Sex + (1 | Subject)
  for (data in list(cross_products(f, d, weights = w, offset = o, subset = s), chunks(split(d, 1:3)))) {
    table <- inherits(data, "cross_products")
    fit <- if (table) lmm(f, data) else lmm(f, data, weights = w, offset = o, subset = s)
    for (name in c("weights", "offset", "subset")) {
      gone <- stats::setNames(list(NULL), name)
      expect_error(do.call(update, c(list(fit), gone)), paste0("`", name, " = NULL`"), class = "lmm_error_input")
    }
    new <- if (table) cross_products(f, d) else chunks(split(d, 1:2))
    expect_equal(logLik(update(fit, data = new, weights = NULL, offset = NULL, subset = NULL)), logLik(lmm(f, d)),
                 tolerance = 1e-7, ignore_attr = TRUE)
  }
  plain <- lmm(f, chunks(split(d, 1:3)))
  expect_equal(logLik(update(plain, weights = NULL)), logLik(plain))
})

test_that("a model of fewer variables says that rows are lost for those it does not have", {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  d$z <- replace(cos(1:108), c(3, 9), NA)
  d$distance[20] <- NA
  fit <- suppressMessages(lmm(distance ~ age + z + (1 | Subject), chunks(split(d, 1:3))))
  expect_message(smaller <- update(fit, . ~ . - z), "`z` is not in the model", class = "lmm_message_na")
  expect_identical(nobs(smaller), 105)
  messages <- testthat::capture_messages(update(fit, . ~ . - age))
  expect_length(grep("not in the model", messages), 0L)
})
