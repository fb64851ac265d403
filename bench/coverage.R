# How often 95 percent intervals hold the truth, through the functions that users call.

# Rows of the design that are predicted: the first, the middle and the last.
predicted_rows <- function(design) unique(round(c(1, nrow(design$data) / 2, nrow(design$data))))

# Random effects of `levels` levels of a term: for each data set a matrix.
draw_effects <- function(term, levels, count) {
  root <- chol(term$covariance)
  lapply(seq_len(count), function(k) matrix(stats::rnorm(levels * nrow(root)), levels) %*% root)
}

# Responses y of `count` data sets as columns, and what is to be predicted for the predicted rows: means and new
# observations, for their own groups and for new ones.
draw_truth <- function(design, count) {
  n <- nrow(design$data)
  at <- predicted_rows(design)
  scale <- 1 / sqrt(if (is.null(design$data$weight)) rep(1, n) else design$data$weight)
  own <- matrix(0, n, count)
  new <- matrix(0, length(at), count)
  for (term in design$random) {
    Z <- stats::model.matrix(term$columns, design$data)
    group <- as.integer(factor(design$data[[term$group]]))
    own <- own + vapply(draw_effects(term, max(group), count), function(b) rowSums(Z * b[group, , drop = FALSE]),
                        numeric(n))
    new <- new + vapply(draw_effects(term, length(at), count), function(b) rowSums(Z[at, , drop = FALSE] * b),
                        numeric(length(at)))
  }
  error <- function(rows) matrix(stats::rnorm(length(rows) * count), length(rows)) * scale[rows]
  known <- own[at, , drop = FALSE]
  list(y = own + error(seq_len(n)), `known group, mean` = known, `known group, observation` = known + error(at),
       `new group, mean` = new,
       `new group, observation` = new + error(at))
}

# True standard deviations and correlations in the order of confint(), intraclass correlations and the total variance.
true_values <- function(design, fit) {
  groups <- vapply(design$random, `[[`, "", "group")
  terms <- design$random[match(names(VarCorr(fit)), groups)]
  squares <- vapply(terms, function(term) sum(crossprod(stats::model.matrix(term$columns,
                                                                            design$data)) * term$covariance),
                                                                            0) / nrow(design$data)
  parameters <- unlist(lapply(terms, function(term) {
    S <- term$covariance
    c(sqrt(diag(S)), stats::cov2cor(S)[lower.tri(S)])
  }))
  list(parameters = c(parameters, 1), icc = squares / (1 + sum(squares)), total = 1 + sum(squares))
}

holds <- function(limits, truth) limits[, 1] <= truth & truth <= limits[, 2]

# Profile limits are where -2 log L has risen by the quantile of chi-square: the rise at the truth says on which side it
# is.
profile_holds <- function(fit, truth, reml) {
  base <- henderson:::profile_base(henderson:::fit_by(fit, reml), seq_along(truth))
  vapply(seq_along(truth),
         function(k) henderson:::profile_value(base, k, truth[k])$value - base$value <= stats::qchisq(0.95, 1), NA)
}

# The same for functions of the variance parameters, on the way to the truth in a few steps; by the limits where that
# does not arrive.
quantity_profile_holds <- function(fit, name, truth) {
  functions <- henderson:::quantity_functions(fit, list(name))
  limits <- NULL
  vapply(seq_along(functions), function(k) {
    point <- henderson:::quantity_point(fit, functions[[k]])
    point$held <- henderson:::held_gaps(fit)
    x <- c(fit$optimum$theta, log(sigma(fit)))
    estimate <- point$value(x)
    unit <- henderson:::quantity_unit(point, x)
    x <- henderson:::off_flat(x)
    found <- henderson:::held_quantity(point, x, truth[k], unit)
    for (share in if (is.null(found)) c(0.3, 0.7, 1)) {
      found <- henderson:::held_quantity(point, x, estimate + share * (truth[k] - estimate), unit)
      if (is.null(found)) break
      x <- found$x
    }
    if (!is.null(found)) return(found$value - deviance(fit) <= stats::qchisq(0.95, 1))
    if (is.null(limits)) limits <<- as.matrix(quantity(fit, name, method = "profile")[c("lower", "upper")])
    unname(holds(limits, truth)[k])
  }, NA)
}

