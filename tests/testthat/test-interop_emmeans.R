skip_if_not_installed("emmeans")

means <- function(fit, ...) as.data.frame(suppressMessages(emmeans::emmeans(fit, ...)))

test_that("estimated marginal means have the degrees of freedom of the method", {
  d <- behavior_data()[-sample(96, 20), ]
  fit <- lmm(y ~ f + x + (1 | g), d)
  for (ddf in c("Satterthwaite", "Kenward-Roger", "residual", "asymptotic")) {
    grid <- means(fit, ~f, ddf = ddf)
    L <- cbind(1, rbind(0, diag(3)), mean(d$x))
    rows <- contest(fit, L, joint = FALSE, ddf = ddf)
    expect_equal(grid$emmean, rows$Estimate)
    expect_equal(grid$SE, rows$`Std. Error`)
    expect_equal(grid$df, rows$df)
  }
  ml <- update(fit, REML = FALSE)
  expect_no_message(emmeans::emmeans(ml, ~f, ddf = "Kenward-Roger"), class = "lmm_message_refit")
  expect_equal(means(fit, ~f, lmer.df = "kenward-roger"), means(fit, ~f, ddf = "Kenward-Roger"))
  expect_equal(means(fit, ~f, mode = "asymptotic"), means(fit, ~f, ddf = "asymptotic"))
  expect_true(all(is.infinite(means(fit, ~f, mode = "asymptotic")$df)))
  expect_equal(means(fit, ~f, vcov. = vcov(fit, type = "CR2", cluster = ~g))$SE[1],
               sqrt(drop(L[1, ] %*% vcov(fit, type = "CR2", cluster = ~g) %*% L[1, ])))
})

test_that("the method goes by any of its names, with its options", {
  fit <- lmm(y ~ f + x + (1 | g), behavior_data())
  expect_true(all(is.infinite(means(fit, ~f, mode = "asymptotic")$df)))
  expect_equal(means(fit, ~f, mode = "kenward-roger"), means(fit, ~f, ddf = "Kenward-Roger"))
  L <- cbind(1, rbind(0, diag(3)), mean(behavior_data()$x))
  rows <- contest(fit, L, joint = FALSE, ddf = "cluster-robust", cluster = ~g)
  robust <- means(fit, ~f, ddf = "cluster-robust", cluster = ~g)
  expect_equal(robust$SE, rows$`Std. Error`)
  expect_equal(robust$df, rows$df)
  expect_error(means(fit, ~f, vcov. = diag(2)), "2 rows for 5 coefficients", class = "lmm_error_input")
  expect_error(means(fit, ~f, vcov. = "CR2"), class = "lmm_error_input")
  expect_error(means(fit, ~f, mode = "exact"), "`ddf`", class = "lmm_error_input")
})

test_that("emm_options() and the modes of other packages are understood", {
  fit <- lmm(y ~ f + x + (1 | g), behavior_data()[-(1:9), ])
  old <- options(emmeans = NULL)
  on.exit(options(old))
  own <- means(fit, ~f)
  for (mode in c("link", "response")) expect_equal(means(fit, ~f, mode = mode), own)
  emmeans::emm_options(lmer.df = "asymptotic")
  expect_true(all(is.infinite(means(fit, ~f)$df)))
  expect_equal(means(fit, ~f, ddf = "Satterthwaite"), own)
  emmeans::emm_options(lmer.df = "kenward-roger")
  expect_equal(means(fit, ~f), means(fit, ~f, ddf = "Kenward-Roger"))
})

test_that("means that cannot be estimated are not", {
  d <- irrigation[!(irrigation$irrigation == "i2" & irrigation$variety == "v2"), ]
  fit <- suppressMessages(lmm(yield ~ irrigation * variety + (1 | field), d))
  grid <- means(fit, ~ irrigation * variety)
  expect_identical(which(is.na(grid$emmean)), 6L)
  expect_equal(sum(!is.na(grid$df)), 7)
})

test_that("means are those of the peers", {
  skip_if_not_installed("lme4")
  skip_if_not_installed("lmerTest")
  skip_if_not_installed("pbkrtest")
  d <- transform(behavior_data(), z = rep(1:6, 16))[-sample(96, 20), ]
  formula <- y ~ f * log(z) + poly(x, 2) + (1 | g)
  fit <- lmm(formula, d)
  peer <- lme4::lmer(formula, d)
  for (ddf in c("satterthwaite", "kenward-roger")) {
    mine <- means(fit, ~f, ddf = ddf)
    theirs <- means(peer, ~f, lmer.df = ddf)
    expect_equal(as.matrix(mine[, -1]), as.matrix(theirs[, -1]), tolerance = 1e-5)
  }
})

test_that("means of an exact fit have no degrees of freedom", {
  exact <- suppressWarnings(suppressMessages(lmm(as.numeric(f) ~ f + (1 | g), behavior_data())))
  grid <- means(exact, ~f)
  expect_equal(grid$emmean, as.numeric(1:4))
  expect_true(all(is.na(c(grid$SE, grid$df))))
})

test_that("means of fits to cells include the mean of the offset, or say that it is not known", {
  d <- cells_data()
  d$h[nrow(d)] <- "a"
  d$o <- d$o + 5
  parts <- chunks(split(d, rep_len(1:3, nrow(d))))
  for (f in list(y ~ x + h + (1 | g), y ~ x + h + offset(o) + (1 | g))) {
    own <- function(data) if (length(attr(terms(f), "offset"))) lmm(f, data) else lmm(f, data, offset = o)
    cells <- own(parts)
    expect_error(emmeans::emmeans(cells, ~h), "the mean of the offset is not known")
    expected <- as.data.frame(emmeans::emmeans(own(d), ~h))
    expect_equal(as.data.frame(emmeans::emmeans(cells, ~h, data = d)), expected, tolerance = 1e-6)
    with_missing <- rbind(d[1:4, ], d)
    with_missing$o[1:2] <- NA
    with_missing$x[3:4] <- NA
    expect_equal(as.data.frame(emmeans::emmeans(cells, ~h, data = with_missing)), expected, tolerance = 1e-6)
  }
})

test_that("numeric variables of fits to cells with weights are at their weighted means, which is said", {
  d <- cells_data()
  d$h[nrow(d)] <- "a"
  d$w <- exp((d$x - 50) / 10)
  cells <- lmm(y ~ x + h + (1 | g), chunks(split(d, rep_len(1:3, nrow(d)))), weights = w)
  rows <- lmm(y ~ x + h + (1 | g), d, weights = w)
  expect_message(found <- as.data.frame(emmeans::emmeans(cells, ~h)), "`x` is set to the weighted mean",
                 class = "lmm_message_weights")
  expect_equal(found, as.data.frame(emmeans::emmeans(rows, ~h, at = list(x = weighted.mean(d$x, d$w)))),
               tolerance = 1e-6)
  expect_equal(as.data.frame(expect_silent(emmeans::emmeans(cells, ~h, data = d))),
               as.data.frame(emmeans::emmeans(rows, ~h)), tolerance = 1e-6)
})
