# Models with residual and random-effect structures, fitted by lmm() and by a peer in one process, and compared.
#   Rscript bench/peers_structures.R [set or suite ...] [--part=0.25] [--limit=40] [--write]
# A set is a data set of bench/peers_grid.R (orth, bw, ...); a suite is nlme, mmrm, metafor or sasmixed. Packages that
# are not installed are left out. `--part` takes that share of the models of each set, `--limit` is the longest time of
# one fit in seconds, `--write` renews inst/extdata/peers_structures.csv.

suppressPackageStartupMessages(library(henderson))
script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1L]))
for (file in c("attempts.R", "peers_grid.R", "peers_mmrm.R", "peers_metafor.R", "peers_sasmixed.R")) {
  source(file.path(dirname(script), file))
}

# What the peers' objects say, in one form.
peer_coef <- function(fit) {
  if (inherits(fit, "lme")) return(nlme::fixef(fit))
  if (inherits(fit, "rma")) return(stats::setNames(drop(fit$beta), rownames(fit$beta)))
  if (inherits(fit, "merMod")) return(lme4::fixef(fit))
  stats::coef(fit)
}

# metafor's restricted likelihood contains log|X'X| / 2.
peer_likelihood <- function(fit) {
  out <- as.numeric(stats::logLik(fit))
  if (!inherits(fit, "rma") || fit$method != "REML") return(out)
  out - as.numeric(determinant(crossprod(fit$X))$modulus) / 2
}

peer_df <- function(fit) {
  if (inherits(fit, "mmrm")) return(suppressWarnings(stats::coef(summary(fit))[, "df"]))
  if (inherits(fit, "lme")) return(stats::setNames(fit$fixDF$X, names(nlme::fixef(fit))))
  NULL
}

# Standard errors and degrees of freedom of the tests that the case asks for.
own_table <- function(fit, case) {
  plain <- list(se = sqrt(diag(as.matrix(stats::vcov(fit)))))
  if (is.null(case$ddf)) return(plain)
  tryCatch({
    table <- suppressMessages(do.call(summary, c(list(fit), case$ddf)))$coefficients
    list(se = table[, "Std. Error"], df = table[, "df"])
  }, error = function(e) plain)
}

# Covariance matrix of the rows of one subject.
peer_covariance <- function(fit, subject) {
  if (inherits(fit, "gls") && !is.null(fit$modelStruct$corStruct)) {
    return(tryCatch(unclass(nlme::getVarCov(fit, individual = subject)), error = function(e) NULL))
  }
  if (!inherits(fit, "lme")) return(NULL)
  tryCatch(unclass(nlme::getVarCov(fit, individual = subject, type = "marginal")[[1L]]), error = function(e) NULL)
}

own_covariance <- function(fit, subject) {
  tryCatch({
    out <- nlme::getVarCov(fit, individuals = subject, type = "marginal")
    unclass(if (is.list(out)) out[[1L]] else out)
  }, error = function(e) NULL)
}

largest <- function(x, y, scale) {
  if (is.null(x) || is.null(y) || length(x) != length(y)) return(NA_real_)
  signif(max(abs(as.vector(x) - as.vector(y)) / scale), 2)
}

# One row of the report.
compared <- function(case, limit) {
  peer <- attempted(case$peer, limit)
  own <- attempted(case$ours, limit)
  a <- if (is.null(peer$value)) NA else peer_likelihood(peer$value)
  b <- if (is.null(own$value)) NA else as.numeric(stats::logLik(own$value))
  row <- data.frame(suite = case$suite, set = case$set, model = case$model, peer = a, own = b, difference = b - a,
                    beta = NA_real_, se = NA_real_, df = NA_real_, covariance = NA_real_, told = own$told,
                    seconds = round(own$seconds, 3), peer_seconds = round(peer$seconds, 3), error = own$error,
                    peer_error = peer$error)
  row$verdict <- verdict(row)
  if (is.na(row$difference)) return(row)
  table <- own_table(own$value, case)
  factor <- if (is.null(case$se_factor)) 1 else case$se_factor(peer$value)
  peer_se <- sqrt(diag(as.matrix(stats::vcov(peer$value)))) / factor
  row$beta <- largest(fixef(own$value), peer_coef(peer$value), table$se)
  row$se <- largest(table$se, peer_se, peer_se)
  row$df <- largest(table$df, peer_df(peer$value), peer_df(peer$value))
  if (!is.null(case$subject)) {
    V <- peer_covariance(peer$value, case$subject)
    row$covariance <- largest(own_covariance(own$value, case$subject), V, max(abs(V), 1e-300))
  }
  row
}

# nlme's standard errors of fits by maximum likelihood contain the factor n / (n - p).
ml_factor <- function(fit) {
  n <- fit$dims$N
  if (fit$method == "ML") sqrt(n / (n - fit$dims$p)) else 1
}

verdict <- function(row) {
  if (is.na(row$own)) return(if (is.na(row$peer)) "both failed" else "refused")
  if (is.na(row$peer)) return("peer failed")
  near <- 1e-6 * (1 + abs(row$peer))
  if (row$difference < -near) "lower" else if (row$difference > near) "higher" else "equal"
}

suites <- function() {
  all <- c(nlme_cases(), mmrm_cases(), metafor_cases(), sasmixed_cases())
  words <- grep("^--", commandArgs(TRUE), value = TRUE, invert = TRUE)
  part <- argument("part", 1)
  keep <- vapply(seq_along(all), function(k) {
    (!length(words) || any(c(all[[k]]$suite, all[[k]]$set) %in% words)) && (k * 0.6180339887) %% 1 < part
  }, NA)
  all[keep]
}

found <- list()
for (case in suites()) {
  found[[length(found) + 1L]] <- row <- compared(case, argument("limit", 40))
  if (row$verdict %in% c("lower", "refused")) {
    cat(sprintf("%s %s %s: %s, %.6f against %.6f %s %s\n", row$suite, row$set, row$model, row$verdict, row$own,
                row$peer, row$told, substr(gsub("\n", " ", row$error), 1, 160)))
  }
}
found <- do.call(rbind, found)
same <- found[found$verdict == "equal", ]
apart <- same[which(same$beta > 0.01 | same$se > 0.01 | same$df > 0.01 | same$covariance > 0.05), ]
cat("\nEqual likelihoods, but coefficients (in standard errors), standard errors, df or covariances differ:\n")
print(apart[c("suite", "set", "model", "difference", "beta", "se", "df", "covariance", "told")], row.names = FALSE)
verdicts <- factor(found$verdict, c("equal", "higher", "lower", "peer failed", "refused", "both failed"))
counts <- as.data.frame.matrix(table(paste(found$suite, found$set), verdicts))
counts <- data.frame(data = rownames(counts), models = rowSums(counts), counts, row.names = NULL, check.names = FALSE)
cat("\n")
print(counts, row.names = FALSE)
cat("\nseconds:", sum(found$seconds), "peers:", sum(found$peer_seconds), "\n")
if ("--write" %in% commandArgs(TRUE)) {
  file <- file.path(dirname(script), "..", "inst", "extdata", "peers_structures.csv")
  utils::write.csv(counts, file, row.names = FALSE)
}
