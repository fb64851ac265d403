# Simulation-based calibration of posterior(): Rscript bench/posterior_calibration.R [--replicates=400] [MODEL ...]
#
# For each replicate the variance parameters come from their proper priors and the coefficients from normal ones,
# responses from the model, and the rank of each parameter among 99 draws (every tenth of 990) is noted. Prints for each
# model and parameter the p-value of a chi-square test of uniform ranks in 20 bins; Bonferroni's limit for all of them
# is below the table.

library(henderson)

arguments <- commandArgs(TRUE)
replicates <- as.integer(c(sub("--replicates=", "", grep("^--replicates=", arguments, value = TRUE)), 400)[1L])
wanted <- arguments[!startsWith(arguments, "--")]

blocks <- function(levels, each) data.frame(g = gl(levels, each), x = rep_len(c(-1, 0.3, 1.2, 0.1), levels * each),
                                            z = rep_len(c(0.5, -1, 0.2), levels * each))
crossed <- function(a, b) transform(expand.grid(g = gl(a, 1), h = gl(b, 1), rep = 1:2),
                                    x = rep_len(c(-1, 1, 0.4), 2 * a * b))
normal <- prior_half_normal(1.5)

models <- list(
  one_way_4 = list(data = blocks(4, 5), formula = y ~ 1 + (1 | g), prior = list(normal)),
  one_way_30 = list(data = blocks(30, 3), formula = y ~ 1 + (1 | g), prior = list(prior_inverse_wishart(1, 3))),
  blocks = list(data = transform(blocks(6, 4), t = gl(4, 1, 24)), formula = y ~ t + (1 | g),
                prior = list(prior_half_t(5, 1))),
  crossed = list(data = crossed(8, 6), formula = y ~ x + (1 | g) + (1 | h), prior = list(normal)),
  nested = list(data = transform(blocks(6, 8), k = factor(paste(g, rep(1:4, each = 2)))),
                formula = y ~ 1 + (1 | g) + (1 | k), prior = list(prior_pc(3, 0.1))),
  slopes_2 = list(data = blocks(12, 6), formula = y ~ x + (x | g), prior = list(normal, cor = prior_lkj(2))),
  slopes_3 = list(data = blocks(20, 8), formula = y ~ x + (x + z | g),
                  prior = list(g = prior_inverse_wishart(diag(3), 5), residual = normal)),
  weights = list(data = transform(blocks(8, 5), w = rep(c(0.5, 1, 2, 4, 1), 8)), formula = y ~ x + (1 | g),
                 prior = list(normal), weights = TRUE),
  held_correlation = list(data = blocks(12, 6), formula = y ~ x + (x | g), prior = list(normal),
                          fixed = c("cor_x.(Intercept)|g" = 0.4)))
# Residuals and relatives: `residuals()` draws the structure's parameters (as the columns of posterior() show them) and
# the covariance matrix of the rows, relative to sigma^2 where sigma is a parameter.
of_group <- function(data, R) R * outer(data$g, data$g, "==")
autoregressive <- function(data) {
  rho <- 2 * stats::rbeta(1L, 2, 2) - 1
  list(values = rho, R = of_group(data, rho^abs(outer(data$t, data$t, "-"))))
}
unstructured <- function(data) {
  S <- lkj_matrix(3L, 2)
  sd <- normal$draw(3L)
  S <- S * outer(sd, sd)
  list(values = c(sd[1L], S[2L, 1L], S[3L, 1L], sd[2L], S[3L, 2L], sd[3L]), R = of_group(data, S[data$t, data$t]))
}
visits <- function(levels, each) transform(blocks(levels, each), t = rep(seq_len(each), levels))
relatives <- 0.7^abs(outer(1:25, 1:25, "-"))
dimnames(relatives) <- rep(list(as.character(1:25)), 2L)
models <- c(models, list(
  ar1 = list(data = visits(12, 5), formula = y ~ x, prior = list(normal, cor = prior_lkj(2)), residual = ~ ar1(t | g),
             residuals = autoregressive),
  ar1_random = list(data = visits(15, 6), formula = y ~ x + (1 | g), prior = list(normal, cor = prior_lkj(2)),
                    residual = ~ ar1(t | g), residuals = autoregressive),
  unstructured = list(data = visits(15, 3), formula = y ~ x, prior = list(normal, cor = prior_lkj(2)),
                      residual = ~ us(t | g), residuals = unstructured),
  relatives = list(data = blocks(25, 3), formula = y ~ x + (1 | g), prior = list(normal),
                   relationship = list(g = relatives))))
if (length(wanted)) models <- models[wanted]

lkj_matrix <- function(q, eta) {
  L <- diag(q)
  for (i in seq_len(q)[-1L]) for (j in seq_len(i - 1L)) {
    b <- eta + (q - 1 - j) / 2
    L[i, j] <- (2 * stats::rbeta(1L, b, b) - 1) * sqrt(1 - sum(L[i, seq_len(j - 1L)]^2))
    L[i, i] <- sqrt(1 - sum(L[i, seq_len(j)]^2))
  }
  tcrossprod(L)
}

