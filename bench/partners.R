# Partner packages: every call of bench/partner_calls.R with a fit of lmm() and one of lmer(), with the largest relative
# difference of their numbers, and all loading orders. Packages that are not installed are named. Usage: make partners,
#   or Rscript bench/partners.R [--only=emmeans,car] [--output=file.csv]
# A full run writes inst/extdata/partners.csv.

suppressPackageStartupMessages(library(henderson))
# 'marginaleffects' takes it for granted, R before 4.4 lacks it
if (!exists("%||%")) `%||%` <- function(x, y) if (is.null(x)) y else x
source("bench/partner_calls.R")

argument <- function(name, default) {
  given <- grep(paste0("^--", name, "="), commandArgs(TRUE), value = TRUE)
  if (length(given)) sub("^[^=]*=", "", given[1L]) else default
}

# Pairs of fits, ours and the peer's: list(m =, s =) each.
partner_models <- function() {
  sleep <- lme4::sleepstudy
  oats <- transform(as.data.frame(nlme::Oats), nitro = factor(nitro), variety = Variety)
  some <- transform(sleep, w = rep(c(1, 2, 0.5), 60), sex = factor(ifelse(as.integer(Subject) %% 2L, "m", "f")))
  some$Reaction[c(3, 50, 99)] <- NA
  assign("sleep", sleep, globalenv())
  assign("oats", oats, globalenv())
  assign("some", some, globalenv())
  options(na.action = "na.omit")
  specs <- list(
    slope = quote(fit(Reaction ~ Days + (Days | Subject), sleep)),
    ml = quote(fit(Reaction ~ Days + (Days | Subject), sleep, REML = FALSE, na.action = na.fail)),
    nested = quote(fit(yield ~ nitro * variety + (1 | Block / variety), oats)),
    weighted = quote(fit(Reaction ~ Days + sex + (1 | Subject), some, weights = w)))
  lapply(specs, function(spec) lapply(list(ours = quote(lmm), peer = quote(lmerTest::lmer)), function(f) {
    spec[[1L]] <- f
    small <- spec
    small[[2L]] <- if (grepl("nitro", deparse(spec[[2L]]))) stats::update(eval(spec[[2L]]), . ~ . - nitro:variety)
                   else stats::update(eval(spec[[2L]]), . ~ . - Days)
    list(m = suppressMessages(eval(spec, globalenv())), s = suppressMessages(eval(small, globalenv())))
  }))
}

# All finite numbers of a result, whatever it is made of.
numbers_of <- function(x) {
  if (inherits(x, "emmGrid")) x <- as.data.frame(summary(x))
  if (is.numeric(x) || is.logical(x) || inherits(x, "Matrix")) return(as.numeric(as.vector(as.matrix(x))))
  if (is.factor(x) || is.character(x) || is.function(x) || is.environment(x) || is.language(x)) return(numeric())
  if (is.list(x)) return(unlist(lapply(unclass(x), numbers_of), use.names = FALSE))
  numeric()
}

evaluate <- function(call, package, fits) {
  scope <- list2env(fits, parent = new.env(parent = globalenv()))
  file <- tempfile()
  sink(file)
  on.exit(sink())
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off(), add = TRUE)
  parent <- new.env(parent = globalenv())
  for (name in c("lme4", package)) for (f in getNamespaceExports(name)) assign(f, getExportedValue(name, f),
                                                                               envir = parent)
  parent.env(scope) <- parent
  warnings <- character()
  value <- withCallingHandlers(
    tryCatch(eval(call$expr, scope), error = identity),
    warning = function(w) {
      warnings <<- c(warnings, conditionMessage(w))
      invokeRestart("muffleWarning")
    }, message = function(m) invokeRestart("muffleMessage"))
  list(value = value, warnings = unique(warnings))
}

