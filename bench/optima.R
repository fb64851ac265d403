# Is the optimum found? Random designs, each fitted and compared with the best of ten random starts of a dense
# criterion: Rscript bench/optima.R [--designs=N] [--first=N] [--cores=N] [--file=PATH [--refit]] [--write]. See
# bench/README.md.

library(henderson)
script <- normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
source(file.path(dirname(script), "optima_designs.R"))
source(file.path(dirname(script), "optima_dense.R"))

read_options <- function(words) {
  numbers <- "^--(designs|first|cores)=[1-9][0-9]*$"
  files <- grep("^--file=.", words, value = TRUE)
  unknown <- words[!grepl(numbers, words) & !words %in% c("--write", "--refit", files)]
  if (length(unknown)) stop("not understood: ", paste(unknown, collapse = " "),
                            "\nOptions: --designs=N --first=N --cores=N --file=PATH --refit --write", call. = FALSE)
  out <- list(designs = 2000L, first = 1L, cores = 2L, file = sub("--file=", "", c(files, "")[1L]),
              write = "--write" %in% words, refit = "--refit" %in% words)
  for (word in grep(numbers, words,
                    value = TRUE)) out[[sub("^--(.*)=.*", "\\1", word)]] <- as.integer(sub(".*=", "", word))
  out
}

# What a fit says, with the classes of its conditions.
fitted_design <- function(design) {
  told <- character(0)
  note <- function(c) told <<- c(told, class(c)[1L])
  started <- proc.time()[["elapsed"]]
  fit <- tryCatch(withCallingHandlers(
    if (design$weighted) lmm(design_formula(design), design$data, weights = w, REML = design$reml)
    else lmm(design_formula(design), design$data, REML = design$reml),
    message = function(c) { note(c); invokeRestart("muffleMessage") },
    warning = function(c) { note(c); invokeRestart("muffleWarning") }), error = identity)
  list(fit = fit, told = told, seconds = proc.time()[["elapsed"]] - started)
}

# `known`: the row of an earlier run, whose dense optimum counts.
one_design <- function(seed, known = NULL) {
  design <- random_design(seed)
  got <- fitted_design(design)
  out <- data.frame(seed = seed, n = nrow(design$data), formula = deparse1(design_formula(design)),
                    weighted = design$weighted,
                    terms = length(design$random), reml = design$reml, outcome = "fitted",
                    told = paste(unique(got$told), collapse = " "), fit = NA_real_,
                    dense_at_fit = NA_real_, best = NA_real_, evaluations = NA_integer_, seconds = got$seconds)
  if (inherits(got$fit, "error")) {
    out$outcome <- class(got$fit)[1L]
    return(out)
  }
  beta <- fixef(got$fit, add.dropped = TRUE)
  model <- dense_model(design, names(beta)[!is.na(beta)])
  out$fit <- -2 * c(logLik(got$fit))
  out$dense_at_fit <- value_at(model, got$fit, design)
  if (is_unbounded(model, got$fit, design)) out$outcome <- "unbounded"
  out$best <- if (is.null(known) || is.na(known$best)) dense_optimum(model)$objective else known$best
  out$evaluations <- got$fit$optimum$evaluations
  out
}

# Has -2 log L no lower bound? Then by the dense formula too it keeps falling, decade after decade, as the residual
# standard deviation shrinks beside the covariance matrices of the fit.
is_unbounded <- function(model, fit, design) {
  if (!identical(fit$optimum$status, "unbounded")) return(FALSE)
  covariances <- fitted_covariances(fit, design)
  largest <- max(vapply(covariances, function(S) max(diag(S)), 0))
  values <- vapply(10^-(1:7), function(share) {
    accurate_value(model, dense_theta(model, lapply(covariances, `/`, largest * share^2)))
  }, 0)
  falls <- diff(values[is.finite(values)])
  length(falls) > 1L && all(utils::tail(falls, 2L) < -0.5)
}

value_at <- function(model, fit, design) {
  sigma <- sigma(fit)
  if (!(sigma > 0)) return(NA_real_)
  accurate_value(model, dense_theta(model, lapply(fitted_covariances(fit, design), `/`, sigma^2)))
}

