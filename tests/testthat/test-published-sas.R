# Published results of SAS, NAG, ASReml and Stroup on the examples of the SAS documentation, to the last digit printed.

# A quantity of reference/sas.csv: its kind, then what it is of, separated by "|".
sas_quantity <- function(fit, model, quantity) {
  parts <- strsplit(quantity, "|", fixed = TRUE)[[1]]
  switch(sub("_.*", "", parts[1]),
    m2ll = deviance(fit), aic = AIC(fit, compat = "SAS"), aicc = AICC(fit, compat = "SAS"),
    bic = BIC(fit, compat = "SAS"),
    vc = , se = , z = , p = , cov = sas_covariance_quantity(fit, model, parts),
    ndf = , ddf = , F = sas_test(fit, model, parts),
    coef = if (parts[1] == "coef") fixef(fit)[[parts[2]]] else sqrt(vcov(fit)[parts[2], parts[2]]),
    sol = sas_column(contest(fit, sas_solution[[model]][[parts[2]]], joint = FALSE, ddf = sas_ddf(model)), parts[1]),
    est = sas_column(splitplot_prediction(fit, parts[2]), parts[1]),
    blup = sas_column(sas_blup(fit, parts), parts[1], df = sas_random_df(fit)),
    random = sas_random_df(fit),
    sas_ems(fit, parts))
}

sas_column <- function(row, kind, df = row$df) {
  switch(sub("^[^_]*_?", "", kind), se = row$`Std. Error`, df = df, t = row$`t value`,
         p = 2 * stats::pt(abs(row$`t value`), df, lower.tail = FALSE), row$Estimate)
}

sas_covariance_quantity <- function(fit, model, parts) {
  one <- if (grepl("vc|wald", parts[1])) sas_component(fit, parts)
  z <- one$estimate / one$se
  switch(parts[1], vc = one$estimate, se_vc = one$se, z_vc = z, p_vc = stats::pnorm(z, lower.tail = FALSE),
         p_wald = 2 * stats::pnorm(z, lower.tail = FALSE),
         cov = subset(as.data.frame(variance_components(fit)), !is.na(var2))$estimate, p = sas_test(fit, model, parts))
}

sas_test <- function(fit, model, parts) {
  table <- anova(fit, type = 3, ddf = sas_ddf(model))
  table[parts[2], switch(parts[1], ndf = "NumDF", ddf = "DenDF", F = "F value", p = "Pr(>F)")]
}

sas_ems <- function(fit, parts) {
  a <- ems(fit, type = 1)
  switch(parts[1], ems_ss = a$table[parts[2], "Sum Sq"], ems_ms = a$table[parts[2], "Mean Sq"],
         ems_df = a$table[parts[2], "Df"],
         ems = a$ems[parts[2], parts[3]], a$components[parts[2], parts[1]])
}

