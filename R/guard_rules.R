# What guard.R knows about arguments: those that mean the same in every function are checked by their name.

argument_checks <- c(
  sapply(c("add.dropped", "allow.new.levels", "complete", "condVar", "conf.int", "drop", "evaluate", "fixed.only",
           "full", "joint", "mixture", "oldNames", "optional", "progress", "quote", "random.only", "reduce.fixed",
           "reduce.random", "reduce.terms", "right", "scaled", "se.fit",
           "signif.legend", "signif.stars", "symbolic.cor", "use.u"), function(name) check_flag),
  sapply(c("level", "conf.level"), function(name) check_level),
  sapply(c("digits", "dig.tst"), function(name) check_digits),
  sapply(c("max", "width"), function(name) check_count),
  list(threads = function(x, name) if (!is.null(x)) check_count(x, name)),
  sapply(c("print.gap", "eps.Pvalue"), function(name) function(x, name) check_number(x, name, 0, 1024)),
  list(nsim = function(x, name) check_number(x, name, 1, whole = TRUE), correlation = check_flag_or_null,
       levels = check_levels_of, na.print = check_text))

# Expressions that are looked up in the data.
unevaluated_arguments <- list(lmm = c("weights", "offset", "subset", "residual", "variance"),
                              cross_products = c("weights", "offset", "subset"))

# Arguments with a common name and another meaning, which their function checks itself.
other_meanings <- list(getGroups.lmm_fit = "level")

# Arguments that printing passes on, by method; of those not listed nothing is passed on.
matrix_printing <- c("quote", "right", "max", "width", "na.print", "print.gap")
frame_printing <- c("quote", "right", "max", "row.names")
table_printing <- c("eps.Pvalue", "signif.legend", "dig.tst", "right", "max", "print.gap")
printing_arguments <- list(
  print.coef.lmm_fit = c("digits", matrix_printing), print.ranef.lmm_fit = c("digits", matrix_printing),
  print.VarCorr.lmm_fit = setdiff(matrix_printing, "quote"), print.lmm_profile = c("digits", matrix_printing),
  print.lmm_bootstrap = matrix_printing, print.lmm_anova = table_printing, print.quantity_table = frame_printing,
  print.responses_table = frame_printing, print.group_influence = frame_printing, print.lmm_acf = frame_printing,
  print.lmm_variogram = frame_printing, print.summary.lmm_fit = table_printing, print.ranova = table_printing,
  print.power_study = matrix_printing, print.backward.lmm_fit = c("digits", "signif.stars"),
  print.variance_components = c("quote", "right", "max"))

# What base graphics take: arguments of plot(), histograms and pairs(), then par().
graphical_parameters <- c(
  "type", "xlim", "ylim", "log", "main", "sub", "xlab", "ylab", "ann", "axes", "frame.plot", "panel.first",
  "panel.last", "asp", "xgap.axis", "ygap.axis", "freq", "density", "angle", "border", "labels", "panel",
  "lower.panel", "upper.panel", "diag.panel", "text.panel", "label.pos", "line.main", "cex.labels", "font.labels",
  "row1attop", "gap", "adj", "bg", "bty", "cex", "cex.axis", "cex.lab", "cex.main", "cex.sub", "col", "col.axis",
  "col.lab", "col.main", "col.sub", "crt", "err", "family", "fg", "font", "font.axis", "font.lab", "font.main",
  "font.sub", "lab", "las", "lend", "lheight", "ljoin", "lmitre", "lty", "lwd", "mgp", "mkh", "pch", "srt", "tck",
  "tcl", "xaxp", "xaxs", "xaxt", "xlog", "xpd", "yaxp", "yaxs", "yaxt", "ylog")

# Arguments of the same methods for other classes that callers may give, and that have no meaning here.
foreign_arguments <- list(
  coef.lmm_fit = "complete", coef.summary.lmm_fit = "complete", deviance.lmm_fit = "relative", fitted.lmm_fit = "type",
  fixef.lmm_fit = "effects",
  formula.lmm_fit = "env", logLik.lmm_fit = character(),
  model.frame.lmm_fit = c("data", "drop.unused.levels", "na.action"),
  model.matrix.lmm_fit = c("data", "contrasts.arg"), nobs.lmm_fit = "use.fallback", residuals.lmm_fit = "na.action",
  sigma.lmm_fit = "use.fallback", VarCorr.lmm_fit = "rdig", vcov.summary.lmm_fit = c("complete", "correlation"),
  weights.lmm_fit = "type",
  terms.lmm_fit = c("fixed.only", "random.only", "data", "keep.order", "simplify", "specials", "allowDotAsName"))

# `arguments`: names of those that are evaluated on entry; `texts`: those that choose between words; `dots`: names
# that `...` may have, NULL where the function has none, looks at them itself, or is called by R with any; `level`:
# which of the two names of the confidence level is an argument, where the other may be in `...`; `missing`: a call
# that tells in the function's frame which of `arguments` are missing.
argument_rules <- function(name, fn) {
  arguments <- setdiff(names(formals(fn)), c("...", unevaluated_arguments[[name]], other_meanings[[name]]))
  words <- vapply(formals(fn)[arguments], function(default) {
    is.call(default) && identical(default[[1L]], quote(c)) && all(vapply(as.list(default)[-1L], is.character, NA))
  }, NA)
  level <- intersect(level_names, arguments)
  if (length(level) != 1L || !"..." %in% names(formals(fn))) level <- NULL
  dots <- known_dots(name, fn)
  if (!is.null(dots) && !is.null(level)) dots <- c(dots, setdiff(level_names, level))
  missing <- as.call(c(quote(c), quote(logical()), lapply(arguments, function(name) call("missing", as.name(name)))))
  list(arguments = arguments, texts = arguments[words], dots = dots, level = level, missing = missing)
}

known_dots <- function(name, fn) {
  if (name %in% names(printing_arguments)) return(printing_arguments[[name]])
  if (grepl("^plot[._]", name) && name != "plot.lmm_fit") return(graphical_parameters)
  used <- any(c("...", "...length", "...names", "...elt") %in% all.names(body(fn)))
  if (used || !"..." %in% names(formals(fn)) || name %in% c("str.lmm_fit", "format.lmm_fit",
                                                              "format.VarCorr.lmm_fit")) return(NULL)
  if (startsWith(name, "as.data.frame.")) return(c("row.names", "optional", "stringsAsFactors", "make.names", "nm"))
  c(character(), foreign_arguments[[name]])
}
