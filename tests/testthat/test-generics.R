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
