d <- mk()
m <- lmm(y ~ x + (1 | g), d)

is_guarded <- function(f) is.call(body(f)) && identical(body(f)[[1L]], quote(guard))

test_that("every exported function and every method is guarded", {
  space <- asNamespace("henderson")
  names <- guarded_names(space)
  expect_true(all(c("lmm", "bootstrap", "print.lmm_fit", "getME.lmm_fit", "print.df_method", "contest.default",
                    "[.lmm_profile") %in% names))
  for (name in names) expect_true(is_guarded(space[[name]]), label = name)
})

test_that("every guarded function takes `...`, so that an argument it does not know is answered", {
  space <- asNamespace("henderson")
  others <- c("getData.lmm_fit", "rePCA.lmm_fit", "+.cross_products")   # whose generics take none
  for (name in setdiff(guarded_names(space),
                       others)) expect_true("..." %in% names(formals(space[[name]])), label = name)
})

test_that("guarding changes neither visibility, nor missing(), nor the frames that a function sees", {
  own <- function(x, y, ...) {
    if (missing(y)) return(invisible("missing"))
    list(call = match.call(), frame = parent.frame(), n = nargs(), text = deparse(substitute(x)), dots = ...length())
  }
  body(own) <- call("guard", body(own), argument_rules("own", own))
  environment(own) <- asNamespace("henderson")
  expect_false(withVisible(own(1))$visible)
  seen <- own(1 + 1, 2, 3)
  expect_identical(seen$call, quote(own(x = 1 + 1, y = 2, 3)))
  expect_identical(seen$frame, environment())
  expect_identical(seen[c("n", "text", "dots")], list(n = 3L, text = "1 + 1", dots = 1L))
})

test_that("an argument that cannot be evaluated is named", {
  refuses(anova(m, type = III), "input", c("`type` cannot be evaluated", "III"))
  refuses(print(m, digits = stop("oops")), "input", c("`digits`", "oops"))
  refuses(predict(m, re.form = no_such_thing), "input", c("`re.form`", "no_such_thing"))
  refuses(bootstrap(m, nsim = stop("oops")), "input", c("`nsim`", "oops"))
  refuses(lmm_control(decrement = stop("oops")), "input", c("`decrement`", "oops"))
})

test_that("an argument that is missing is named", {
  refuses(getME(m), "input", "`name` is missing")
  refuses(bootstrap_test(m), "input", "`small` is missing")
  refuses(bootstrap(), "input", "`fit`")
})

test_that("unknown arguments get the name that was meant", {
  refuses(bootstrap(m, R = 3), "input", c("unknown argument `R`", "Did you mean `nsim`"))
  refuses(bootstrap(m, threds = 3), "input", "Did you mean `threads`")
  refuses(lrt(m, B = 3), "input", "Did you mean `nsim`")
  refuses(anova(m, typ = 3), "input", "Did you mean `type`")
  refuses(summary(m, dff = "KR"), "input", "Did you mean `ddf`")
  refuses(ems(y ~ f + (1 | g), d, confidence = 0.9), "input", "Did you mean `level`")
  refuses(predict(m, newdta = d), "input", "Did you mean `newdata`")
  refuses(quantity(m, "icc", confidence = 0.9), "input", "Did you mean `level`")
  refuses(fixef(m, add_dropped = TRUE), "input", "Did you mean `add.dropped`")
  refuses(ranef(m, condvar = TRUE), "input", "Did you mean `condVar`")
  refuses(print(m, nonsense = 2), "input", "unknown argument `nonsense`")
  refuses(blocks(m, nonsense = 1), "input", "unknown argument `nonsense`")
  refuses(ddf_methods(m), "input", "unknown argument \\(unnamed\\)")
  refuses(vcov(m, full = TRUE, nonsense = 1), "input", "unknown argument `nonsense`")
  refuses(tidy(m, effects = "ran_pars", nonsense = 1), "input", "unknown argument `nonsense`")
})

