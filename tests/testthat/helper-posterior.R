# Models and priors of reference/posterior.csv, and its quantities from draws and from the grid.

reference_posteriors <- function() utils::read.csv(test_path("reference", "posterior.csv"),
                                                   colClasses = c(value = "character"))

posterior_fit <- function(model) {
  peer <- function(name) {
    skip_if_not_installed("lme4")
    space <- new.env()
    utils::data(list = name, package = "lme4", envir = space)
    space[[name]]
  }
  suppressMessages(switch(model,
    dyestuff = lmm(Yield ~ 1 + (1 | Batch), peer("Dyestuff")),
    dyestuff2 = lmm(Yield ~ 1 + (1 | Batch), peer("Dyestuff2")),
    sleepstudy = lmm(Reaction ~ Days + (Days | Subject), peer("sleepstudy")),
    Penicillin_crossed = lmm(diameter ~ 1 + (1 | plate) + (1 | sample), peer("Penicillin")), reference_fit(model)))
}

posterior_prior <- function(name) {
  number <- function(pattern) as.numeric(sub(pattern, "\\1", name))
  group <- if (startsWith(name, "half_cauchy")) prior_half_cauchy(number("half_cauchy_([0-9.]+)_.*"))
           else if (startsWith(name, "half_normal")) prior_half_normal(number("half_normal_([0-9.]+)_.*"))
           else if (startsWith(name, "pc_")) prior_pc(number("pc_U([0-9.]+)_.*"), number(".*_alpha([0-9.]+)_.*"))
           else if (name == "flat_sd_group_jeffreys_residual") prior_flat()
           else if (grepl("above_1e-17", name)) prior_inverse_wishart(1, 0, lower = 1e-17)
  if (!is.null(group)) return(list(group, residual = prior_jeffreys()))
  if (startsWith(name, "icc_")) return(prior_icc(number("icc_beta_([0-9.]+)_.*"),
                                                 number("icc_beta_[0-9.]+_([0-9.]+)_.*")))
  if (name == "iw_V1_nu3_R0.002") return(list(prior_inverse_wishart(1, 3), residual = prior_inverse_wishart(1, 0.002)))
  if (startsWith(name, "iw_V1_nu")) prior_inverse_wishart(1, number("iw_V1_nu([0-9.]+)$")) else prior_flat()
}

# The column of draws that a quantity belongs to, and the power that is meant.
posterior_column <- function(draws, what) {
  names <- names(draws)
  if (what == "icc") return(list(icc = TRUE, power = 1))
  power <- if (startsWith(what, "var_")) 2 else 1
  what <- sub("^var_", "sd_", what)
  column <- if (what == "sd_residual") "sigma" else if (startsWith(what, "beta:")) sub("beta:", "", what, fixed = TRUE)
            else if (what == "cor") grep("^cor__", names, value = TRUE) else if (what == "sd_days") "sd__Days.Subject"
            else if (what == "sd_intercept") "sd__(Intercept).Subject" else paste0("sd__(Intercept).",
                                                                                   sub("^sd_", "", what))
  list(column = column, power = power, icc = FALSE)
}

reference_statistic <- function(x, name) {
  switch(name, mean = mean(x), sd = sd(x), median = median(x),
         unname(quantile(x, as.numeric(sub("q", "", name)) / 100)))
}

# Standard error of a statistic of n independent draws.
statistic_error <- function(x, name, n = length(x)) {
  if (name == "mean") return(sd(x) / sqrt(n))
  if (name == "sd") return(sqrt(mean((x - mean(x))^4) / n) / (2 * sd(x)))
  p <- if (name == "median") 0.5 else as.numeric(sub("q", "", name)) / 100
  half <- 2 * sqrt(p * (1 - p) / n)
  unname(diff(quantile(x, pmin(1, pmax(0, p + c(-half, half)))))) / 4
}

# The columns of Z of one term, levels one after the other.
term_design <- function(fit, t) {
  sizes <- getME(fit, "q_i")
  as.matrix(model.matrix(fit, "random"))[, sum(sizes[seq_len(t - 1L)]) + seq_len(sizes[t]), drop = FALSE]
}