difference <- function(ours, peer) {
  if (length(ours) != length(peer)) return(Inf)
  both <- is.finite(ours) & is.finite(peer)
  if (any(is.finite(ours) != is.finite(peer) & !is.na(peer))) return(Inf)
  if (!any(both)) return(NA_real_)
  size <- pmax(abs(peer[both]), 1e-6 * max(abs(peer[both])), 1e-8)
  max(abs(ours[both] - peer[both]) / size)
}

# The first function of the package in a call.
called_function <- function(expr, package) {
  names <- all.names(expr, unique = TRUE)
  own <- names[names %in% getNamespaceExports(package)]
  if (length(own)) own[1L] else names[1L]
}

verdict_of <- function(ours, peer, gap, tolerance) {
  if (inherits(ours, "lmm_error")) return("stops")
  if (inherits(peer, "error")) return("peer stops")
  if (inherits(ours, "error")) return("error")
  if (is.na(gap)) "ran" else if (gap <= tolerance) "same" else "differs"
}

compare_call <- function(call, package, models) {
  results <- lapply(models[[call$model]], function(fits) evaluate(call, package, fits))
  if (call$expected == "as_lmer") results$ours <- evaluate(call, package, lapply(models[[call$model]]$ours, as_lmer))
  ours <- results$ours$value
  failed <- inherits(ours, "error")
  gap <- if (failed || inherits(results$peer$value, "error")) NA_real_
         else difference(numbers_of(ours), numbers_of(results$peer$value))
  verdict <- verdict_of(ours, results$peer$value, gap, call$tolerance)
  if (verdict == "same" && call$expected == "as_lmer") verdict <- "as_lmer"
  data.frame(package = package, called = called_function(call$expr, package),
             version = as.character(utils::packageVersion(package)),
             call = paste(deparse(call$expr, 500L), collapse = " "),
             model = call$model, expected = call$expected, verdict = verdict, difference = signif(gap, 2),
             note = if (failed) sub("\n.*", "",
                                    conditionMessage(ours)) else paste(substr(results$ours$warnings, 1L, 120L),
                                                                       collapse = "; "),
             stringsAsFactors = FALSE)
}

compare_package <- function(package, models) {
  if (!requireNamespace(package, quietly = TRUE)) {
    return(data.frame(package = package, called = NA, version = NA, call = NA, model = NA, expected = NA,
                      verdict = "not installed", difference = NA, note = ""))
  }
  rows <- do.call(rbind, lapply(partner_calls[[package]], compare_call, package = package, models = models))
  cat(sprintf("%-16s %-9s %2d calls: %s\n", package, rows$version[1L], nrow(rows),
              paste(table(rows$verdict), names(table(rows$verdict)), collapse = ", ")))
  rows
}

# ---- loading orders ----

# What is called in each order, on fits of all packages; NA where an order is known to hide our function (see the
# vignette).
order_calls <- quote({
  fits <- list(ours = lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy),
               lme4 = lme4::lmer(Reaction ~ Days + (Days | Subject), lme4::sleepstudy),
               nlme = nlme::lme(Reaction ~ Days, lme4::sleepstudy, ~ Days | Subject))
  calls <- expression(fixef = fixef(fit), ranef = unlist(ranef(fit)), VarCorr = class(VarCorr(fit))[1],
                      getME = getME(fit, "beta"), ngrps = ngrps(fit),
    isSingular = isSingular(fit), refit = sigma(refit(fit, fitted(fit) + resid(fit))), sigma = sigma(fit),
    logLik = logLik(fit), coef = unlist(coef(fit)),
    anova = unlist(anova(fit)), confint = confint(fit, "beta_", method = "Wald"), predict = predict(fit),
    simulate = simulate(fit, 1, seed = 1)[[1]],
    getData = dim(nlme::getData(fit)), AIC = AIC(fit), update = fixef(update(fit, . ~ . -
                                                                             Days)), drop1 = unlist(drop1(fit)),
                                                                               summary = coef(summary(fit))[, 1])
  unlist(lapply(names(fits), function(name) {
    fit <- fits[[name]]
    skip <- if (name == "nlme") c("getME", "ngrps", "isSingular", "refit", "confint", "anova", "drop1", "simulate",
                                  "update", "VarCorr")
    values <- lapply(calls[setdiff(names(calls), skip)], function(call) {
      tryCatch(as.numeric(suppressWarnings(suppressMessages(eval(call, list(fit = fit), globalenv())))),
               error = function(e) "failed")
    })
    names(values) <- paste(name, names(values))
    vapply(values, function(v) if (identical(v, "failed")) v else paste(signif(sum(v, na.rm = TRUE), 4), length(v)), "")
  }))
})

