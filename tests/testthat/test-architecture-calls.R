# Which file of R may call which, and how a fit is read: rules of vignettes/architecture.Rmd.

skip_if_not_installed("codetools")

# The steps of a fit, each with its files from the bottom up: a file calls only files that stand before it.
steps <- list(
  condition = "condition",
  check = c("check", "words", "level_text", "formula_parts", "foreign_words", "covariance", "residual_variance_formula",
            "residual_formula", "pedigree", "relationship", "across", "check_formula",
            "formula_memory"),
  spec = "model_spec",
  frame = c("written_call", "random_stream", "control", "model_classes", "model_variables", "check_variables",
            "model_groups", "model_rows", "model_responses", "model_probe", "model_readers", "new_classes",
            "design_pieces", "design_cells", "design", "across_plan", "variance_parameters", "held", "held_terms",
            "model_random",
            "model_size", "engine", "residual_groups", "residual_variance", "residual_known", "residual_rows",
            "residual_parameters", "residual_origin", "residual_plan", "model_frame"),
  cross_products = c("progress", "residual_check", "start", "residual_fit", "summed_blocks"),
  optimum = c("iterative", "optimum_conditions", "row_prints", "optimum"),
  fit = c("fit", "mean_response", "fit_model_frame")
)

r_files <- function() {
  root <- test_path("..", "..")
  skip_if(!dir.exists(file.path(root, "src")), "needs the source tree")
  files <- list.files(file.path(root, "R"), "\\.R$", full.names = TRUE)
  files[basename(files) != "RcppExports.R"]
}

# Top-level definitions of a file: name = expression.
definitions <- function(file) {
  parsed <- Filter(function(e) is.call(e) && identical(e[[1L]], as.name("<-")) && is.name(e[[2L]]),
                   as.list(parse(file, keep.source = FALSE)))
  stats::setNames(lapply(parsed, `[[`, 3L), vapply(parsed, function(e) as.character(e[[2L]]), ""))
}

# What an expression takes from its surroundings.
used_names <- function(e) {
  is_function <- is.call(e) && identical(e[[1L]], as.name("function"))
  made <- eval(if (is_function) e else call("function", NULL, e), baseenv())
  unlist(codetools::findGlobals(made, merge = FALSE), use.names = FALSE)
}

# "optimum.R calls lmm.R (find_optimum > lmm)" for each call that does not go down.
upward_calls <- function(files, order) {
  own <- lapply(files, definitions)
  names(own) <- sub("\\.R$", "", basename(files))
  home <- rep(names(own), lengths(own))
  names(home) <- unlist(lapply(own, names))
  unlist(lapply(order, function(file) {
    unlist(lapply(names(own[[file]]), function(name) {
      used <- intersect(used_names(own[[file]][[name]]), names(home))
      used <- used[home[used] != file]
      up <- is.na(match(home[used], order)) | match(home[used], order) > match(file, order)
      if (any(up)) sprintf("%s.R calls %s.R (%s > %s)", file, home[used[up]], name, used[up])
    }))
  }))
}

test_that("the files that make a fit call only those before them", {
  files <- r_files()
  order <- unlist(steps, use.names = FALSE)
  expect_identical(setdiff(order, sub("\\.R$", "", basename(files))), character())
  expect_null(upward_calls(files, order))
})

# The slots of a fit, and the files that make or mend one.
slots <- c("call", "spec", "frame", "rows", "cross_products", "optimum", "estimates", "control", "conditions",
           "version", "data", "cells", "origin", "row_prints")
makers <- c("fit", "fit_model_frame", "optimum", "lmm", "whole_fit")

# Names under which a function has a fit: `fit`, and the first argument of a method for fits.
fit_names <- function(name, e) {
  of_fit <- grepl("\\.lmm_fit$", name) && !grepl("\\.(summary|ranef|coef|VarCorr|coeftest)\\.lmm_fit$", name)
  is_method <- of_fit && is.call(e) && identical(e[[1L]], as.name("function"))
  c("fit", if (is_method) names(e[[2L]])[1L])
}

# A fit by its name, an element of `fits`, or the part `fit` of a list.
is_fit <- function(e, fits) {
  if (is.name(e)) return(as.character(e) %in% fits)
  if (!is.call(e) || length(e) != 3L) return(FALSE)
  (identical(e[[1L]], as.name("$")) && identical(e[[3L]], as.name("fit"))) ||
    (identical(e[[1L]], as.name("[[")) && identical(e[[2L]], as.name("fits")))
}

# "object$spec" for each slot that an expression reads from a fit. What is assigned to makes another fit.
read_slots <- function(e, fits) {
  if (!is.call(e)) return(NULL)
  if (identical(e[[1L]], as.name("function"))) return(read_slots(e[[3L]], fits))
  is_read <- identical(e[[1L]], as.name("$")) && is_fit(e[[2L]], fits) && as.character(e[[3L]]) %in% slots
  if (is_read) return(deparse1(e))
  if (as.character(e[[1L]])[1L] %in% c("<-", "=")) return(c(read_slots(target_arguments(e[[2L]]), fits),
                                                            read_slots(e[[3L]], fits)))
  unlist(lapply(as.list(e), read_slots, fits))
}

# The indices of what is assigned to: in fit$frame$x[[object$spec]] that is object$spec.
target_arguments <- function(e) {
  indices <- list()
  while (is.call(e)) {
    indices <- c(indices, as.list(e)[-(1:2)])
    e <- e[[2L]]
  }
  as.call(c(as.name("list"), indices))
}

test_that("the slots of a fit are read through the accessors of fit.R", {
  for (file in r_files()) {
    if (sub("\\.R$", "", basename(file)) %in% makers) next
    own <- definitions(file)
    read <- unlist(Map(function(e, name) read_slots(e, fit_names(name, e)), own, names(own)))
    expect_null(read, label = basename(file))
  }
})

test_that("the rules above see what breaks them", {
  folder <- tempfile()
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  writeLines("lower <- function(x) upper(x)", file.path(folder, "low.R"))
  writeLines("upper <- function(x) x", file.path(folder, "high.R"))
  files <- file.path(folder, c("low.R", "high.R"))
  expect_match(upward_calls(files, c("low", "high")), "low.R calls high.R")
  expect_null(upward_calls(files, c("high", "low")))
  expect_identical(read_slots(quote(f(object$spec$reml, fit$frame)), c("fit", "object")),
                   c("object$spec", "fit$frame"))
  expect_identical(read_slots(quote(f(info$fit$rows, fits[[1L]]$control)), "fit"),
                   c("info$fit$rows", "fits[[1L]]$control"))
  expect_null(read_slots(quote(fit$frame$x <- x$spec), "fit"))
})
