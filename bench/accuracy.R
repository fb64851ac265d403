# The two comparisons of results in README.md: Rscript bench/accuracy.R

suppressPackageStartupMessages(library(henderson))
if (!requireNamespace("lme4", quietly = TRUE)) stop("the peer, package lme4, is not installed", call. = FALSE)
utils::data("sleepstudy", package = "lme4")

# ---- the origin of a covariate ----

maxima <- function(shift) {
  rows <- transform(sleepstudy, Days = Days + shift)
  peer <- suppressMessages(suppressWarnings(lme4::lmer(Reaction ~ Days + (Days | Subject), rows, REML = FALSE)))
  c(henderson = as.numeric(logLik(lmm(Reaction ~ Days + (Days | Subject), rows, REML = FALSE))),
    lme4 = as.numeric(logLik(peer)))
}
shifts <- c(0, 20, 200, 2000, 2e6)
table <- vapply(shifts, maxima, c(henderson = 0, lme4 = 0))
colnames(table) <- format(shifts, scientific = FALSE, trim = TRUE)
cat("Largest log-likelihood of Reaction ~ Days + (Days | Subject), days counted from another day:\n")
print(round(table, 3))

# ---- warnings about convergence ----

warnings_of <- function(fitter, response) {
  count <- 0
  rows <- transform(sleepstudy, Reaction = response)
  withCallingHandlers(
    suppressMessages(fitter(Reaction ~ Days + (Days | Subject), rows)),
    warning = function(w) {
      count <<- count + 1
      invokeRestart("muffleWarning")
    })
  count
}
fit <- lmm(Reaction ~ Days + (Days | Subject), sleepstudy)
responses <- simulate(fit, 300, seed = 1)
count <- c(henderson = sum(vapply(responses, warnings_of, 0, fitter = lmm) > 0),
           lme4 = sum(vapply(responses, warnings_of, 0, fitter = lme4::lmer) > 0))
cat("\nFits with a warning, of 300 responses simulated on the design of sleepstudy:\n")
print(count)

decrements <- vapply(responses, function(y) {
  found <- suppressMessages(lmm(Reaction ~ Days + (Days | Subject), transform(sleepstudy, Reaction = y)))$optimum
  c(found$status == "converged", found$decrement)
}, c(0, 0))
cat("\nConverged: ", sum(decrements[1, ]), "; largest half Newton decrement: ",
    format(max(decrements[2, ]), digits = 2), "\n",
    "lme4 ", format(utils::packageVersion("lme4")), "\n", sep = "")