permutations <- function(x) {
  if (length(x) < 2L) return(list(x))
  do.call(c, lapply(seq_along(x), function(i) lapply(permutations(x[-i]), function(rest) c(x[i], rest))))
}

loading_orders <- function() {
  core <- permutations(c("henderson", "lme4", "lmerTest", "nlme"))
  others <- Filter(function(p) requireNamespace(p, quietly = TRUE),
                   c("broom.mixed", "generics", "MASS", "car", "multcomp", "emmeans", "lattice"))
  c(core, lapply(others, function(p) c(p, "henderson")), lapply(others, function(p) c("henderson", p)))
}

# The values of order_calls in a new session that attaches the packages in this order.
run_order <- function(order) {
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  attach <- paste0("suppressWarnings(suppressPackageStartupMessages(library(", order, ", quietly = TRUE)))")
  paths <- paste0(".libPaths(", paste(deparse(.libPaths()), collapse = ""), ")")
  writeLines(c(paths, attach, "if (!'package:henderson' %in% search()) stop('not attached')", "value <-",
               deparse(order_calls),
               "cat(paste(names(value), value, sep = '=', collapse = '\\n'), '\\n')"), script)
  trimws(system2(file.path(R.home("bin"), "Rscript"), script, stdout = TRUE, stderr = FALSE))
}

compare_orders <- function() {
  orders <- loading_orders()
  results <- lapply(orders, run_order)
  reference <- results[[which.max(lengths(results))]]
  rows <- Map(function(order, result) {
    off <- c(setdiff(result, reference), if (!length(result)) "no result")
    data.frame(package = "loading order", called = NA, version = NA, call = paste(order, collapse = ", "), model = NA,
               expected = "same",
               verdict = if (length(off)) "differs" else "same", difference = NA, note = paste(off, collapse = "; "))
  }, orders, results)
  failed <- grep("ours .*=failed", reference, value = TRUE)
  if (length(failed)) stop("failing in every order: ", paste(failed, collapse = ", "))
  cat(length(orders), "loading orders,", sum(vapply(rows, `[[`, "", "verdict") != "same"), "with a difference\n")
  do.call(rbind, unname(rows))
}

only <- strsplit(argument("only", ""), ",")[[1L]]
models <- partner_models()
packages <- if (length(only)) intersect(only, names(partner_calls)) else names(partner_calls)
table <- do.call(rbind, lapply(packages, compare_package, models = models))
if (!length(only) || "orders" %in% only) table <- rbind(table, compare_orders())
utils::write.csv(table, argument("output", if (length(only)) tempfile() else "inst/extdata/partners.csv"),
                 row.names = FALSE)

called <- table[!table$verdict %in% "not installed", ]
good <- called$verdict == called$expected | called$verdict %in% c("ran", "peer stops")
if (any(!good)) print(called[!good, c("package", "call", "model", "verdict", "difference", "note")], row.names = FALSE,
                      right = FALSE)
missing <- table$package[table$verdict == "not installed"]
cat(if (length(missing)) c("Not installed:", missing, "\n"))
cat(sprintf("%d passed, %d failed, %d skipped\n", sum(good), sum(!good), length(missing)))
quit(status = if (any(!good)) 1 else 0)