# A covariance matrix for each term, and sigma, from the priors.
draw_parameters <- function(model, fit) {
  unnamed <- if (is.null(names(model$prior))) model$prior else model$prior[names(model$prior) == ""]
  single <- Find(function(p) p$scope == "sd", unnamed)
  eta <- if (is.null(model$prior$cor)) 1 else model$prior$cor$eta
  covariance <- lapply(names(VarCorr(fit)), function(name) {
    q <- nrow(VarCorr(fit)[[name]])
    prior <- if (is.null(model$prior[[name]])) single else model$prior[[name]]
    if (q > 1L && identical(prior$kind,
                            "inverse_wishart")) return(solve(stats::rWishart(1L, prior$nu,
                                                                             solve(prior$nu * prior$V))[, , 1L]))
    sd <- prior$draw(q)
    R <- if (q == 1L) matrix(1) else if (!is.null(model$fixed)) matrix(c(1, model$fixed, model$fixed, 1),
                                                                       2L) else lkj_matrix(q, eta)
    R * outer(sd, sd)
  })
  residual <- if (is.null(model$prior$residual)) single else model$prior$residual
  list(covariance = covariance, sigma = residual$draw(1L),
       own = if (!is.null(model$residuals)) model$residuals(model$data))
}

draw_response <- function(model, fit, truth, beta) {
  levels <- if (length(truth$covariance)) getME(fit, "l_i")
  if (!is.null(model$relationship)) {
    b <- as.vector(t(chol(relatives)) %*% stats::rnorm(25)) * sqrt(truth$covariance[[1L]][1L])
    mean <- model.matrix(fit) %*% beta + b[model$data$g]
  } else {
    b <- unlist(Map(function(S, n) t(chol(S)) %*% matrix(stats::rnorm(n * nrow(S)), nrow(S)),
                  truth$covariance, levels))
    mean <- model.matrix(fit) %*% beta + if (length(b)) model.matrix(fit, "random") %*% b else 0
  }
  if (!is.null(truth$own)) {
    sigma <- if (identical(model$residuals, unstructured)) 1 else truth$sigma
    return(as.vector(mean + sigma * t(chol(truth$own$R)) %*% stats::rnorm(nrow(model$data))))
  }
  w <- if (isTRUE(model$weights)) model$data$w else 1
  as.vector(mean) + stats::rnorm(nrow(model$data), sd = truth$sigma / sqrt(w))
}

fit_model <- function(model) {
  arguments <- list(model$formula, data = model$data, fixed = model$fixed, residual = model$residual,
                    relationship = model$relationship)
  if (isTRUE(model$weights)) arguments$weights <- model$data$w
  suppressWarnings(suppressMessages(do.call(lmm, arguments)))
}

ranks_of <- function(model) {
  model$data$y <- stats::rnorm(nrow(model$data))
  shape <- fit_model(model)
  beta <- stats::rnorm(ncol(model.matrix(shape)), 0, 2)
  truth <- draw_parameters(model, shape)
  model$data$y <- draw_response(model, shape, truth, beta)
  draws <- suppressWarnings(posterior(fit_model(model), 990, c(model$prior, fixed = list(prior_normal(0, 2))),
                                      chains = 1, random = FALSE))
  sd <- unlist(lapply(truth$covariance, function(S) c(sqrt(diag(S)), stats::cov2cor(S)[lower.tri(S)])))
  values <- c(sd, if (identical(model$residuals, unstructured)) NA else truth$sigma, truth$own$values, beta)
  thin <- as.data.frame(draws)[10 * (1:99), seq_along(values), drop = FALSE]
  if (!is.null(model$fixed)) values[3L] <- NA
  stats::setNames(colSums(sweep(as.matrix(thin), 2L, values, `<`)), names(thin))
}

set.seed(20)
table <- NULL
for (name in names(models)) {
  lost <- 0
  # A response whose held values no fit reaches gives no replicate.
  one <- function() tryCatch(ranks_of(models[[name]]), lmm_error = function(e) {
    lost <<- lost + 1
    one()
  })
  time <- system.time(ranks <- t(replicate(replicates, one())))[["elapsed"]]
  for (parameter in colnames(ranks)) {
    if (anyNA(ranks[, parameter])) next
    counts <- tabulate(ranks[, parameter] %/% 5L + 1L, 20L)
    table <- rbind(table, data.frame(model = name, parameter = parameter, p = stats::chisq.test(counts)$p.value,
                                     mean_rank = mean(ranks[, parameter]) / 99))
  }
  cat(sprintf("%-18s %d replicates, %.0f s, least p %.3f%s\n", name, replicates, time,
              min(table$p[table$model == name]),
              if (lost) paste0(", ", lost, " responses without a fit") else ""))
}
print(table, digits = 3, row.names = FALSE)
cat(sprintf("least p %.4f of %d; Bonferroni's limit at 5 percent %.4f\n", min(table$p), nrow(table),
            0.05 / nrow(table)))
