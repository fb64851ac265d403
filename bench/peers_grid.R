# Data sets of package 'nlme', and the grid of models for each: correlation x variance function x random effects,
# restricted and full maximum likelihood in turn. Formulas are text, as a user would type them.

plain_set <- function(name) {
  d <- as.data.frame(getExportedValue("nlme", name))
  for (v in names(d)) if (is.factor(d[[v]])) d[[v]] <- factor(as.character(d[[v]]))
  d
}

# `time`: positions; `visit`: whole-numbered ones that all subjects share; `by`: a factor and `cov`: a positive variable
# of the variance function; `slope`: a random slope.
nlme_sets <- function() {
  milk <- plain_set("Milk")
  list(
    orth = list(data = transform(plain_set("Orthodont"), visit = (age - 6) / 2), y = "distance ~ Sex * I(age - 11)",
                subject = "Subject", time = "age", visit = "visit", by = "Sex", cov = "age", slope = "I(age - 11)"),
    ovary = list(data = plain_set("Ovary"), y = "follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time)", subject = "Mare",
                 time = "Time", slope = "sin(2 * pi * Time)"),
    bw = list(data = plain_set("BodyWeight"), y = "weight ~ Time * Diet", subject = "Rat", time = "Time", by = "Diet",
              cov = "Time", slope = "Time"),
    dial = list(data = plain_set("Dialyzer"),
                y = "rate ~ (pressure + I(pressure^2) + I(pressure^3) + I(pressure^4)) * QB", subject = "Subject",
                time = "pressure", visit = "index", by = "QB", cov = "pressure", slope = "pressure"),
    spruce = list(data = plain_set("Spruce"), y = "logSize ~ days", subject = "Tree", time = "days", by = "plot",
                  cov = "days", slope = "days"),
    milk = list(data = milk[as.integer(milk$Cow) %% 3 == 0, ], y = "protein ~ Diet * Time", subject = "Cow",
                time = "Time", by = "Diet", cov = "Time", slope = "Time"),
    gluc = list(data = plain_set("Glucose2"), y = "glucose ~ Time + I(Time^2)", subject = "Subject", by = "Date",
                slope = "Time"),
    igf = list(data = plain_set("IGF"), y = "conc ~ age", subject = "Lot", slope = "age"),
    rpw = list(data = plain_set("RatPupWeight"), y = "weight ~ sex + Treatment + Lsize", subject = "Litter",
               by = "Treatment", cov = "Lsize"),
    phen = list(data = transform(subset(plain_set("Phenobarb"), !is.na(conc))), y = "conc ~ time", subject = "Subject",
                time = "time", by = "ApgarInd"),
    wheat = list(data = plain_set("Wheat2"), y = "yield ~ variety", subject = "Block", time = "latitude + longitude"),
    soy = list(data = plain_set("Soybean"), y = "weight ~ (Time + I(Time^2)) * Variety", subject = "Plot",
               time = "Time", by = "Variety", cov = "Time", slope = "Time"))
}

# Pairs of text: nlme's constructor and our structure.
grid_correlations <- function(s) {
  form <- function(x) paste0("form = ~ ", x, " | ", s$subject)
  out <- list(none = c("", ""), cs = c(sprintf("corCompSymm(%s)", form(1)), sprintf("cs(1 | %s)", s$subject)),
              ar1 = c(sprintf("corAR1(%s)", form(1)), sprintf("ar1(1 | %s)", s$subject)))
  orders <- list(ar2 = c(2, 0), ma1 = c(0, 1), ma2 = c(0, 2), arma11 = c(1, 1))
  for (n in names(orders)) {
    p <- orders[[n]]
    word <- if (p[2L] == 0) sprintf("ar(1 | %s, p = %d)", s$subject, p[1L]) else
      if (p[1L] == 0) sprintf("ma(1 | %s, q = %d)", s$subject, p[2L]) else
        sprintf("arma(1 | %s, p = %d, q = %d)", s$subject, p[1L], p[2L])
    out[[n]] <- c(sprintf("corARMA(p = %d, q = %d, %s)", p[1L], p[2L], form(1)), word)
  }
  if (!is.null(s$visit)) out$symm <- c(sprintf("corSymm(%s)", form(s$visit)),
                                       sprintf("corr(%s | %s)", s$visit, s$subject))
  if (is.null(s$time)) return(out)
  words <- c(exp = "corExp", gau = "corGaus", sph = "corSpher", lin = "corLin", ratio = "corRatio")
  for (w in names(words)) for (nugget in c(FALSE, TRUE)) {
    out[[paste0(w, if (nugget) "+nugget")]] <-
      c(sprintf("%s(%s, nugget = %s)", words[[w]], form(s$time), nugget),
        sprintf("%s(%s | %s%s)", w, s$time, s$subject, if (nugget) ", nugget = TRUE" else ""))
  }
  if (!grepl("+", s$time, fixed = TRUE)) out$car1 <- c(sprintf("corCAR1(%s)", form(s$time)),
                                                       sprintf("ou(%s | %s)", s$time, s$subject))
  out
}

