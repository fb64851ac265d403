# Arguments of the methods that are no values, or of the wrong kind: one error of class lmm_error_input each, which
# names the argument.

d <- mk()
m <- lmm(y ~ x + (1 | g), d)
wide <- lmm(y ~ f + x + (1 | g), d)

refused_argument <- function(expr, name) {
  refuses(expr, "input", name)
}

test_that("functions of a fit refuse what is none", {
  other <- lm(y ~ x, d)
  calls <- list(rlrt = rlrt, lrt = lrt, bootstrap = bootstrap, quantity = function(x) quantity(x, "icc"),
                vcov_components = vcov_components,
                variance_components = variance_components, anova_hypotheses = anova_hypotheses, blocks = blocks,
                ranova = ranova,
                backward = backward, predictable = function(x) predictable(x, 1), contest = function(x) contest(x, 1))
  for (name in names(calls)) {
    refused_argument(calls[[name]](5), "must be a fit made by lmm\\(\\), not a numeric vector")
    refused_argument(calls[[name]](other), "must be a fit made by lmm\\(\\), not an object of class lm")
  }
})

test_that("contest(): hypotheses that are none", {
  refused_argument(contest(m), "`L`")
  refused_argument(contest(m, NULL), "`L`")
  refused_argument(contest(m, "x"), "`L`")
  refused_argument(contest(m, c(NA, 1)), "`L` has missing")
  refused_argument(contest(m, array(0, c(1, 2, 2))), "not an array")
  refused_argument(contest(m, list(c(0, 1), c(1, 0, 1))), "different lengths")
  refused_argument(contest(m, rbind(c(0, 1), 0), joint = FALSE), "row 2 of `L` is zero")
  refused_argument(contest(m, c(0, 0)), "`L`")
  refused_argument(contest(m, c(X = 1)), c("`X`", "Did you mean `x`"))
  refused_argument(contest(m, c(0, 1), rhs = "a"), "`rhs`")
  refused_argument(contest(m, c(0, 1), joint = NA), "`joint`")
  same <- contest(m, c(0, 1), joint = FALSE)
  for (L in list(list(c(0, 1)), data.frame(a = 0, b = 1), data.frame(x = 1), c(x = 1))) {
    expect_equal(accepts(contest(m, L, joint = FALSE)), same, ignore_attr = TRUE)
  }
})

test_that("\"KR\" is the method of Kenward and Roger", {
  expect_identical(contest(m, c(0, 1), ddf = "KR"), contest(m, c(0, 1), ddf = "Kenward-Roger"))
  expect_identical(ddf_method("kr", information = "observed"), ddf_method("Kenward-Roger", information = "observed"))
  refused_argument(summary(m, ddf = "K-S"), "`ddf` must be one of")
})

test_that("step, drop1, tests and bootstrap: arguments", {
  refused_argument(backward(m, alpha.random = "a"), "`alpha.random`")
  refused_argument(backward(m, alpha.fixed = 5), "`alpha.fixed`")
  refused_argument(backward(m, keep = "nosuch"), "`keep`")
  refused_argument(drop1(m, scope = 5), "`scope`")
  refused_argument(drop1(m, k = "a"), "`k`")
  refused_argument(anova_hypotheses(m, type = 9), "`type`")
  refused_argument(ems(m, type = 4), "`type`")
  refused_argument(rlrt(m, seed = "a"), "`seed`")
  refused_argument(rlrt(m, nsim = 0), "`nsim`")
  for (alpha in list(0, 1, "a")) refused_argument(profile(m, alphamax = alpha), "`alphamax`")
  refused_argument(vcov(m, type = "CR2", cluster = ~ nosuch), "`nosuch` of `cluster` not found")
  d$gap <- replace(as.integer(d$g), 3, NA)
  refused_argument(vcov(lmm(y ~ x + (1 | g), d), type = "CR2", cluster = ~ gap),
                   c("`gap`", "missing values \\(row 3\\)"))
})

test_that("bootstrap(): statistics that are none", {
  refused_argument(bootstrap(m, "a", 3), "`statistic`")
  refused_argument(bootstrap(m, function(s) stop("oops"), 3), c("`statistic`", "oops"))
  refused_argument(bootstrap(m, function(s) "a", 3), "`statistic` must return numbers")
  refused_argument(bootstrap(m, function(s) numeric(), 3), "`statistic` must return numbers")
  b <- accepts(bootstrap(m, nsim = 1, seed = 1))
  expect_output(print(b), "with 1 refit ")
  refused_argument(confint(b, "foo"), "`parm`")
  refused_argument(confint(b, 7), "`parm`")
  expect_identical(confint(b, "x"), confint(b, 4))
})

test_that("chi-square limits that no number holds are missing", {
  m <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | f), d))
  limits <- accepts(confint(m, method = "chisq", quiet = TRUE))
  expect_false(any(is.infinite(limits) | is.nan(limits)))
})

test_that("what other fitting functions call an argument is answered with ours", {
  refused_argument(lmm(y ~ x + (1 | g), d, method = "ML"), "REML = FALSE")
  refused_argument(lmm(y ~ x, d, random = ~ 1 | g), "Random terms belong in the formula")
  for (name in c("cor", "corr", "correlation")) {
    refused_argument(do.call(lmm, c(list(y ~ x + (1 | g), d), stats::setNames(list(1), name))), "residual = ~ ar1")
  }
  refused_argument(lmm(y ~ x + (1 | g), d, weights = nlme::varIdent(form = ~ 1 | f)), "variance = ~ group")
  refused_argument(lmm(y ~ x, d, residual = "unstructured"), c("one-sided formula", "residual = ~ us"))
  refused_argument(anova(m, method = "KR"), "Did you mean `type`")
})

test_that("a connection, a writer that is no function and a missing test are named", {
  path <- tempfile(fileext = ".csv")
  on.exit(unlink(path))
  utils::write.csv(d, path)
  for (read in list(file(path), gzfile(path))) {
    refused_argument(lmm(y ~ x + (1 | g), read), c("is a connection", "chunks"))
    refused_argument(chunks(read), "not a connection")
    close(read)
  }
  refused_argument(predict(m, d, write = "out.csv"), "`write` must be a function")
  refused_argument(power_study(m, newparams = c(x = 1)), "`test` is missing")
  expect_error(check_joint_size(5e4, 1e9), "ranef\\(fit, pev = TRUE\\)", class = "lmm_error_numeric")
})
