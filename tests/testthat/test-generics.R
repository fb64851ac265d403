d <- behavior_data()
m <- lmm(y ~ x + (1 | g), d)

test_that("generics of our own know our fits and refuse what they do not know", {
  expect_identical(ngrps(m), c(g = 12L))
  expect_false(isSingular(m))
  # with 'lme4' loaded the answer would be that of 'lme4', an error too: asked in a session without it
  refusals <- in_new_process(function(paths) {
    .libPaths(paths)
    library(henderson)
    calls <- list(quote(isSingular(1)), quote(ngrps("a")), quote(REMLcrit(NULL)), quote(getME(list(), "X")),
                  quote(refit(1, 2)), quote(refit(1)))
    lapply(calls, function(call) tryCatch(eval(call), error = function(e) c(class(e)[1], conditionMessage(e))))
  })
  expect_identical(vapply(refusals, `[`, "", 1L), rep("lmm_error_input", 6))
  expect_match(vapply(refusals, `[`, "", 2L), "has no method for")
})

test_that("fixef, ranef and VarCorr are those of nlme", {
  expect_identical(fixef, nlme::fixef)
  expect_identical(ranef, nlme::ranef)
  expect_identical(VarCorr, nlme::VarCorr)
  other <- nlme::lme(y ~ x, d, ~ 1 | g)
  expect_equal(fixef(other), fixef(m), tolerance = 1e-5)
  expect_equal(ranef(other)[[1]], ranef(m)$g[[1]], tolerance = 1e-4)
})

test_that("lme4 works beside us, whichever comes first", {
  skip_if_not_installed("lme4")
  peer <- lme4::lmer(y ~ x + (1 | g), d)
  expect_identical(ngrps(peer), lme4::ngrps(peer))
  expect_identical(isSingular(peer), lme4::isSingular(peer))
  expect_identical(getME(peer, "theta"), lme4::getME(peer, "theta"))
  expect_equal(REMLcrit(peer), lme4::REMLcrit(peer))
  expect_equal(fixef(refit(peer, d$y + 1)), fixef(lme4::refit(peer, d$y + 1)))
  expect_equal(fixef(peer), fixef(m), tolerance = 1e-6)
  # their generics on our fit
  expect_identical(lme4::ngrps(m), ngrps(m))
  expect_identical(lme4::getME(m, "theta"), getME(m, "theta"))
  expect_identical(lme4::isSingular(m), FALSE)
  expect_identical(lme4::isREML(m), TRUE)
  expect_identical(lme4::isLMM(m), TRUE)
  expect_equal(fixef(lme4::refit(m, d$y + 1)), fixef(refit(m, d$y + 1)))
  expect_false(lme4::refitML(m)$spec$reml)
})

test_that("tol of isSingular() compares relative standard deviations as lme4 does", {
  skip_if_not_installed("lme4")
  data("sleepstudy", package = "lme4", envir = environment())
  fit <- lmm(Reaction ~ Days + (Days | Subject), sleepstudy)
  peer <- lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy)
  for (tol in c(1e-4, 0.2, 0.23, 0.24, 0.9, 5)) {
    expect_identical(isSingular(fit, tol), lme4::isSingular(peer, tol), label = tol)
    expect_identical(isSingular(fit, tol = tol), isSingular(peer, tol), label = tol)
  }
  expect_identical(lme4::isSingular(fit, 5), TRUE)
  many <- lmm(cbind(a = Reaction, b = Reaction + 20 * Days * sin(as.integer(Subject))) ~ Days + (Days | Subject),
              sleepstudy)
  for (tol in c(0, 0.24, 0.7)) {
    expect_identical(unname(isSingular(many, tol)), c(isSingular(many[[1]], tol), isSingular(many[[2]], tol)))
  }
  expect_identical(isSingular(many, 0.24), c(a = TRUE, b = FALSE))
  flat <- suppressMessages(lmm(bw ~ 1 + (1 | sire), subset(sires, sire %in% c(177, 202, 203))))
  expect_true(isSingular(flat))
  expect_true(isSingular(flat, 1e-4))
  for (tol in list("a", -1, NA, NULL, 1:2)) expect_error(isSingular(fit, tol), class = "lmm_error_input", "`tol`")
  expect_error(isSingular(many, "a"), class = "lmm_error_input", "`tol`")
})

test_that("tol of isSingular() for levels with a known relationship is about their standard deviations", {
  d <- data.frame(g = gl(6, 4, labels = letters[1:6]), y = c(sin(1:24) + rep(c(2, -1, 3, 0, 1, -2), each = 4)))
  K <- tcrossprod(cbind(diag(6)[, 1:5], 0.5))
  K[6, ] <- K[, 6] <- K[5, ]
  K[6, 6] <- K[5, 5]
  dimnames(K) <- list(letters[1:6], letters[1:6])
  fit <- lmm(y ~ 1 + (1 | g), d, relationship = list(g = K))
  ratio <- min(sqrt(diag(getME(fit, "Sigma")[[1]]))) / sigma(fit)
  expect_false(isSingular(fit, 0.99 * ratio))
  expect_true(isSingular(fit, 1.01 * ratio))
})

test_that("sessions that attach lme4 before or after us both work", {
  skip_if_not_installed("lme4")
  skip_on_cran()
  script <- function(first, second) {
    paste0("library(", first, "); library(", second, ")
      d <- data.frame(y = sin(1:40), x = cos(1:40 * 2), g = gl(8, 5))
      a <- lme4::lmer(y ~ x + (1 | g), d)
      b <- suppressMessages(henderson::lmm(y ~ x + (1 | g), d))
      for (m in list(a, b)) {
        stopifnot(ngrps(m) == 8, is.logical(isSingular(m)), length(getME(m, 'theta')) == 1, length(fixef(m)) == 2,
                  nrow(ranef(m)$g) == 8, is.list(VarCorr(m)), length(fixef(refit(m, d$y + 1))) == 2)
        invisible(capture.output(print(m), print(summary(m)), print(VarCorr(m))))
      }
      cat('fine')")
  }
  for (order in list(c("lme4", "henderson"), c("henderson", "lme4"))) {
    file <- tempfile(fileext = ".R")
    writeLines(script(order[1], order[2]), file)
    out <- suppressWarnings(system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(file)), stdout = TRUE,
                                    stderr = TRUE,
                                    env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))))
    unlink(file)
    expect_match(tail(out, 1), "fine", label = paste(order, collapse = " then "))
  }
})