grid_variances <- function(s) {
  out <- list(none = c("", ""))
  if (!is.null(s$by)) out$ident <- c(sprintf("varIdent(form = ~ 1 | %s)", s$by), s$by)
  if (is.null(s$cov)) return(out)
  out$power <- c(sprintf("varPower(form = ~ %s)", s$cov), sprintf("power(%s)", s$cov))
  out$exp <- c(sprintf("varExp(form = ~ %s)", s$cov), s$cov)
  out$both <- c(sprintf("varComb(varIdent(form = ~ 1 | %s), varExp(form = ~ %s))", s$by, s$cov),
                sprintf("%s + %s", s$by, s$cov))
  out
}

grid_random <- function(s) {
  out <- list(none = c("", ""), int = c(sprintf("~ 1 | %s", s$subject), sprintf("(1 | %s)", s$subject)))
  if (is.null(s$slope)) return(out)
  out$slope <- c(sprintf("~ %s | %s", s$slope, s$subject), sprintf("(%s | %s)", s$slope, s$subject))
  out$diag <- c(sprintf("list(%s = pdDiag(~ %s))", s$subject, s$slope), sprintf("(%s || %s)", s$slope, s$subject))
  out
}

# `--part` applies later. Compound symmetry beside a random intercept is the same model twice.
nlme_cases <- function() {
  if (!requireNamespace("nlme", quietly = TRUE)) return(list())
  out <- list()
  for (set in names(nlme_sets())) {
    s <- nlme_sets()[[set]]
    time <- if (!is.null(s$time) && !grepl("+", s$time, fixed = TRUE)) s$time
    s$data <- s$data[do.call(order, s$data[c(s$subject, time)]), ]
    correlations <- grid_correlations(s)
    variances <- grid_variances(s)
    random <- grid_random(s)
    for (i in seq_along(correlations)) for (j in seq_along(variances)) for (k in seq_along(random)) {
      if (k > 1L && names(correlations)[i] %in% c("cs", "symm")) next
      out[[length(out) + 1L]] <- nlme_case(set, s, c(names(correlations)[i], names(variances)[j], names(random)[k]),
                                           correlations[[i]], variances[[j]], random[[k]], (i + j + k) %% 2L == 0L)
    }
  }
  out
}

nlme_case <- function(set, s, label, correlation, variance, random, reml) {
  local <- list2env(list(d = s$data), parent = asNamespace("nlme"))
  method <- if (reml) "REML" else "ML"
  text <- c(if (nzchar(correlation[1L])) paste("correlation =", correlation[1L]),
            if (nzchar(variance[1L])) paste("weights =", variance[1L]))
  control <- if (nzchar(random[1L])) "lmeControl(msMaxIter = 200, maxIter = 200)"
             else "glsControl(msMaxIter = 200, maxIter = 200)"
  peer <- sprintf("%s(%s, d, %s)", if (nzchar(random[1L])) "lme" else "gls", s$y,
                  paste(c(if (nzchar(random[1L])) paste("random =", random[1L]), text, sprintf("method = '%s'", method),
                          paste("control =", control)), collapse = ", "))
  options <- c(sprintf("REML = %s", reml), if (nzchar(correlation[2L])) paste("residual = ~", correlation[2L]),
               if (nzchar(variance[2L])) paste("variance = ~", variance[2L]))
  own <- sprintf("henderson::lmm(%s, d, %s)", paste(c(s$y, if (nzchar(random[2L])) random[2L]), collapse = " + "),
                 paste(options, collapse = ", "))
  list(suite = "nlme", set = set, model = paste(c(label, method), collapse = " "), subject = 1, se_factor = ml_factor,
       ddf = if (nzchar(random[1L])) list(ddf = "inner-outer"),
       peer = function() suppressWarnings(eval(str2lang(peer), local)),
       ours = function() eval(str2lang(own), local))
}
