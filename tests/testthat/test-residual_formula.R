test_that("a residual structure is read from a formula, a bare call and a variable", {
  d <- plain_orthodont()
  by_formula <- lmm(distance ~ age, d, residual = ~ ar1(visit | Subject))
  asked <- ~ ar1(visit | Subject)
  expect_equal(deviance(lmm(distance ~ age, d, residual = ar1(visit | Subject))), deviance(by_formula))
  expect_equal(deviance(lmm(distance ~ age, d, residual = asked)), deviance(by_formula))
  expect_equal(deviance(lmm(distance ~ age, d, residual = ~ (ar1(visit) | Subject))), deviance(by_formula))
})

test_that("`hom` switches between one variance and several, `/` and `by` give groups their own parameters", {
  d <- plain_orthodont()
  dev <- function(residual) deviance(do.call(lmm, list(distance ~ age, d, residual = residual)))
  expect_equal(dev(~ cs(age | Subject, hom = FALSE)), dev(~ csh(age | Subject)))
  expect_equal(dev(~ us(age | Subject, hom = TRUE)), dev(~ corr(age | Subject)))
  expect_equal(dev(~ ar1h(visit | Subject, hom = TRUE)), dev(~ ar1(visit | Subject)))
  expect_equal(dev(~ ar1(visit | Sex/Subject)), dev(~ ar1(visit | Subject, by = Sex)))
  expect_equal(dev(~ exp(age | Subject)), dev(~ ou(age | Subject)))
})

test_that("a structure that cannot be read is an error of class formula that names it", {
  d <- plain_orthodont()
  refused <- function(residual, text, class = "lmm_error_formula") {
    expect_error(do.call(lmm, list(distance ~ age, d, residual = residual)), text, class = class)
  }
  refused(~ arr1(visit | Subject), "Did you mean `ar1`", "lmm_error_formula")
  refused(~ visit, "no structure that is known")
  refused(y ~ ar1(visit | Subject), "one-sided")
  refused(~ ar1(visit | Subject, order = 2), "no argument `order`")
  refused(~ us(age | Subject, nugget = TRUE), "spatial structures")
  refused("ar1", "one-sided formula", "lmm_error_input")
  refused(~ ar1(I(age / 3) | Subject), "not whole", "lmm_error_data")
  refused(~ gau(Sex | Subject), "takes numbers", "lmm_error_data")
  refused(~ ar1(visit), "rows 1 and 5 are of one subject", "lmm_error_data")
  expect_error(lmm(distance ~ age, d, variance = ~ 1), "names no variable", class = "lmm_error_formula")
  expect_error(lmm(distance ~ age, d, residual = ~ cs(age | Subject), bounded = FALSE), class = "lmm_error_input")
})

test_that("parameters that the data cannot tell apart are an error, those at an edge a message", {
  d <- plain_orthodont()
  expect_error(lmm(distance ~ age + (1 | Subject), d, residual = ~ cs(age | Subject)), "`cov`",
               class = "lmm_error_unidentified")
  expect_error(lmm(distance ~ age + (1 | Subject), d, residual = ~ us(age | Subject)), class = "lmm_error_unidentified")
  expect_message(lmm(distance ~ age, d, residual = ~ sph(age, nugget = TRUE)), "nugget", class = "lmm_message_boundary")
})

test_that("rows without a response are dropped, and the subjects of SAS's criteria counted with them", {
  d <- plain_orthodont()
  d$distance[d$Subject == "M01"] <- NA
  fit <- suppressMessages(lmm(distance ~ age, d, residual = ~ us(age | Subject)))
  expect_identical(attr(logLik(fit, compat = "SAS"), "nobs"), 27L)
  expect_equal(nobs(fit), 104)
})

test_that("subjects without a row in the model are not counted", {
  d <- plain_orthodont()
  out <- d$Subject %in% c("M01", "F01")
  fit <- function(...) suppressMessages(lmm(distance ~ age, ..., residual = ~ cs(visit | Subject)))
  criteria <- function(fit) c(BIC(fit, compat = "SAS"), attr(logLik(fit, compat = "SAS"), "nobs"))
  expected <- criteria(fit(droplevels(d[!out, ])))
  expect_equal(expected[2L], 25)
  d$w <- as.numeric(!out)
  expect_equal(criteria(fit(d, subset = w > 0)), expected)
  expect_equal(criteria(fit(d, weights = w)), expected)
  expect_equal(criteria(fit(transform(d, age = ifelse(out, NA, age)))), expected)
  # the same model with a random intercept
  random <- lmm(distance ~ age + (1 | Subject), d, subset = w > 0)
  expect_equal(BIC(random, compat = "SAS"), expected[1L], tolerance = 1e-7)
})

test_that("visits without a position are the rows of a subject in their order", {
  d <- plain_orthodont()
  d <- d[order(d$Subject, d$age), ]
  for (word in c("cs", "us", "toep", "diag", "csh", "ad")) {
    own <- lmm(distance ~ age, d, residual = as.formula(paste0("~ ", word, "(1 | Subject)")))
    named <- lmm(distance ~ age, d, residual = as.formula(paste0("~ ", word, "(visit | Subject)")))
    expect_equal(logLik(own), logLik(named), tolerance = 1e-10, info = word)
  }
  uneven <- d[-c(4, 7, 8), ]
  expect_s3_class(lmm(distance ~ age, uneven, residual = ~ us(1 | Subject)), "lmm_fit")
})