# The covariance matrix of each term, in the order of the design.
fitted_covariances <- function(fit, design) {
  place <- match(vapply(design$random, term_text, ""), paste0("(", vapply(fit$frame$random, `[[`, "", "label"), ")"))
  lapply(fit$estimates$covariance[place], unname)
}

# ---- table ----

# A fit below the best of the random starts by more than this, in log-likelihood, has missed the optimum. Both formulas
# may have rounding errors of this size where ratios of variances or weights span many decades, so a fit counts as
# found if either its own value or the dense formula at its parameters reaches the best.
missed_by <- 1e-6
below_best <- function(result) (pmin(result$fit, result$dense_at_fit, na.rm = TRUE) - result$best) / 2

table_of <- function(result) {
  result$missed <- result$outcome == "fitted" & !is.na(result$fit) & below_best(result) > missed_by
  told <- grepl("lmm_message_optima|lmm_warning_convergence", result$told)
  kinds <- list("all" = TRUE, "REML" = result$reml, "ML" = !result$reml, "weights over six decades" = result$weighted,
                "one random term" = result$terms == 1L, "several random terms" = result$terms > 1L,
                "diagonal terms" = grepl("||", result$formula, fixed = TRUE),
                "fewer than 20 rows" = result$n < 20L)
  do.call(rbind, lapply(names(kinds), function(kind) {
    use <- rep_len(kinds[[kind]], nrow(result))
    fitted <- use & result$outcome == "fitted"
    unbounded <- use & result$outcome == "unbounded"
    data.frame(designs = kind, drawn = sum(use), refused = sum(use & !fitted & !unbounded),
               exact = sum(fitted & is.na(result$fit)), unbounded = sum(unbounded),
               compared = sum(fitted & !is.na(result$fit)), missed = sum(use & result$missed),
               untold = sum(use & result$missed & !told), told = sum(fitted & grepl("lmm_message_optima", result$told)))
  }))
}

write_table <- function(table, options) {
  path <- file.path(dirname(dirname(script)), "inst", "extdata", "optima.csv")
  writeLines(sprintf("# Rscript bench/optima.R --designs=%d --first=%d --write: %s, henderson %s, %s", options$designs,
                     options$first,
                     Sys.Date(), utils::packageVersion("henderson"), R.version.string), path)
  suppressWarnings(utils::write.table(table, path, append = TRUE, sep = ",", row.names = FALSE))
  cat("written: inst/extdata/optima.csv\n")
}

print_missed <- function(result) {
  missed <- result[which(result$outcome == "fitted" & below_best(result) > missed_by), ]
  missed$below <- signif(below_best(missed), 3)
  if (nrow(missed)) print(missed[c("seed", "n", "formula", "weighted", "reml", "told", "below")], row.names = FALSE)
}

# In blocks; with --file the designs of an earlier run are not drawn again.
all_designs <- function(options) {
  seeds <- options$first + seq_len(options$designs) - 1L
  result <- earlier <- if (file.exists(options$file)) readRDS(options$file)
  if (options$refit) result <- NULL
  todo <- setdiff(seeds, result$seed)
  for (block in split(todo, (seq_along(todo) - 1L) %/% 50L)) {
    result <- rbind(result, do.call(rbind, parallel::mclapply(block, function(seed) {
      one_design(seed, if (seed %in% earlier$seed) earlier[match(seed, earlier$seed), ])
    }, mc.cores = options$cores, mc.preschedule = FALSE)))
    if (nzchar(options$file) && !options$refit) saveRDS(result, options$file)
  }
  if (nzchar(options$file) && options$refit) saveRDS(result, options$file)
  result[match(seeds, result$seed), ]
}

options <- read_options(commandArgs(TRUE))
result <- all_designs(options)
old <- base::options(width = 200)
print_missed(result)
print(table_of(result), row.names = FALSE)
relative <- abs(result$fit - result$dense_at_fit) / (1 + abs(result$fit))
cat("largest difference of the criterion from the dense formula at the same parameters, relative: ",
    format(max(relative[is.finite(relative)]), digits = 2), "\n", sep = "")
if (options$write) write_table(table_of(result), options)
