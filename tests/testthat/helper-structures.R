# Fits with a residual structure whose results have been published or computed by dense formulas elsewhere
# (reference/structures.csv has the origin of every value).

structure_data <- function(name) {
  d <- utils::read.csv(test_path("reference", paste0(name, ".csv")), stringsAsFactors = TRUE)
  if (name == "fev") d$arm <- stats::relevel(d$arm, "PBO")
  if (name == "linesource") for (v in setdiff(names(d), "y")) d[[v]] <- factor(d[[v]])
  d
}

plain_orthodont <- function() {
  d <- as.data.frame(nlme::Orthodont)
  d$Subject <- factor(as.character(d$Subject))
  d$visit <- (d$age - 6) / 2
  d
}

structure_fit <- function(name) {
  quiet <- function(e) suppressMessages(e)
  fev <- function(formula, residual) quiet(lmm(formula, structure_data("fev"), residual = residual))
  pr <- function(residual, reml = TRUE) lmm(distance ~ Sex * age, plain_orthodont(), residual = residual, REML = reml)
  switch(name,
    fev_null = fev(y ~ 1, NULL), fev_ar1 = fev(y ~ 1, ~ ar1(visit | subject)),
    fev_cs = fev(y ~ 1, ~ cs(visit | subject)),
    fev_csh = fev(y ~ 1, ~ csh(visit | subject)), fev_exp = fev(y ~ 1, ~ exp(visit | subject)),
    fev_cs_by_arm = fev(y ~ 1, ~ cs(visit | arm/subject)),
    fev_us_full = fev(y ~ set + half + arm * factor(visit), ~ us(visit | subject)),
    fev_arm_ar1 = fev(y ~ arm, ~ ar1(visit | subject)), fev_arm_cs = fev(y ~ arm, ~ cs(visit | subject)),
    fev_arm_us = fev(y ~ arm, ~ us(visit | subject)),
    linesource = lmm(y ~ (cult + dir + irrig)^2 + (1 | block) + (1 | block:dir) + (1 | block:irrig),
                     structure_data("linesource"),
                     residual = ~ toep(plot | block:cult, bands = 4)),
    pr_cs = pr(~ cs(age | Subject)), pr_cs_ml = pr(~ cs(age | Subject), FALSE), pr_ar1 = pr(~ ar1(visit | Subject)),
    pr_us_ml = pr(~ us(visit | Subject), FALSE), pr_cs_by_sex_ml = pr(~ cs(visit | Sex/Subject), FALSE),
    sleep_us = lmm(extra ~ group, datasets::sleep, residual = ~ us(group | ID)),
    ovary_ar1 = lmm(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time) + (1 | Mare) + (0 + sin(2 * pi * Time) | Mare),
                    as.data.frame(nlme::Ovary), residual = ~ ar1(1 | Mare)),
    bodyweight_exp = lmm(weight ~ Time * Diet + (Time | Rat), as.data.frame(nlme::BodyWeight),
                         residual = ~ exp(Time | Rat)),
    dialyzer_power = lmm(rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB +
                         (pressure + I(pressure^2) | Subject),
                         as.data.frame(nlme::Dialyzer), variance = ~ log(pressure)))
}

# The contrasts of the line-source example over the coefficients of the fit.
linesource_contrast <- function(fit, name) {
  d <- expand.grid(cult = levels(fit$rows$data$cult), dir = levels(fit$rows$data$dir),
                   irrig = levels(fit$rows$data$irrig))
  X <- stats::model.matrix(~ (cult + dir + irrig)^2, d)[, names(fixef(fit, add.dropped = TRUE))]
  mean_over <- function(w) colSums(X * w) / sum(abs(w[w > 0]) > 0)
  cult <- (d$cult == "Bridger") - (d$cult == "Luke")
  linear <- c(-5, -3, -1, 1, 3, 5)[as.integer(d$irrig)]
  switch(name, "Bridger - Luke" = colSums(X * cult) / 12,
         "linear irrig (-5 -3 -1 1 3 5)" = colSums(X * linear) / (nrow(d) / 6),
         "(Bridger - Luke) x linear irrig" = colSums(X * cult * linear) / 2)
}

# 12 subjects at irregular times: y = x + intercept + exponential process of range 2, with weights.
irregular_data <- function() {
  set.seed(3)
  d <- data.frame(id = factor(rep(1:12, each = 6)), t = as.vector(replicate(12, sort(runif(6, 0, 8)))),
                  w = c(1, 2, 0.5))
  d$x <- rnorm(72)
  d$y <- d$x + rnorm(12)[d$id] + unlist(lapply(split(d, d$id), function(own) {
    drop(t(chol(exp(-as.matrix(dist(own$t)) / 2) / sqrt(outer(own$w, own$w)))) %*% rnorm(6))
  }))
  d
}

# 15 subjects, two rows at each of four times: an autoregressive random effect with correlation 0.7.
repeated_data <- function() {
  set.seed(5)
  d <- expand.grid(rep = 1:2, when = factor(1:4), id = factor(1:15))
  d$x <- rnorm(120)
  d$y <- d$x + 2 * as.vector(replicate(15, arima.sim(list(ar = 0.7), 4)))[rep(1:60, each = 2)] + rnorm(120)
  d
}