test_that("tables of tests, quantities and influence check how they are printed, and print as before", {
  many <- lmm(cbind(a = y, b = 2 * y + x) ~ x + (1 | g), d)
  larger <- lmm(y ~ x + f + (1 | g), d)
  tables <- list(quantity(m, "icc"), quantity(many, "icc"), anova(m), anova(m, ddf = NULL), drop1(m), ranova(m),
                 suppressMessages(anova(m, larger)), backward(m)$fixed, group_influence(m), ACF(m),
                 Variogram(m, form = ~ x), anova(many), anova(ems(y ~ 1 + (1 | g), d)), logLik(many))
  for (table in tables) {
    for (digits in list(NA, "x", list(), 0, 100)) {
      refuses(print(table, digits = digits), "input", "`digits` must be one number")
    }
    if (!is.data.frame(table)) next
    known <- if (inherits(table, "anova")) c("anova", "data.frame") else "data.frame"
    expect_identical(capture.output(print(table)), capture.output(print(structure(table, class = known))))
    expect_identical(capture.output(print(table, digits = 3)),
                     capture.output(print(structure(table, class = known), digits = 3)))
    expect_identical(class(as.data.frame(table)), "data.frame")
  }
  refuses(print(anova(m), signif.stars = NA), "input", "`signif.stars`")
  refuses(print(anova(m), nonsense = 1), "input", "unknown argument `nonsense`")
  expect_output(print(quantity(m, "icc"), row.names = FALSE), "estimate")
})

test_that("`level` of nlme is answered with re.form", {
  for (level in list(0, 1, 0:1)) {
    refuses(predict(m, level = level), "input", c("`level` must be one number", "re.form = NA"))
  }
  refuses(fitted(m, level = 0), "input", c("unknown argument `level`", "re.form = NA"))
  refuses(residuals(m, level = 0), "input", "re.form = NA")
  refuses(predict(m, level = 95), "input", "write 0.95")
  expect_no_match(tryCatch(confint(m, level = 1), error = conditionMessage), "re.form")
})

test_that("a bootstrap is a data frame of its replicates", {
  found <- bootstrap(m, nsim = 3, seed = 1)
  expect_identical(as.matrix(as.data.frame(found, row.names = letters[1:3])), `rownames<-`(found$t, letters[1:3]))
  expect_identical(names(as.data.frame(found)), names(found$t0))
  refuses(as.data.frame(found, optional = 3), "input", "`optional`")
  refuses(as.data.frame(found, row.names = "a"), "input", "`row.names` must be NULL or 3 different names")
})

test_that("arguments without a meaning here that other packages give are taken", {
  expect_identical(nobs(m, use.fallback = TRUE), nobs(m))
  expect_identical(isSingular(m, tol = 1e-5), isSingular(m))
  expect_identical(coef(summary(m), complete = FALSE), coef(summary(m)))
  expect_identical(weights(m, type = "prior"), weights(m))
  expect_identical(format(m, digits = 3, justify = "left"), format(m))
  expect_output(str(list(m)), "lmm_fit")
})

# All wrong values of one kind of argument in all functions that have it.
test_that("arguments of one kind are checked in every function that has them", {
  wrong <- list(flag = list(NA, "a", 2, c(TRUE, FALSE), NULL, mean, quote(x), list(TRUE)),
                digits = list(NA, -1, 0, 1e10, "3", NULL, c(3, 4), mean, y ~ x, "a\xff"),
                level = list(0, 1, NA, 95, "a", NULL, c(0.9, 0.95), list(0.9)))
  pb <- list(lmm_fit = m, VarCorr.lmm_fit = VarCorr(m), ranef.lmm_fit = ranef(m), summary.lmm_fit = summary(m),
             variance_components = variance_components(m),
             lmm_bootstrap = bootstrap(m, nsim = 2, seed = 1), rlrt = rlrt(m, nsim = 5, seed = 1),
             ems = ems(y ~ f + (1 | g), d))
  for (name in names(pb)) for (value in wrong$digits) refuses(capture.output(print(pb[[name]],
                                                                             digits = value)), "input", "`digits`")
  for (value in wrong$flag) {
    refuses(fixef(m, add.dropped = value), "input", "`add.dropped`")
    refuses(ranef(m, drop = value), "input", "`drop`")
    refuses(vcov(m, full = value), "input", "`full`")
    refuses(update(m, evaluate = value), "input", "`evaluate`")
    refuses(print(summary(m), signif.stars = value), "input", "`signif.stars`")
  }
  for (value in wrong$level) {
    refuses(confint(m, level = value), "input", "`level`")
    refuses(plot(ranef(m), level = value), "input", "`level`")
    refuses(tidy(m, conf.level = value), "input", "`conf.level`")
  }
  for (value in list(mean, 3, NULL, NA, NA_character_, list("sd"), quote(x), character(), "a\xff")) {
    refuses(variance_components(m, scale = value), "input", "`scale`")
    refuses(confint(m, method = value), "input", "`method`")
    refuses(residuals(m, type = value), "input", "`type`")
    refuses(getME(m, value), "input", "`name`")
    refuses(as.data.frame(VarCorr(m), order = value), "input", "`order`")
  }
})