# What is asked of one data set: named by method and kind of interval. Of predictions the share of the rows that are
# held counts. Kenward-Roger predictions, which go row by row, are asked of every fifth data set.
one_coverage <- function(fit, truth, drawn, k, rows) {
  predicted <- function(ddf) {
    limits <- lapply(c(mean = "confidence", observation = "prediction"), function(interval) {
      if (ddf == "Kenward-Roger" && k %% 5 != 1) return(matrix(NA_real_, nrow(rows$all), 3))
      predict(fit, rows$all, interval = interval, allow.new.levels = TRUE, ddf = ddf, weights = rows$weight)
    })
    vapply(targets, function(target) {
      mean(holds(limits[[target$what]][rows[[target$group]], 2:3, drop = FALSE], drawn[[target$name]][, k]))
    }, 0)
  }
  fixed <- function(ddf) holds(confint(fit, "beta_", ddf = ddf,
                                       method = if (ddf == "asymptotic") "Wald" else "profile"), 0)
  by_ddf <- lapply(c(normal = "asymptotic", Satterthwaite = "Satterthwaite", `Kenward-Roger` = "Kenward-Roger"),
                   function(ddf) c(fixed(ddf), predicted(ddf)))
  words <- c(rep("icc", length(truth$icc)), "total")
  limits <- as.matrix(quantity(fit, "icc", "total", method = "delta")[c("lower", "upper")])
  by_delta <- stats::setNames(holds(limits, c(truth$icc, truth$total)), words)
  kinds <- c(rep("standard deviations, correlations", length(truth$parameters) - 1), "sigma")
  profiles <- lapply(c(`profile, ML` = FALSE, `profile, REML` = TRUE),
                     function(reml) stats::setNames(profile_holds(fit, truth$parameters, reml), kinds))
  profiles$`profile, REML` <- c(profiles$`profile, REML`, quantity_coverage(fit, truth))
  unlist(list(by_ddf, profiles, list(`delta method` = by_delta)))
}

# Profiles of intraclass correlations and the total variance.
quantity_coverage <- function(fit, truth) {
  stats::setNames(c(quantity_profile_holds(fit, "icc", truth$icc), quantity_profile_holds(fit, "total", truth$total)),
                  c(rep("icc", length(truth$icc)), "total"))
}

targets <- lapply(c("known group, mean", "known group, observation", "new group, mean", "new group, observation"),
                  function(name) {
  list(name = name, group = sub(" .*", "", name), what = sub(".*, ", "", name))
})
names(targets) <- vapply(targets, `[[`, "", "name")

# The predicted rows with the groups that they have, then with new ones.
rows_to_predict <- function(design) {
  known <- design$data[predicted_rows(design), , drop = FALSE]
  for (term in design$random) known[[term$group]] <- as.character(known[[term$group]])
  new <- known
  for (term in design$random) new[[term$group]] <- paste("new", seq_len(nrow(new)))
  weight <- if (is.null(known$weight)) 1 else rep(known$weight, 2)
  list(all = rbind(known, new), known = seq_len(nrow(known)), new = nrow(known) + seq_len(nrow(new)), weight = weight)
}

# One design: a row for each method and kind of interval, and for each parameter where there are several. The part
# "quantities" is their profiles alone.
coverage_rates <- function(task, options) {
  started <- proc.time()[["elapsed"]]
  set.seed(task$seed, "Mersenne-Twister", "Inversion", "Rejection")
  design <- task$design
  drawn <- draw_truth(design, options$replicates)
  fit <- fit_design(design$fixed[[1]]$large, design$data, drawn$y[, 1])
  truth <- true_values(design, fit)
  rows <- rows_to_predict(design)
  one <- function(fit, k) {
    if (task$part == "quantities") unlist(list(`profile, REML` = quantity_coverage(fit, truth)))
    else one_coverage(fit, truth, drawn, k, rows)
  }
  all <- vapply(seq_len(options$replicates), function(k) suppressMessages(one(refit(fit, drawn$y[, k]), k)),
                one(fit, 1))
  cat(sprintf("  %-10s %-28s %6.1f s\n", design$name, task$part, proc.time()[["elapsed"]] - started))
  method <- sub("\\..*", "", rownames(all))
  kind <- sub("^[^.]*\\.", "", rownames(all))
  kind[kind %in% names(fixef(fit))] <- paste("coefficient", kind[kind %in% names(fixef(fit))])
  data.frame(name = design$name, design = design$title, interval = kind, method = method,
             coverage = rowMeans(all, na.rm = TRUE),
             se = apply(all, 1, stats::sd, na.rm = TRUE) / sqrt(rowSums(!is.na(all))),
             replicates = rowSums(!is.na(all)), seed = task$seed, row.names = NULL)
}
