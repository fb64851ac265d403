# Cases of tests and intervals. All fits are made in data(): what is timed is the question asked of them.

# The largest relative difference of two arrays.
apart <- function(ours, theirs) max(abs(unname(as.matrix(ours)) / unname(as.matrix(theirs)) - 1))

kenward_roger <- new_case(
  "kr", "Kenward-Roger anova, 50 subjects x 20 items, `y ~ a * x + (x | s) + (1 | item)`",
  data = function() {
    set.seed(31)
    rows <- expand.grid(s = factor(1:50), item = factor(1:20))
    rows$a <- factor(as.integer(rows$item) %% 2)
    rows$x <- stats::rnorm(1000)
    rows$y <- stats::rnorm(50)[rows$s] + 0.5 * stats::rnorm(50)[rows$s] * rows$x + 0.7 * stats::rnorm(20)[rows$item] +
      0.3 * rows$x + stats::rnorm(1000)
    model <- y ~ a * x + (x | s) + (1 | item)
    list(ours = henderson::lmm(model, rows), peer = if (is_installed("lmerTest")) lmerTest::lmer(model, rows))
  },
  ours = function(x) stats::anova(x$ours, ddf = "Kenward-Roger"),
  peer = function(x) stats::anova(x$peer, ddf = "Kenward-Roger"),
  package = "lmerTest", needs = "pbkrtest", differ = function(a, b) c(`DenDF, relative` = apart(a$DenDF, b$DenDF)),
  runs = 3, repeats = c(100, 1))

kenward_roger_large <- new_case(
  "kr-insteval", "Kenward-Roger anova of InstEval",
  data = function() {
    rows <- from_lme4("InstEval")
    list(ours = henderson::lmm(y ~ service + (1 | s) + (1 | d) + (1 | dept), rows))
  },
  ours = function(x) stats::anova(x$ours, ddf = "Kenward-Roger"),
  peer = NULL, package = "lme4", differ = NULL, runs = 3, memory = TRUE)

profile_limits <- new_case(
  "profile", "profile limits of all parameters, sleepstudy, `Reaction ~ Days + (Days | Subject)`",
  data = function() {
    rows <- from_lme4("sleepstudy")
    model <- Reaction ~ Days + (Days | Subject)
    list(ours = henderson::lmm(model, rows), peer = if (is_installed("lme4")) lme4::lmer(model, rows))
  },
  ours = function(x) stats::confint(x$ours),
  peer = function(x) suppressMessages(suppressWarnings(stats::confint(x$peer, method = "profile", quiet = TRUE))),
  package = "lme4", runs = 5, repeats = c(50, 1),
  differ = function(a, b) c(`limits, relative` = apart(a[c(".sig01", ".sigma", "(Intercept)", "Days"), ],
                                                       b[c(".sig01", ".sigma", "(Intercept)", "Days"), ])))

# The peer simulates a fifth of the responses.
bootstrap_ratio <- new_case(
  "bootstrap", "bootstrap likelihood ratio test, penicillin, 1000 responses (pbkrtest: 200, times 5)",
  data = function() {
    rows <- henderson::penicillin
    large <- yield ~ treat + (1 | blend)
    small <- yield ~ 1 + (1 | blend)
    out <- list(large = henderson::lmm(large, rows, REML = FALSE), small = henderson::lmm(small, rows, REML = FALSE))
    if (is_installed("lme4")) {
      out$peer_large <- lme4::lmer(large, rows, REML = FALSE)
      out$peer_small <- lme4::lmer(small, rows, REML = FALSE)
    }
    out
  },
  ours = function(x) henderson::bootstrap_test(x$large, x$small, nsim = 1000, seed = 23),
  peer = function(x) suppressMessages(suppressWarnings(
    pbkrtest::PBmodcomp(x$peer_large, x$peer_small, nsim = 200, seed = 23))),
  package = "pbkrtest", scale = 5, runs = 3, repeats = c(5, 1),
  differ = function(a, b) c(p = a$test["PBtest", "p.value"] - b$test["PBtest", "p.value"]))

# The spectrum of an unbalanced design has as many eigenvalues as there are groups.
exact_case <- function(name, groups, sizes) {
  new_case(
    name, paste0("exact restricted likelihood ratio test, 10000 draws, ", groups, " groups of ", min(sizes), " to ",
                 max(sizes),
                 " rows, `y ~ x + (1 | g)`"),
    data = function() {
      set.seed(24)
      g <- factor(rep(seq_len(groups), rep_len(sizes, groups)))
      x <- stats::rnorm(length(g))
      rows <- data.frame(y = 1.5 * stats::rnorm(groups)[g] + stats::rnorm(length(g)), x, g)
      list(ours = henderson::lmm(y ~ x + (1 | g), rows),
           peer = if (is_installed("lme4")) lme4::lmer(y ~ x + (1 | g), rows))
    },
    ours = function(x) henderson::rlrt(x$ours, nsim = 10000, seed = 25),
    peer = function(x) suppressMessages(RLRsim::exactRLRT(x$peer, nsim = 10000, seed = 25)),
    package = "RLRsim", differ = function(a, b) c(p = unname(a$p.value - b$p.value)), runs = 7,
    repeats = c(20, 5))
}

exact_large <- new_case(
  "rlrt-insteval", "exact restricted likelihood ratio tests of the three terms of InstEval, 10000 draws each",
  data = kenward_roger_large$data,
  ours = function(x) vapply(c("s", "d", "dept"), function(term) {
    henderson::rlrt(x$ours, term, nsim = 10000, seed = 26)$p.value
  }, 0),
  peer = NULL, package = "lme4", differ = NULL, runs = 3)

inference_cases <- list(kenward_roger, kenward_roger_large, profile_limits, bootstrap_ratio,
                        exact_case("rlrt-5", 5, 2:6), exact_case("rlrt-15", 15, 2:6), exact_case("rlrt-30", 30, 1:6),
                        exact_case("rlrt-100", 100, 1:8), exact_large)