for (model in c("splitplot", "splitplot_ml", "oven", "heights", "stability", "growth_ml")) {
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

# What the documentation prints beyond these numbers is compared with dense formulas instead.

sas_dense_model <- function(model) {
  fit <- sas_fit(model)
  ones <- rep(1, nobs(fit))
  d <- model.frame(fit)
  cells <- function(...) as.integer(interaction(..., drop = TRUE, lex.order = TRUE))
  parts <- switch(sub("_ml$", "", model),
    splitplot = list(Z = list(ones, ones), codes = list(cells(d$block), cells(d$a, d$block))),
    oven = list(Z = list(ones, ones), codes = list(cells(d$b), cells(d$a, d$b))),
    heights = list(Z = list(ones, ones), codes = list(cells(d$family), cells(d$family, d$gender))),
    stability_cells = list(Z = list(cbind(1, d$month), ones), codes = list(cells(d$batch), cells(d$batch, d$age))))
  structure <- if (model == "stability_cells") c("diagonal", "unstructured") else rep("unstructured", 2)
  oracle_model(model.response(d), model.matrix(fit), parts$Z, parts$codes, structure)
}

sas_order <- list(splitplot = c("block", "a:block"), oven = c("b", "a:b"), heights = c("family", "family:gender"),
                  stability_cells = c("batch", "batch:age"))

# Covariance matrices of the fit in the order of the terms of the dense model, which is that of the formula.
sas_sigmas <- function(fit, model) {
  lapply(sas_order[[sub("_ml$", "", model)]], function(name) unclass(VarCorr(fit)[[name]])[TRUE, TRUE, drop = FALSE])
}

for (model in c("splitplot", "oven", "oven_ml", "heights", "stability_cells")) {
  test_that(paste("the fit of", model, "is the optimum and the solution of the dense formulas"), {
    fit <- sas_fit(model)
    dense <- sas_dense_model(model)
    reml <- model != "oven_ml"
    Sigma <- sas_sigmas(fit, model)
    best <- oracle_fit(dense, reml)
    expect_equal(deviance(fit), best$criterion, tolerance = 1e-9)
    expect_equal(oracle_criterion(dense, Sigma, sigma(fit)^2, reml), deviance(fit), tolerance = 1e-11)
    scale <- max(unlist(best$Sigma), best$sigma2)
    expect_lt(max(abs(unlist(Sigma) - unlist(best$Sigma)), abs(sigma(fit)^2 - best$sigma2)) / scale, 1e-5)
    at <- oracle_solution(dense, Sigma, sigma(fit)^2, reml)
    expect_equal(unname(fixef(fit)), at$beta, tolerance = 1e-8)
    expect_equal(unname(vcov(fit)), unname(at$vcov), tolerance = 1e-8)
    expect_equal(unname(fitted(fit)), at$fitted, tolerance = 1e-8)
    X <- dense$X
    Z <- oracle_Z(dense)
    variance <- rowSums((X %*% at$vcov) * X) + 2 * rowSums((Z %*% at$prediction_cross) *
                                                           X) + rowSums((Z %*% at$prediction_error) * Z)
    expect_equal(unname(predict(fit, se.fit = TRUE)$se.fit), sqrt(variance), tolerance = 1e-7)
  })
}

test_that("variances of variance components of these examples are those of the dense information matrices", {
  for (model in c("splitplot", "oven", "heights")) {
    fit <- sas_fit(model)
    at <- oracle_information(sas_dense_model(model), sas_sigmas(fit, model), sigma(fit)^2)
    place <- c(component_place(fit, sas_order[[model]]), nrow(variance_components(fit)))
    for (information in c("observed", "expected", "average")) {
      dense <- solve(switch(information, observed = at$AI - at$T / 2, expected = at$T / 2, average = at$AI / 2))
      expect_equal(unname(vcov_components(fit, information = information)[place, place]), dense, tolerance = 1e-6,
                   label = paste(model, information))
    }
  }
})

test_that("tests and predictable functions of these examples are those of dense formulas", {
  fit <- sas_fit("oven")
  at <- oracle_solution(sas_dense_model("oven"), sas_sigmas(fit, "oven"), sigma(fit)^2)
  L <- cbind(0, diag(2))
  f <- c(t(L %*% at$beta) %*% solve(L %*% at$vcov %*% t(L), L %*% at$beta)) / 2
  table <- anova(fit, ddf = "containment")
  # a:b has rank 2 beyond a and b
  expect_equal(c(table$`F value`, table$NumDF, table$DenDF), c(f, 2, 2), tolerance = 1e-8)
  fit <- sas_fit("splitplot")
  at <- oracle_solution(sas_dense_model("splitplot"), sas_sigmas(fit, "splitplot"), sigma(fit)^2)
  for (label in c("a1 narrow", "a1 intermediate", "a1 broad", "a1-a2 narrow")) {
    own <- splitplot_weights(label)
    m <- numeric(length(at$b))
    blocks <- levels(splitplot$block)
    plots <- levels(interaction(splitplot$a, splitplot$block, drop = TRUE, lex.order = TRUE))
    if (length(own$random$block)) m[match(names(own$random$block), blocks)] <- own$random$block
    whole <- own$random$`a:block`
    if (length(whole)) m[length(blocks) + match(sub(":", ".", names(whole)), plots)] <- whole
    found <- predictable(fit, own$L, own$random)
    expect_equal(found$Estimate, sum(own$L * at$beta) + sum(m * at$b), tolerance = 1e-8)
    variance <- c(own$L %*% at$vcov %*% own$L + 2 * m %*% at$prediction_cross %*% own$L + m %*% at$prediction_error %*%
                  m)
    expect_equal(found$`Std. Error`, sqrt(variance), tolerance = 1e-7, label = label)
  }
})

test_that("the criterion away from the optimum is that of the dense formulas", {
  model <- sas_dense_model("oven")
  fit <- sas_fit("oven")
  order <- match(c("b", "a:b"), names(fit$frame$groups))
  for (ratio in list(c(17, 0.3), c(17, 0.345), c(20, 0.4), c(5, 0))) {
    theta <- numeric(2)
    theta[order] <- sqrt(ratio)
    dense <- oracle_profile(model, sqrt(ratio), TRUE)
    own <- criterion_at(fit, theta, TRUE)
    expect_equal(c(own$value, own$sigma2), c(dense$value, dense$sigma2), tolerance = 1e-11)
  }
  for (v in list(c(1270, 0, 91.6), c(1602, 32.8, 76.9), c(1464, 27, 78.8))) for (reml in c(TRUE, FALSE)) {
    held <- lmm(y ~ a + (1 | b) + (1 | a:b), oven, REML = reml,
                fixed = c(sigma = sqrt(v[3]), b = sqrt(v[1]), `a:b` = sqrt(v[2])))
    expect_equal(deviance(held), oracle_criterion(model, as.list(v[1:2]), v[3], reml), tolerance = 1e-12)
  }
})

# The help page of 'agridat' once printed what ASReml 3 gave (in sas.csv); now it prints what ASReml 4 gives, and that
# is not what SAS, NAG and ASReml 3 agree on. The data are balanced, so the REML estimates are plain combinations of
# mean squares.
test_that("where ASReml 4 differs on the split plot, it has stopped short of the optimum", {
  fit <- sas_fit("splitplot")
  table <- stats::anova(stats::lm(y ~ block + a * b + a:block, splitplot))
  square <- stats::setNames(table$`Mean Sq`, rownames(table))
  exact <- c((square[["block"]] - square[["block:a"]]) / 6,
  (square[["block:a"]] - square[["Residuals"]]) / 2, square[["Residuals"]])
  own <- as.data.frame(variance_components(fit))
  expect_equal(own$estimate[match(c("block", "a:block", "Residual"), own$grp)], exact, tolerance = 1e-8)
  printed <- c(62.42, 15.39, 9.364)
  expect_equal(printed, exact, tolerance = 1e-3)
  expect_gt(abs(printed[1] - exact[1]), 0.005)                # more than rounding
  model <- oracle_model(splitplot$y, model.matrix(~ a * b, splitplot), list(rep(1, 24), rep(1, 24)),
                        list(splitplot$block, interaction(splitplot$a, splitplot$block)))
  expect_gt(oracle_criterion(model, as.list(printed[1:2]), printed[3]), deviance(fit))
})
