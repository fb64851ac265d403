# Published results of SAS, NAG, ASReml and Stroup on the examples of the SAS documentation, to the last digit printed.

# A quantity of reference/sas.csv: its kind, then what it is of, separated by "|".
sas_quantity <- function(fit, model, quantity) {
  parts <- strsplit(quantity, "|", fixed = TRUE)[[1]]
  switch(sub("_.*", "", parts[1]),
    m2ll = deviance(fit), aic = AIC(fit, compat = "SAS"), aicc = AICC(fit, compat = "SAS"), bic = BIC(fit, compat = "SAS"),
    objective = sas_objective(fit, parts),
    vc = , se = , z = , p = , cov = , acov = sas_covariance_quantity(fit, model, parts),
    ndf = , ddf = , F = sas_test(fit, model, parts),
    coef = if (parts[1] == "coef") fixef(fit)[[parts[2]]] else sqrt(vcov(fit)[parts[2], parts[2]]),
    sol = sas_column(contest(fit, sas_solution[[model]][[parts[2]]], joint = FALSE, ddf = sas_ddf(model)), parts[1]),
    mean = sas_column(contest(fit, sas_means[[parts[2]]], joint = FALSE), parts[1], df = sas_test(fit, model, c("ddf", "a"))),
    est = sas_column(splitplot_prediction(fit, parts[2]), parts[1]),
    blup = sas_column(sas_blup(fit, parts), parts[1], df = sas_random_df(fit)),
    random = sas_random_df(fit),
    pred = , resid = sas_prediction(fit, parts),
    sas_ems(fit, parts))
}

# What VARCOMP minimizes lacks some constants: -2 log L, for REML with the determinant of X'X (here that of the cells).
sas_objective <- function(fit, parts) {
  nu <- df.residual(fit) + length(fit$estimates$theta) + 1L + if (length(parts) == 1) length(fixef(fit)) else 0L
  deviance(fit) - nu * (1 + log(2 * pi)) - if (length(parts) == 2) log(as.numeric(parts[2])) else 0
}

sas_column <- function(row, kind, df = row$df) {
  switch(sub("^[^_]*_?", "", kind), se = row$`Std. Error`, df = df, t = row$`t value`,
         p = 2 * stats::pt(abs(row$`t value`), df, lower.tail = FALSE), row$Estimate)
}

sas_covariance_quantity <- function(fit, model, parts) {
  one <- if (grepl("vc|wald", parts[1])) sas_component(fit, parts)
  acov <- function(information) {
    vcov_components(fit, information = information)[component_place(fit, parts[2]), component_place(fit, parts[3])]
  }
  z <- one$estimate / one$se
  switch(parts[1], vc = one$estimate, se_vc = one$se, z_vc = z, p_vc = stats::pnorm(z, lower.tail = FALSE),
         p_wald = 2 * stats::pnorm(z, lower.tail = FALSE), acov = acov("observed"), acov_expected = acov("expected"),
         cov = subset(as.data.frame(variance_components(fit)), !is.na(var2))$estimate, p = sas_test(fit, model, parts))
}

sas_test <- function(fit, model, parts) {
  table <- anova(fit, type = 3, ddf = sas_ddf(model))
  table[parts[2], switch(parts[1], ndf = "NumDF", ddf = "DenDF", F = "F value", p = "Pr(>F)")]
}

# Limits of a fitted value by the t distribution with the degrees of freedom of random effects.
sas_prediction <- function(fit, parts) {
  at <- predict(fit, se.fit = TRUE)
  row <- as.integer(parts[2])
  reach <- stats::qt(0.975, sas_random_df(fit)) * at$se.fit[[row]]
  switch(parts[1], pred = at$fit[[row]], pred_se = at$se.fit[[row]], pred_lo = at$fit[[row]] - reach,
         pred_hi = at$fit[[row]] + reach, resid = residuals(fit)[[row]])
}

sas_ems <- function(fit, parts) {
  a <- ems(fit, type = 1)
  switch(parts[1], ems_ss = a$table[parts[2], "Sum Sq"], ems_ms = a$table[parts[2], "Mean Sq"], ems_df = a$table[parts[2], "Df"],
         ems = a$ems[parts[2], parts[3]], a$components[parts[2], parts[1]])
}

for (model in c("splitplot", "splitplot_ml", "oven", "oven_ml", "heights", "stability", "stability_cells", "growth_ml")) {
  test_that(paste("published numbers of", model, "are reached"), {
    fit <- sas_fit(model)
    rows <- sas_rows(model)
    for (i in seq_len(nrow(rows))) {
      value <- sas_quantity(fit, model, rows$quantity[i])
      printed <- rows$value[i]
      label <- paste(model, rows$quantity[i])
      if (startsWith(printed, "<")) {
        expect_lt(value, as.numeric(sub("<", "", printed)), label = label)
      } else {
        expect_printed(value, printed, nchar(sub("^[^.]*\\.?", "", printed)), label)
      }
    }
  })
}

