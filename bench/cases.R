# What is compared. A case has
#   name, title   the word for the command line, the words for the table
#   data()        a list of what both sides are given; made once, from a fixed seed, not timed
#   ours, peer    functions of that list; what they take is what is compared. No peer: NULL
#   package       the peer's package, or the one that has the data
#   needs         another package that the peer cannot do without
#   differ(a, b)  how far the two results are apart, with a name that says in what; NULL where they answer different
#   questions repeats       calls in one timing, for what is too short for the clock
#   scale         how much less work the peer is given, to be multiplied out (and said in the title)
#   runs          pairs of timings
#   memory        is peak memory compared?

new_case <- function(name, title, data, ours, peer, package, differ, runs, repeats = c(1, 1), scale = 1,
                     memory = FALSE, needs = NULL) {
  list(name = name, title = title, data = data, ours = ours, peer = peer, package = package, needs = needs,
       differ = differ,
       runs = runs, repeats = repeats, scale = scale, memory = memory)
}

is_installed <- function(packages) all(vapply(packages, requireNamespace, NA, quietly = TRUE))

# Ours minus the peer's -2 log (restricted) likelihood: negative where ours is the better optimum.
criterion_difference <- function(ours, peer) {
  c(`-2 log L` = -2 * (as.numeric(stats::logLik(ours)) - as.numeric(stats::logLik(peer))))
}

# The largest of these for many responses. The criterion that lme4's refit() stores is off by a constant (in 1.1-31),
# so it is taken from the parts, at the parameters that it found.
refit_difference <- function(ours, peer) {
  theirs <- vapply(peer, function(fit) {
    parts <- lme4::getME(fit, "devcomp")$cmp
    nu <- stats::nobs(fit) - length(lme4::fixef(fit))
    parts[["ldL2"]] + parts[["ldRX2"]] + nu * (1 + log(2 * pi * parts[["pwrss"]] / nu))
  }, 0)
  gap <- ours$criterion[seq_along(peer)] - theirs
  c(`-2 log L` = gap[which.max(abs(gap))])
}

from_lme4 <- function(name) {
  place <- new.env()
  utils::data(list = name, package = "lme4", envir = place)
  place[[name]]
}

penicillin <- new_case(
  "penicillin", "penicillin, 20 rows, whole call",
  data = function() list(rows = henderson::penicillin),
  ours = function(x) henderson::lmm(yield ~ treat + (1 | blend), x$rows),
  peer = function(x) lme4::lmer(yield ~ treat + (1 | blend), x$rows),
  package = "lme4", differ = criterion_difference, runs = 15, repeats = c(50, 50))

evaluations <- new_case(
  "insteval", "InstEval, 73421 rows, `y ~ service + (1 | s) + (1 | d) + (1 | dept)`",
  data = function() list(rows = from_lme4("InstEval")),
  ours = function(x) henderson::lmm(y ~ service + (1 | s) + (1 | d) + (1 | dept), x$rows),
  peer = function(x) lme4::lmer(y ~ service + (1 | s) + (1 | d) + (1 | dept), x$rows),
  package = "lme4", differ = criterion_difference, runs = 5, memory = TRUE)

slopes <- new_case(
  "slopes", "10^6 rows, 10^5 groups, `y ~ x + (x | g)`",
  data = function() {
    set.seed(20)
    n <- 1e6
    groups <- 1e5
    g <- sample.int(groups, n, TRUE)
    x <- stats::rnorm(n)
    y <- 1 + 0.5 * x + stats::rnorm(groups)[g] + 0.5 * stats::rnorm(groups)[g] * x + stats::rnorm(n)
    list(rows = data.frame(y, x, g))
  },
  ours = function(x) henderson::lmm(y ~ x + (x | g), x$rows),
  peer = function(x) lme4::lmer(y ~ x + (x | g), x$rows),
  package = "lme4", differ = criterion_difference, runs = 3, memory = TRUE)

# The peer refits a tenth of the responses.
refits <- new_case(
  "refit", "sleepstudy, 1000 responses by refit (lme4: loop over 100, times 10)",
  data = function() {
    rows <- from_lme4("sleepstudy")
    ours <- henderson::lmm(Reaction ~ Days + (Days | Subject), rows)
    peer <- lme4::lmer(Reaction ~ Days + (Days | Subject), rows)
    list(ours = ours, peer = peer, responses = as.matrix(stats::simulate(peer, 1000, seed = 21)))
  },
  ours = function(x) henderson::refit(x$ours, x$responses),
  peer = function(x) suppressMessages(suppressWarnings(
    lapply(seq_len(100), function(j) lme4::refit(x$peer, x$responses[, j])))),
  package = "lme4", differ = refit_difference,
  runs = 5, repeats = c(10, 1), scale = 10)

tall <- new_case(
  "tall", "10^7 rows, 10^5 groups, `y ~ x1 + x2 + (1 | g)`; compared with `lm(y ~ x1 + x2)`",
  data = function() {
    set.seed(22)
    n <- 1e7
    g <- sample.int(1e5, n, TRUE)
    x1 <- stats::rnorm(n)
    x2 <- stats::runif(n)
    list(rows = data.frame(y = 1 + x1 - x2 + stats::rnorm(1e5)[g] + stats::rnorm(n), x1, x2, g))
  },
  ours = function(x) henderson::lmm(y ~ x1 + x2 + (1 | g), x$rows),
  peer = function(x) stats::lm(y ~ x1 + x2, x$rows),
  package = "stats", differ = NULL, runs = 5, memory = TRUE)

fitting_cases <- list(penicillin, evaluations, slopes, refits, tall)
