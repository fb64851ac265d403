# How often true hypotheses are rejected, through the functions that users call.

levels_wanted <- c(0.05, 0.01)

fit_design <- function(formula, data, y, REML = TRUE) {
  data$y <- y
  suppressMessages(if (is.null(data$weight)) lmm(formula, data, REML) else lmm(formula, data, REML, weights = weight))
}

# p-values, one column for each response and one row for each method. Methods that count know the design only: their
# degrees of freedom are the same for all responses, and F is that of the Wald test.
fixed_p_values <- function(design, question, Y, bootstrap) {
  fits <- lapply(question[c("large", "small")], fit_design, design$data, Y[, 1])
  fits_ml <- lapply(question[c("large", "small")], fit_design, design$data, Y[, 1], REML = FALSE)
  counted <- vapply(c("containment", "between-within"), function(ddf) by_f(fits$large, fits$small, ddf)$DenDF, 0)
  methods <- c(list("Satterthwaite" = "Satterthwaite", "Kenward-Roger" = "Kenward-Roger",
                    "Kenward-Roger, observed" = ddf_method("Kenward-Roger", information = "observed")),
               if (!is.null(question$cluster)) list("CR2" = ddf_method("cluster-robust", cluster = question$cluster)))
  apply(Y, 2, function(y) suppressMessages({
    large <- refit(fits$large, y)
    small <- refit(fits$small, y)
    wald <- by_f(large, small, "asymptotic")
    c("Wald" = wald$`Pr(>F)`, ratio_p_values(refit(fits_ml$large, y), refit(fits_ml$small, y), bootstrap),
      stats::pf(wald$`F value`, wald$NumDF, counted, lower.tail = FALSE),
      vapply(methods, function(ddf) by_f(large, small, ddf)$`Pr(>F)`, 0))
  }))
}

by_f <- function(large, small, ddf) anova(small, large, test = "F", ddf = ddf)[2, ]

# Likelihood ratio against chi-square and against `nsim` simulated ratios. The latter gives p <= 0.05 and p <= 0.01
# exactly where anova(small, large, test = "bootstrap", nsim = nsim) does, but stops drawing as soon as p > 0.05 is
# certain.
ratio_p_values <- function(large, small, nsim, batch = 25) {
  table <- anova(small, large)[2, ]
  done <- larger <- 0
  while (done < nsim && 1 + larger <= max(levels_wanted) * (1 + nsim)) {
    Y <- as.matrix(stats::simulate(small, min(batch, nsim - done)))
    ratio <- pmax(0, refit(small, Y)$criterion - refit(large, Y)$criterion)
    larger <- larger + sum(ratio >= table$Chisq)
    done <- done + ncol(Y)
  }
  c("likelihood ratio" = table$`Pr(>Chisq)`, "bootstrap" = (1 + larger) / (1 + nsim))
}

# The null distribution depends on the design alone, so that one set of draws serves all responses. Where rlrt()
# computes the p-value without draws, it is asked for each.
variance_p_values <- function(design, question, Y, draws) {
  large <- fit_design(question$large, design$data, Y[, 1])
  statistic <- pmax(0, null_criterion(design, question, Y) - refit(large, Y)$criterion)
  exact <- function(k, nsim) suppressMessages(rlrt(refit(large, Y[, k]), question$term, nsim = nsim))
  reference <- sort(exact(which.max(statistic), draws)$draws)
  p <- if (length(reference)) 1 - findInterval(statistic, reference) / length(reference)
       else vapply(seq_along(statistic), function(k) exact(k, 1)$p.value, 0)
  naive <- stats::pchisq(statistic, 1, lower.tail = FALSE)
  rbind("chi-square" = naive, "mixture" = ifelse(statistic > 0, naive / 2, 1), "exact" = p)
}

# -2 log restricted likelihood without the tested term.
null_criterion <- function(design, question, Y) {
  if (!is.null(question$small)) return(refit(fit_design(question$small, design$data, Y[, 1]), Y)$criterion)
  w <- design$data$weight
  if (is.null(w)) w <- rep(1, nrow(Y))
  X <- qr(stats::model.matrix(question$fixed, design$data) * sqrt(w))
  nu <- nrow(Y) - X$rank
  rss <- colSums(qr.resid(X, Y * sqrt(w))^2)
  nu * (1 + log(2 * pi * rss / nu)) + 2 * sum(log(abs(diag(qr.R(X))))) - sum(log(w))
}

# One row per method. A p-value that could not be computed counts as no rejection.
rejection_rates <- function(p) {
  rate <- function(level) rowMeans(!is.na(p) & p <= level * (1 + 1e-9))
  error <- function(level) sqrt(rate(level) * (1 - rate(level)) / ncol(p))
  data.frame(method = rownames(p), rate_05 = rate(0.05), se_05 = error(0.05), rate_01 = rate(0.01), se_01 = error(0.01),
             missing = rowSums(is.na(p)), replicates = ncol(p), row.names = NULL)
}

# One question: its rows of the result.
calibrate <- function(task, options) {
  started <- proc.time()[["elapsed"]]
  set.seed(task$seed, "Mersenne-Twister", "Inversion", "Rejection")
  design <- task$design
  question <- task$question
  p <- if (task$part == "fixed") {
    fixed_p_values(design, question, draw_responses(design, options$replicates), options$bootstrap)
  } else {
    drawn_from <- if (design$name == "slopes") separate_slopes(design) else design
    variance_p_values(design, question, draw_responses(drawn_from, options$replicates, question$zero), options$draws)
  }
  seconds <- proc.time()[["elapsed"]] - started
  cat(sprintf("  %-10s %-28s %6.1f s\n", design$name, question$question, seconds))
  data.frame(part = task$part, name = design$name, design = design$title, question = question$question,
             rejection_rates(p), seed = task$seed)
}