# Both names of the confidence level, in every function that has one of them.
test_that("`level` and `conf.level` are the same argument everywhere", {
  home <- asNamespace("henderson")
  doors <- Filter(function(f) is.function(f) && is_guarded(f), mget(ls(home, all.names = TRUE), home))
  with_level <- Filter(function(f) length(intersect(c("level", "conf.level"), names(formals(f)))) == 1L, doors)
  with_level[["getGroups.lmm_fit"]] <- NULL
  expect_gt(length(with_level), 25)
  untaken <- Filter(function(f) is.null(body(f)[[3L]]$level), with_level)
  expect_identical(names(untaken), character())
  many <- refit(m, cbind(a = d$y, b = rev(d$y)))
  draws <- posterior(m, draws = 100, seed = 1)
  pb <- bootstrap(m, nsim = 99, seed = 1)
  L <- c(0, 1)
  calls <- alist(
    confint(m, level = 0.8, quiet = TRUE), confint(pb, level = 0.8), confint(ems(m), level = 0.8),
    confint(profile(m), level = 0.8), predict(m, d[1:2, ], interval = "confidence", level = 0.8),
    predict_mean(m, d[1:2, ], level = 0.8), tidy(m, conf.int = TRUE, level = 0.8),
    tidy(pb, conf.int = TRUE, level = 0.8), tidy(ems(m), effects = "ran_pars", level = 0.8),
    tidy(draws, conf.int = TRUE, level = 0.8),
    tidy(many, conf.int = TRUE, level = 0.8), summary(draws, level = 0.8), quantity(draws, "icc", level = 0.8),
    quantity(m, "icc", level = 0.8), quantity(ems(m), "icc", level = 0.8), quantity(many, "icc", level = 0.8),
    contest(m, L, joint = FALSE, level = 0.8), contest(draws, L, level = 0.8),
    contest(many, L, joint = FALSE, level = 0.8), predictable(m, L, level = 0.8), ems(m, level = 0.8),
    tolerance_interval(m, d[1:2, ], level = 0.8))
  for (call in calls) {
    other <- wide <- call
    names(other)[names(other) == "level"] <- "conf.level"
    wide$level <- 0.95
    expect_equal(suppressMessages(eval(other)), suppressMessages(eval(call)), label = deparse1(other))
    expect_false(isTRUE(all.equal(suppressMessages(eval(wide)), suppressMessages(eval(call)))), label = deparse1(wide))
    wrong <- other
    wrong$conf.level <- 80
    refuses(eval(wrong), "input", "`conf.level`")
    other$level <- 0.9
    refuses(eval(other), "input", "same argument")
  }
})

