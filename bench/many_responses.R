# Many responses of one design beside a loop over single fits: Rscript bench/many_responses.R [--responses=20000]
# [--threads=2] [--loop=50] [--all]
#
# expression: 20000 responses, 200 rows, y ~ trt + age + (1 | donor), fits and Satterthwaite tests; crossed: two crossed
# factors of 50 and 8 levels. The loop is lmerTest::lmer() and summary() on the first responses, its time multiplied;
# CPU times are those of all threads together. With --all each response is compared with its own lmm(): the largest
# relative differences of coefficients, standard errors, degrees of freedom and criterion. Both include singular
# responses and, for --all, responses with missing values.

library(henderson)

arguments <- commandArgs(TRUE)
option <- function(name, default) as.integer(c(sub(paste0("--", name, "="), "",
                                                   grep(paste0("^--", name, "="), arguments, value = TRUE)),
                                                   default)[1L])
m <- option("responses", 20000)
threads <- option("threads", 2)
loop <- option("loop", 50)

set.seed(1)
donors <- 40
expression <- data.frame(donor = factor(rep(seq_len(donors), each = 5)),
                         trt = factor(rep_len(c("control", "drug"), 200)),
                         age = rep(round(runif(donors, 20, 70)), each = 5))
crossed <- expand.grid(item = factor(1:8), subject = factor(1:50))
crossed$x <- rnorm(400)

responses_of <- function(data, groups, m) {
  Y <- matrix(rnorm(nrow(data) * m), nrow(data))
  for (g in groups) Y <- Y + (matrix(rnorm(nlevels(g) * m), nlevels(g)) * rep(sqrt(rchisq(m, 1) / 2),
                                                                              each = nlevels(g)))[g, ]
  colnames(Y) <- paste0("gene", seq_len(m))
  Y * rep(sqrt(5 / rchisq(m, 5)), each = nrow(data))
}

cases <- list(
  expression = list(data = expression, formula = Y ~ trt + age + (1 | donor), groups = expression["donor"], m = m),
  crossed = list(data = crossed, formula = Y ~ x + (1 | subject) + (1 | item), groups = crossed[c("subject", "item")],
                 m = max(100L, m %/% 10L)))

# Elapsed and CPU time.
seconds <- function(expr) {
  time <- system.time(expr)
  c(time[["elapsed"]], time[["user.self"]] + time[["sys.self"]])
}

peer_seconds <- function(case, Y) {
  formula <- stats::update(case$formula, y ~ .)
  one <- function(j) {
    data <- case$data
    data$y <- Y[, j]
    suppressMessages(summary(lmerTest::lmer(formula, data)))$coefficients
  }
  one(1L)
  seconds(for (j in seq_len(loop)) one(j)) / loop
}

# Largest relative differences between rows of the tables and each response's own fit.
own_differences <- function(case, fits, table, Y) {
  formula <- stats::update(case$formula, y ~ .)
  p <- nrow(fits$beta)
  numbers <- c("estimate", "std.error", "df", "p.value")
  worst <- c(estimate = 0, std.error = 0, df = 0, p.value = 0, criterion = 0)
  for (j in seq_len(ncol(Y))) {
    data <- case$data
    data$y <- Y[, j]
    own <- suppressMessages(lmm(formula, data))
    a <- as.matrix(table[(j - 1L) * p + seq_len(p), numbers])
    b <- as.matrix(as.data.frame(tidy(own, "fixed"))[numbers])
    difference <- abs(a - b) / pmax(abs(b), rep(c(0, 0, 0, 1e-4), each = p))
    difference[, 1L] <- abs(a[, 1L] - b[, 1L]) / pmax(abs(b[, 1L]), b[, 2L])
    stopifnot(identical(fits$singular[j], isSingular(own)))
    worst <- pmax(worst, c(apply(difference, 2L, max), abs(fits$criterion[j] / REMLcrit(own) - 1)))
  }
  worst
}

for (name in names(cases)) {
  case <- cases[[name]]
  data <- case$data
  Y <- responses_of(data, case$groups, case$m)
  data$Y <- Y
  few <- lmm(case$formula, transform(data, Y = I(Y[, 1:10])))
  tidy(few, "fixed")
  gc()
  fit_time <- seconds(fits <- lmm(case$formula, data, control = lmm_control(threads = threads)))
  test_time <- seconds(table <- plain <- as.data.frame(tidy(fits, "fixed")))
  anova_time <- seconds(anova(fits))
  total <- fit_time + test_time
  cat(sprintf(paste("%-10s %d responses, %d threads: fits %.2f s, tidy() %.2f s, anova() %.2f s; %.3f ms a response",
                    "(CPU %.3f); %d singular\n"), name, case$m, threads,
              fit_time[1L], test_time[1L], anova_time[1L], 1e3 * total[1L] / case$m, 1e3 * total[2L] / case$m,
              sum(fits$singular)))
  if (requireNamespace("lmerTest", quietly = TRUE)) {
    each <- peer_seconds(case, Y)
    ratio <- each * case$m / total
    cat(sprintf(paste("%-10s lmerTest %.1f ms a response (CPU %.1f; %d timed): ratio of elapsed times %.0f, of CPU",
                      "times %.0f\n"), name, 1e3 * each[1L], 1e3 * each[2L], loop,
                ratio[1L], ratio[2L]))
  }
  if (!"--all" %in% arguments) next
  cat(sprintf("%-10s largest relative differences from single fits: ", name))
  difference <- own_differences(case, fits, plain, Y)
  cat(paste(names(difference), format(difference, digits = 2)), sep = ", ", fill = TRUE)
  holes <- Y
  holes[cbind(sample(nrow(Y), ncol(Y), TRUE), seq_len(ncol(Y)))] <- NA
  data$Y <- holes
  fits <- lmm(case$formula, data, control = lmm_control(threads = threads))
  difference <- own_differences(case, fits, as.data.frame(tidy(fits, "fixed")), holes)
  cat(sprintf("%-10s with a missing value in each: ", name))
  cat(paste(names(difference), format(difference, digits = 2)), sep = ", ", fill = TRUE)
}
