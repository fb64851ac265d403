# Coverage of intervals for variances and quantities: Rscript bench/variance_coverage.R [design ...] [--replicates=N]
# [--bootstrap=N] [--cores=N]. See bench/README.md.

library(henderson)

# ---- designs: rows, random terms, true standard deviations (residual 1) ----

oneway <- function(sizes) data.frame(g = factor(rep(seq_along(sizes), sizes)))
designs <- list(
  few = list(rows = oneway(rep(5, 5)), terms = "g", sd = c(g = 1)),
  many = list(rows = oneway(rep(3, 30)), terms = "g", sd = c(g = 0.7)),
  unequal = list(rows = oneway(c(2, 2, 3, 3, 4, 6, 9, 12)), terms = "g", sd = c(g = 1)),
  gauge = list(rows = expand.grid(k = 1:3, o = factor(1:3), p = factor(1:10)), terms = c("p", "o", "p:o"),
               sd = c(p = 3, o = 0.7, `p:o` = 0.5)),
  nested = list(rows = expand.grid(k = 1:2, b = factor(1:3), a = factor(1:8)), terms = c("a", "a:b"),
                sd = c(a = 1, `a:b` = 1)),
  gaps = list(rows = subset(expand.grid(k = 1:2, a = factor(1:6), b = factor(1:8)),
                            (as.integer(a) + as.integer(b) + k) %% 4 != 0),
              terms = c("a", "b"), sd = c(a = 1, b = 0.6)))

level <- 0.95

# ---- the questions: components, their sum, their shares ----

questions <- function(design) {
  names <- names(design$sd)
  part <- function(name) { force(name); function(p) p$covariance[[name]][1] }
  total <- function(p) p$sigma^2 + sum(unlist(p$covariance))
  share <- function(name) { force(name); function(p) p$covariance[[name]][1] / total(p) }
  c(stats::setNames(lapply(names, part), paste("variance", names)), list(total = total),
    stats::setNames(lapply(names, share), paste("share", names)))
}

truth <- function(design, questions) {
  state <- list(covariance = lapply(design$sd, function(s) matrix(s^2)), sigma = 1)
  vapply(questions, function(f) f(state), 0)
}

draw <- function(design) {
  y <- rnorm(nrow(design$rows))
  for (term in names(design$sd)) {
    code <- interaction(design$rows[strsplit(term, ":", fixed = TRUE)[[1]]], drop = TRUE)
    y <- y + design$sd[[term]] * rnorm(nlevels(code))[code]
  }
  y
}

# Limits of all questions by one method, a row for each; NA where it fails.
limits <- function(method, fit, asked, bootstrap) {
  out <- matrix(NA_real_, length(asked), 2)
  own <- if (method == "chisq") !grepl("^share", names(asked)) else rep(TRUE, length(asked))     # for variances only
  found <- tryCatch(switch(method,
    MLS = , generalized = henderson:::ems_quantity(ems(fit), asked, method, level, 2000, 1),
    bootstrap = do.call(quantity, c(list(fit), asked, method = "boot", nsim = bootstrap, seed = 1)),
    do.call(quantity, c(list(fit), asked[own], method = method))), error = function(e) NULL)
  if (!is.null(found)) out[own, ] <- as.matrix(found[c("lower", "upper")])
  out
}

one_response <- function(seed, design, asked, value, methods, bootstrap) {
  set.seed(seed)
  data <- design$rows
  data$y <- draw(design)
  formula <- as.formula(paste("y ~ 1 +", paste0("(1 | ", design$terms, ")", collapse = " + ")))
  fit <- suppressMessages(lmm(formula, data))
  vapply(methods, function(method) {
    own <- suppressWarnings(suppressMessages(limits(method, fit, asked, bootstrap)))
    c(own[, 1] <= value & value <= own[, 2], own[, 2] - own[, 1])
  }, numeric(2 * length(asked)))
}

# ---- command line ----

words <- commandArgs(TRUE)
number <- function(name, default) {
  own <- grep(paste0("^--", name, "=[0-9]+$"), words, value = TRUE)
  if (length(own)) as.integer(sub(".*=", "", own)) else default
}
unknown <- setdiff(words, c(names(designs), grep("^--(replicates|bootstrap|cores)=[0-9]+$", words, value = TRUE)))
if (length(unknown)) stop("not understood: ", paste(unknown, collapse = " "), "\nDesigns: ",
                          paste(names(designs), collapse = " "), call. = FALSE)
replicates <- number("replicates", 500L)
bootstrap <- number("bootstrap", 199L)
cores <- number("cores", 1L)
chosen <- intersect(names(designs), words)
if (!length(chosen)) chosen <- names(designs)
methods <- c("profile", "chisq", "delta", "MLS", "generalized", if (bootstrap > 0) "bootstrap")

for (name in chosen) {
  design <- designs[[name]]
  asked <- questions(design)
  value <- truth(design, asked)
  found <- simplify2array(parallel::mclapply(seq_len(replicates), one_response, design, asked, value, methods,
                                             bootstrap, mc.cores = cores))
  k <- length(asked)
  cover <- 100 * apply(found[seq_len(k), , , drop = FALSE], 1:2, mean, na.rm = TRUE)
  width <- apply(found[k + seq_len(k), , , drop = FALSE], 1:2, stats::median, na.rm = TRUE)
  missing <- 100 * apply(is.na(found[seq_len(k), , , drop = FALSE]), 1:2, mean)
  rownames(cover) <- rownames(width) <- rownames(missing) <- names(asked)
  cat("\n", name, ": percent of ", 100 * level, " percent limits that contain the true value (median width)", "\n",
      sep = "")
  shown <- matrix(sprintf("%.1f (%.3g)", cover, width), k, dimnames = dimnames(cover))
  shown[is.nan(cover)] <- ""
  print(noquote(shown), right = TRUE)
  if (any(missing > 0 & missing < 100)) {
    cat("percent without limits\n")
    print(round(missing[rowSums(missing > 0 & missing < 100) > 0, , drop = FALSE], 1))
  }
}
cat("\n", replicates, " responses for each design; standard error of 95 percent ",
    sprintf("%.1f", 100 * sqrt(0.05 * 0.95 / replicates)), "\n", sep = "")