test_that("generics of other packages and plots take both names of the confidence level", {
  by_both <- function(call) {
    other <- call
    names(other)[names(other) == "level"] <- "conf.level"
    expect_equal(suppressMessages(eval(other)), suppressMessages(eval(call)), label = deparse1(other))
  }
  if (requireNamespace("lmerTest", quietly = TRUE)) {
    by_both(quote(lmerTest::contest1D(m, c(0, 1), confint = TRUE, level = 0.8)))
  }
  if (requireNamespace("lmtest", quietly = TRUE)) by_both(quote(lmtest::coefci(m, level = 0.8)))
  if (requireNamespace("nlme", quietly = TRUE)) by_both(quote(nlme::intervals(m, level = 0.8)))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_silent(plot(bootstrap(m, nsim = 9, seed = 1), conf.level = 0.8))
  expect_silent(plot(ems(m), conf.level = 0.8))
  expect_silent(plot(ranef(m), conf.level = 0.8))
  expect_silent(plot_effects(m, "x", conf.level = 0.8))
  expect_silent(plot(posterior(m, draws = 100, seed = 1), "intervals", conf.level = 0.8))
})

test_that("single arguments of the wrong kind are named", {
  refuses(format(VarCorr(m), comp = "nonsense"), "input", "`comp`")
  refuses(as.data.frame(VarCorr(m), row.names = list(1)), "input", "`row.names`")
  refuses(as.data.frame(ranef(m), row.names = "a"), "input", "`row.names`")
  refuses(ranef(m, whichel = 3), "input", "`whichel`")
  refuses(update(m, NA), "input", "`formula.` must be a formula")
  refuses(confint(m, parm = mean), "input", "`parm`")
  refuses(confint(m, parm = c(1, -1)), "input", "`parm`")
  refuses(vcov(m, type = "a\xff"), "input", "`type`")
  refuses(getME(m, globalenv()), "input", "`name`")
  refuses(lrt(m, nsim = 1e-3), "input", "`nsim`")
})

test_that("other errors leave as conditions of the package that hold them; time limits pass", {
  own <- function(x, ...) x()
  body(own) <- call("guard", body(own), argument_rules("own", own))
  environment(own) <- asNamespace("henderson")
  seen <- tryCatch(own(function() stop("from\n  inside")), error = identity)
  expect_s3_class(seen, c("lmm_error_internal", "lmm_error", "lmm_condition"), exact = FALSE)
  expect_match(conditionMessage(seen), "from inside")
  expect_identical(conditionMessage(seen$value), "from\n  inside")
  seen <- tryCatch(own(function() stop("cannot allocate vector of size 67.2 Gb")), error = identity)
  expect_s3_class(seen, "lmm_error_numeric")
  seen <- tryCatch(own(function() stop("reached elapsed time limit")), error = identity)
  expect_identical(class(seen), c("simpleError", "error", "condition"))
  own <- tryCatch(own(function() lmm_abort("data", "of our own")), error = identity)
  expect_s3_class(own, "lmm_error_data")
})

test_that("generics hand over only what the other package knows", {
  skip_if_not_installed("lme4")
  requireNamespace("lme4")
  for (f in list(isSingular, ngrps, REMLcrit, refit, function(x) getME(x, "X"))) {
    refuses(f(3), "input", "no method")
    refuses(f(lm(y ~ x, d)), "input", "no method")
  }
})

test_that("a fit that was used before and is changed in place is looked at again", {
  damages <- list(quote(fit$estimates$beta <- fit$estimates$beta[-1L]), quote(fit$estimates$vcov <- "text"),
                  quote(fit$estimates$beta[2L] <- NA), quote(fit$estimates$sigma <- -1),
                  quote(fit$optimum$theta <- NULL),
                  quote(names(fit$estimates$beta)[2L] <- "other"), quote(dim(fit$estimates$vcov) <- NULL),
                  quote(fit$frame$random[[1L]]$label <- 1), quote(fit$cross_products$x$kept[1L] <- 9L),
                  quote(fit$rows$data <- fit$rows$data[-1L, ]), quote(class(fit$spec$formula) <- NULL),
                  quote(fit$control$keep_rows <- NA), quote(fit$optimum$singular[1L] <- NA))
  for (damage in damages) {
    fit <- lmm(yield ~ treat + (1 | blend), penicillin)
    expect_s3_class(summary(fit), "summary.lmm_fit")
    eval(damage)
    expect_error(summary(fit), class = "lmm_error_input", label = deparse(damage))
  }
  expect_s3_class(anova(lmm(yield ~ treat + (1 | blend), penicillin)), "anova")
})
