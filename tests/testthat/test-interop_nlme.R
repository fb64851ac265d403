sleep <- function() {
  skip_if_not_installed("lme4")
  lme4::sleepstudy
}
fits <- function() {
  d <- sleep()
  list(ours = lmm(Reaction ~ Days + (Days | Subject), d), theirs = nlme::lme(Reaction ~ Days, d, ~ Days | Subject))
}

test_that("intervals() has the limits of nlme", {
  both <- lapply(fits(), function(fit) if (inherits(fit, "lme")) nlme::intervals(fit) else
    nlme::intervals(fit, ddf = "inner-outer"))
  expect_equal(both$ours$fixed, both$theirs$fixed, tolerance = 1e-5, ignore_attr = TRUE)
  expect_identical(dimnames(both$ours$reStruct$Subject), dimnames(both$theirs$reStruct$Subject))
  expect_equal(both$ours$reStruct$Subject[1:2, ], both$theirs$reStruct$Subject[1:2, ], tolerance = 0.01)
  expect_equal(as.vector(both$ours$sigma), as.vector(both$theirs$sigma), tolerance = 1e-3)
  own <- nlme::intervals(fits()$ours)
  expect_equal(own$fixed[, "upper"], tidy(fits()$ours, effects = "fixed", conf.int = TRUE)$conf.high,
               ignore_attr = TRUE)
  expect_output(print(own), "Within-group")
  expect_named(nlme::intervals(fits()$ours, which = "fixed"), "fixed")
})

test_that("getVarCov(), getGroups(), getResponse() and ACF() are those of nlme", {
  both <- fits()
  each <- function(f) expect_equal(f(both$ours), f(both$theirs), tolerance = 1e-4, ignore_attr = TRUE)
  each(function(fit) unclass(nlme::getVarCov(fit)))
  for (type in c("conditional", "marginal")) each(function(fit) nlme::getVarCov(fit, individuals = c("309", "310"),
                                                                                type = type)[["310"]])
  each(function(fit) as.character(nlme::getGroups(fit)))
  each(function(fit) as.vector(nlme::getResponse(fit)))
  each(function(fit) as.data.frame(nlme::ACF(fit, maxLag = 4)))
  each(function(fit) as.data.frame(nlme::Variogram(fit, form = ~Days))[c("variog", "dist", "n.pairs")])
  expect_equal(nrow(nlme::Variogram(both$ours, nint = 3)), 3)
  expect_equal(nlme::Variogram(both$ours), nlme::Variogram(both$ours, form = ~ Days | Subject))
})

test_that("marginal covariance matrices count all terms and weights", {
  d <- transform(behavior_data(), w = rep(c(1, 2), 48))
  fit <- lmm(y ~ x + (1 | g) + (1 | f), d, weights = w)
  V <- nlme::getVarCov(fit, "g02", type = "marginal")[[1]]
  rows <- which(d$g == "g02")
  dense <- VarCorr(fit)$g[1] + VarCorr(fit)$f[1] * outer(d$f[rows], d$f[rows], `==`) + diag(sigma(fit)^2 / d$w[rows])
  expect_equal(V, dense, ignore_attr = TRUE)
  expect_identical(nlme::getGroups(fit, level = "f"), nlme::getGroups(fit, level = 2))
  expect_error(nlme::getGroups(fit, level = "h"), class = "lmm_error_input")
  expect_error(nlme::getVarCov(fit, "g99", type = "marginal"), class = "lmm_error_input")
  expect_error(nlme::ACF(fit, form = "x"), class = "lmm_error_input")
  expect_error(nlme::Variogram(fit, form = ~nosuch), class = "lmm_error_input")
})

test_that("fits with a residual structure: intervals, covariance matrices and groups", {
  d <- plain_orthodont()
  fit <- lmm(distance ~ age + (1 | Subject), d, residual = ~ exp(age | Subject))
  found <- nlme::intervals(fit)
  expect_named(found, c("fixed", "reStruct", "corStruct", "sigma"))
  us <- lmm(distance ~ age, d, residual = ~ us(age | Subject))
  expect_equal(unclass(nlme::getVarCov(us, "M02")[[1]]), unname(subject_covariance(us, "M02", "marginal")),
               ignore_attr = TRUE)
  peer <- nlme::gls(distance ~ age, d, correlation = nlme::corSymm(form = ~ 1 | Subject),
                    weights = nlme::varIdent(form = ~ 1 | age))
  expect_equal(nlme::getVarCov(us, "M02")[[1]], unclass(nlme::getVarCov(peer, individual = "M02")), tolerance = 1e-3,
               ignore_attr = TRUE)
  expect_identical(nlevels(nlme::getGroups(us)), 27L)
  expect_named(nlme::intervals(us), c("fixed", "corStruct"))
})

test_that("intervals() of residual structures and variance functions are those of nlme", {
  d <- as.data.frame(nlme::Ovary)
  peer <- nlme::intervals(nlme::lme(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), d,
                                    random = list(Mare = nlme::pdDiag(~ sin(2 * pi * Time))),
                                    correlation = nlme::corAR1(form = ~ 1 | Mare)))
  own <- nlme::intervals(lmm(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time) + (sin(2 * pi * Time) || Mare), d,
                             residual = ~ ar1(1 | Mare)), ddf = "inner-outer")
  for (part in c("fixed", "corStruct", "sigma")) {
    expect_equal(unname(unclass(own[[part]])), unname(unclass(peer[[part]])), tolerance = 2e-3, ignore_attr = TRUE)
  }
  expect_equal(unname(as.matrix(own$reStruct$Mare)), unname(as.matrix(peer$reStruct$Mare)), tolerance = 5e-3)
  d <- as.data.frame(nlme::BodyWeight)
  peer <- nlme::intervals(nlme::gls(weight ~ Time, d, correlation = nlme::corExp(form = ~ Time | Rat, nugget = TRUE),
                                    weights = nlme::varPower(form = ~ Time)))
  own <- nlme::intervals(lmm(weight ~ Time, d, residual = ~ exp(Time | Rat, nugget = TRUE), variance = ~ power(Time)),
                         ddf = "residual")
  names(peer)[names(peer) == "coef"] <- "fixed"
  for (part in c("fixed", "corStruct", "varStruct", "sigma")) {
    expect_equal(unname(unclass(own[[part]])), unname(unclass(peer[[part]])), tolerance = 5e-3, ignore_attr = TRUE)
  }
})