# VARCOMP stops a little before the optimum, at which these three end in the digits 86, 53 and 05.
test_that("asymptotic covariances of VARCOMP are reached as far as it has converged", {
  observed <- vcov_components(sas_fit("oven"))
  b <- component_place(sas_fit("oven"), "b")
  expect_equal(observed[b, b], 4401703.8, tolerance = 1e-7)
  expect_equal(observed[b, 3], -273.39651, tolerance = 1e-7)
  expect_equal(vcov_components(sas_fit("oven_ml"), information = "expected")[3, 3], 858.71104, tolerance = 1e-7)
})

# All that VARCOMP lists of its way: objective, Var(b), Var(a*b), Var(Error). A point on the way is no property of the data, so it
# cannot be found by fitting; yet at each point the criterion is the objective listed, but for one constant per method.
varcomp_history <- list(
  REML = rbind(c(63.4134144942, 1269.52701371, 0, 91.5581191305), c(63.0446869787, 1601.84199, 32.7632417174, 76.9355562461),
               c(63.0311530508, 1468.82932, 27.2258186561, 78.7548276319), c(63.0311265148, 1464.33646, 26.9564053003, 78.8431476502),
               c(63.0311265127, 1464.36727, 26.9588525177, 78.8423898761)),
  ML = rbind(c(78.3850371200, 1031.49069751, 0, 74.3909717935), c(78.2637043807, 732.3606453635, 0, 77.4011688154),
             c(78.2635471161, 723.6867470850, 0, 77.5301774839), c(78.2635471152, 723.6658365289, 0, 77.5304926877))
)

test_that("every point on VARCOMP's way to the optimum has the criterion listed, its last point is the optimum", {
  model <- oracle_model(oven$y, model.matrix(~a, oven), list(rep(1, 16), rep(1, 16)), list(oven$b, interaction(oven$a, oven$b)))
  for (method in names(varcomp_history)) {
    listed <- varcomp_history[[method]]
    reml <- method == "REML"
    dense <- apply(listed[, -1], 1, function(v) oracle_criterion(model, as.list(v[1:2]), v[3], reml))
    own <- apply(listed[, -1], 1, function(v) {
      deviance(lmm(y ~ a + (1 | b) + (1 | a:b), oven, REML = reml, fixed = c(sigma = sqrt(v[3]), b = sqrt(v[1]), `a:b` = sqrt(v[2]))))
    })
    expect_equal(own, dense, tolerance = 1e-12)
    last <- nrow(listed)
    # REML's second and later points are listed with nine digits only, which cost the criterion 1e-9.
    expect_lt(max(abs(dense - dense[last] - (listed[, 1] - listed[last, 1]))), 1e-9)
    fit <- sas_fit(if (reml) "oven" else "oven_ml")
    own <- as.data.frame(variance_components(fit))
    expect_equal(own$estimate[match(c("b", "a:b", "Residual"), own$grp)], listed[last, -1], tolerance = 1e-7)
    expect_lte(deviance(fit), dense[last] * (1 + 1e-13))      # rounding of the criterion itself
  }
})

# MIXED was given a grid of ratios to sigma^2 and took one Newton step from its best point. What it prints is that step and
# the inverse Hessian there, taken in the ratios and sigma^2: by the dense formulas, and not that of the optimum, which is ours.
test_that("the estimates of MIXED for the oven data are those of its only step, short of the optimum", {
  model <- oracle_model(oven$y, model.matrix(~a, oven), list(rep(1, 16), rep(1, 16)), list(oven$b, interaction(oven$a, oven$b)))
  profile <- function(ratio) oracle_profile(model, sqrt(ratio), TRUE)
  value <- function(ratio) profile(ratio)$value
  grid <- as.matrix(expand.grid(seq(17, 20, 0.1), seq(0.3, 0.4, 0.005)))
  start <- unname(grid[which.min(apply(grid, 1, value)), ])
  ratio <- dense_newton_step(model, start)
  sigma2 <- profile(ratio)$sigma2
  psi <- c(ratio, 1) * sigma2
  J <- cbind(rbind(diag(sigma2, 2), 0), c(ratio, 1))          # d(variances) / d(ratios, sigma2)
  at <- oracle_information(model, as.list(psi[1:2]), sigma2)
  H <- t(J) %*% (2 * at$AI - at$T) %*% J
  slope <- oracle_equations(model, as.list(psi[1:2]), sigma2)[1:2]
  H[1:2, 3] <- H[3, 1:2] <- H[1:2, 3] + slope                 # as the gradient is not quite zero
  covariance <- J %*% (2 * solve(H)) %*% t(J)
  printed <- function(values, texts) {
    for (i in seq_along(values)) expect_printed(values[i], texts[i], nchar(sub("^[^.]*\\.?", "", texts[i])), texts[i])
  }
  printed(psi, c("1464.36", "26.9581", "78.8426"))
  printed(sqrt(diag(covariance)), c("2098.01", "59.6570", "35.3512"))
  printed(covariance[lower.tri(covariance, diag = TRUE)], c("4401640", "1.2831", "-273.32", "3558.96", "-502.84", "1249.71"))
  printed(sqrt(at$Phi[1, 1]), "27.6014")
  expect_lt(deviance(sas_fit("oven")), value(ratio))
})