test_that("variables that are not in the data are looked up where `residual` and `variance` were made", {
  d <- behavior_data()
  formula <- y ~ x
  place <- rev(d$t)
  size <- d$x
  square <- function(x) x
  fitted_there <- function(dd) {
    place <- dd$t
    size <- abs(dd$x) + 1
    square <- function(x) x^2
    lmm(formula, dd, residual = ~ ar1(place | g), variance = ~ square(size))
  }
  right <- lmm(y ~ x, transform(d, size = (abs(x) + 1)^2), residual = ~ ar1(t | g), variance = ~ size)
  fit <- fitted_there(d)
  expect_equal(logLik(fit), logLik(right), tolerance = 1e-9)
  expect_equal(unname(vcov(update(fit, . ~ 1))), unname(vcov(update(right, . ~ 1))), tolerance = 1e-6)
  structure <- local({
    place <- d$t
    ~ ar1(place | g)
  })
  by_hand <- logLik(lmm(y ~ x, d, residual = ~ ar1(t | g)))
  expect_equal(logLik(lmm(y ~ x, d, residual = structure)), by_hand, tolerance = 1e-9)
  expect_equal(logLik(local({
    place <- d$t
    lmm(formula, d, residual = ar1(place | g))
  })), by_hand, tolerance = 1e-9)
  expect_error(lmm(y ~ place, d, residual = structure), "`place` has different values", class = "lmm_error_formula")
})

test_that("a value in a structure that cannot be evaluated is named", {
  expect_error(lmm(y ~ x, behavior_data(), residual = ~ known(no_such_matrix)),
               "`no_such_matrix` in `residual` cannot be evaluated", class = "lmm_error_formula")
})

test_that("a matrix of positions has a coordinate in each column", {
  d <- behavior_data()
  set.seed(1)
  d$lon <- runif(96)
  d$lat <- runif(96)
  d$place <- cbind(d$lon, d$lat)
  new <- d[1:3, ]
  new[c("lon", "lat", "place")] <- list(new$lon + 1, new$lat + 1, new$place + 1)
  both <- lmm(y ~ x, d, residual = ~ exp(lon + lat | g))
  fit <- lmm(y ~ x, d, residual = ~ exp(place | g))
  expect_equal(logLik(fit), logLik(both))
  expect_equal(predict(fit, new, interval = "prediction"), predict(both, new, interval = "prediction"))
  expect_equal(logLik(lmm(y ~ x, d, residual = ~ exp(place[, 1, drop = FALSE] + lat | g))), logLik(both))
  new$place <- new$lon
  expect_error(predict(fit, new), "`place` had 2 columns in the fit", class = "lmm_error_newdata")
  for (residual in list(~ ar1(place | g), ~ us(place | g), ~ ar(place | g, p = 2), ~ arma(place | g))) {
    expect_error(lmm(y ~ x, d, residual = residual), "one variable of one column", class = "lmm_error_data")
  }
  expect_error(lmm(y ~ x, d, residual = ~ ar1(t | place)), "`place` is a matrix", class = "lmm_error_data")
  expect_error(lmm(y ~ x, d, residual = ~ exp(t | g, by = place)), "`place` is a matrix", class = "lmm_error_data")
  expect_error(lmm(y ~ x, d, variance = ~ constpower(place)), "one column", class = "lmm_error_data")
})

test_that("messages about structures name the way that there is", {
  set.seed(1)
  d <- expand.grid(t = 1:4, a = factor(1:4), b = factor(1:3))
  d$y <- rnorm(48)
  said <- function(expr, text) expect_error(expr, text, class = "lmm_error")
  said(lmm(y ~ 1, d, residual = ~fa(t | a)), "structure of random effects: write it as a term")
  said(lmm(y ~ 1 + gau(0 + t | a, dist = 3), d), "matrix of distances D")
  said(lmm(y ~ 1 + homcs(0 + factor(t) | a), d, fixed = c("cor_homcs|a" = 0.5)), "relationship")
  said(lmm(y ~ 1, d, variance = ~ a:b), "Write interaction\\(a, b\\) in place of a:b or a \\* b")
})

test_that("summary() counts the combinations of a:b that have rows, and advice for an empty combination fits", {
  set.seed(5)
  d <- expand.grid(k = 1:3, a = factor(c("p", "q")), b = factor(c("u", "v", "w")), g = factor(1:10))
  d <- d[sample(nrow(d), 120), ]
  d <- d[!(d$a == "q" & d$b == "w"), ]
  d$y <- rnorm(nrow(d), sd = as.integer(interaction(d$a, d$b))) + rnorm(10)[d$g]
  fit <- suppressMessages(lmm(y ~ 1, d, residual = ~ cs(k | a:b:g)))
  subjects <- split(d$k, interaction(d$a, d$b, d$g), drop = TRUE)
  expect_match(gsub("\\s+", " ", paste(capture.output(summary(fit)), collapse = " ")),
               paste0("\\(", length(subjects), " subjects"))
  said <- tryCatch(suppressMessages(lmm(y ~ 1 + (1 | g), d, variance = ~ a * b)), error = identity)
  expect_s3_class(said, "lmm_error_unidentified")
  expect_match(said$fix, "interaction(a, b) in place of a:b or a * b", fixed = TRUE)
  fit <- suppressMessages(lmm(y ~ 1 + (1 | g), d, variance = ~ interaction(a, b)))
  expect_identical(sum(variance_components(fit)$grp == "Residual"), nlevels(droplevels(interaction(d$a, d$b))))
})