# What MIXED lists of its way, by dense formulas: least squares, then Newton's steps from MIVQUE0.
test_that("the iteration history of MIXED for the heights is reached in every point", {
  model <- oracle_model(heights$height, model.matrix(~gender, heights), list(rep(1, 18), rep(1, 18)),
                        list(heights$family, interaction(heights$family, heights$gender, drop = TRUE)))
  expect_printed(oracle_profile(model, c(0, 0), TRUE)$value, "74.11074833", 8, "least squares")
  listed <- c("71.51614003", "71.13845990", "71.03613556", "71.02281757", "71.02245904", "71.02245869")
  path <- dense_newton_path(model, dense_mivque0(model), 6)
  for (i in seq_along(listed)) expect_printed(path[i], listed[i], 8, paste("step", i))
  expect_printed(deviance(sas_fit("heights")), listed[6], 8, "optimum")
})

# The variance of the intercept would become negative with the first step, which is cut where it is zero; the further steps have
# two ratios. MIXED stays a hair away from zero in that first point, 1e-6 of the criterion; no later point notices.
test_that("the iteration history of MIXED for the second analysis of the stability data is reached", {
  age <- interaction(stability$batch, stability$month)
  ones <- rep(1, nrow(stability))
  X <- model.matrix(~month, stability)
  y <- sas_fit("stability_cells")$rows$y
  three <- oracle_model(y, X, list(ones, stability$month, ones), list(stability$batch, stability$batch, age))
  two <- oracle_model(y, X, list(stability$month, ones), list(stability$batch, age))
  expect_printed(oracle_profile(three, numeric(3), TRUE)$value, "367.02768461", 8, "least squares")
  start <- dense_mivque0(three)
  step <- dense_newton_step(three, start) - start
  expect_lt(start[1] + step[1], 0)
  first <- start - start[1] / step[1] * step
  listed <- c(277.51945360, 276.97551718, 276.90304909, 276.90100316, 276.90100092)
  path <- c(oracle_profile(two, sqrt(first[-1]), TRUE)$value, dense_newton_path(two, first[-1], 4))
  expect_lt(max(abs(path - listed) / c(2e-6, 5e-7, 5e-8, 1e-8, 1e-8)), 1)
  expect_printed(deviance(sas_fit("stability_cells")), "276.90100092", 8, "optimum")
})

# The help page of 'agridat' once printed what ASReml 3 gave (in sas.csv); now it prints what ASReml 4 gives, and that is not
# what SAS, NAG and ASReml 3 agree on. The data are balanced, so the REML estimates are plain combinations of mean squares.
test_that("where ASReml 4 differs on the split plot, it has stopped short of the optimum", {
  fit <- sas_fit("splitplot")
  table <- stats::anova(stats::lm(y ~ block + a * b + a:block, splitplot))
  square <- stats::setNames(table$`Mean Sq`, rownames(table))
  exact <- c((square[["block"]] - square[["block:a"]]) / 6, (square[["block:a"]] - square[["Residuals"]]) / 2, square[["Residuals"]])
  own <- as.data.frame(variance_components(fit))
  expect_equal(own$estimate[match(c("block", "a:block", "Residual"), own$grp)], exact, tolerance = 1e-8)
  printed <- c(62.42, 15.39, 9.364)
  expect_equal(printed, exact, tolerance = 1e-3)
  expect_gt(abs(printed[1] - exact[1]), 0.005)                # more than rounding
  model <- oracle_model(splitplot$y, model.matrix(~ a * b, splitplot), list(rep(1, 24), rep(1, 24)),
                        list(splitplot$block, interaction(splitplot$a, splitplot$block)))
  expect_gt(oracle_criterion(model, as.list(printed[1:2]), printed[3]), deviance(fit))
})

# The values that MIXED lists for the surface of the criterion: sigma^2, log L, -2 log L at given ratios.
test_that("the surface of the criterion is that of MIXED", {
  fit <- sas_fit("oven")
  order <- match(c("b", "a:b"), names(fit$frame$groups))
  for (row in list(c("17.0", "0.300", "80.1400", "-52.4699", "104.9399"), c("17.0", "0.305", "80.0466", "-52.4697", "104.9393"),
                   c("17.0", "0.345", "79.3447", "-52.4689", "104.9378"))) {
    theta <- numeric(2)
    theta[order] <- sqrt(as.numeric(row[1:2]))
    at <- criterion_at(fit, theta, TRUE)
    expect_printed(at$sigma2, row[3], 4, "sigma^2")
    expect_printed(-at$value / 2, row[4], 4, "log likelihood")
    expect_printed(at$value, row[5], 4, "-2 log likelihood")
  }
})
