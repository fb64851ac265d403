# The data of package 'SASmixed' (Littell et al. 1996, SAS System for Mixed Models): the analyses of the book by lme()
# and gls(), and the repeated measures with each structure that both packages have.

sasmixed_set <- function(name) {
  where <- new.env()
  utils::data(list = name, package = "SASmixed", envir = where)
  d <- as.data.frame(where[[name]])
  for (v in names(d)) if (is.factor(d[[v]])) d[[v]] <- factor(as.character(d[[v]]))
  d
}

# Name of the data, fixed effects, random effects (nlme's and ours), correlation and variance function.
sasmixed_models <- function() {
  none <- c("", "")
  heart <- "HR ~ baseHR + Time * Drug"
  weights <- "strength ~ Program * factor(Time)"
  own <- function(set, y, random = none, correlation = none, variance = none) {
    list(set = set, y = y, random = random, correlation = correlation, variance = variance)
  }
  int <- function(g) c(sprintf("~ 1 | %s", g), sprintf("(1 | %s)", g))
  cor <- function(peer, form, ours) c(sprintf("%s(form = ~ %s)", peer, form), ours)
  repeated <- list(none, cor("corCompSymm", "1 | ID", "cs(T | ID)"), cor("corAR1", "T | ID", "ar1(T | ID)"),
                   cor("corSymm", "T | ID", "corr(T | ID)"), cor("corExp", "T | ID", "exp(T | ID)"),
                   cor("corARMA", "T | ID, p = 1, q = 1", "arma(T | ID, p = 1, q = 1)"))
  for_data <- function(x, subject, time) gsub("\\bT\\b", time, gsub("\\bID\\b", subject, x))
  out <- list(
    own("AvgDailyGain", "adg ~ InitWt * Treatment", int("Block")), own("BIB", "y ~ x * Treatment", int("Block")),
    own("Bond", "pressure ~ Metal", int("Ingot")), own("Cultivation", "drywt ~ Inoc * Cult", int("Block/Cult")),
    own("Genetics", "Yield ~ 1", int("Location/Family")), own("IncBlk", "y ~ x * Treatment", int("Block")),
    own("Mississippi", "y ~ Type", int("influent")), own("Multilocation", "Adj ~ Trt", int("Location/Block")),
    own("Multilocation", "Adj ~ Trt", int("Location"), none, c("varIdent(form = ~ 1 | Location)", "Location")),
    own("PBIB", "response ~ Treatment", int("Block")),
    own("SIMS", "Gain ~ Pretot", c("~ Pretot | Class", "(Pretot | Class)")),
    own("SIMS", "Gain ~ Pretot", c("list(Class = pdDiag(~ Pretot))", "(Pretot || Class)")),
    own("Semiconductor", "resistance ~ ET * position", int("Grp")), own("Semi2", "Thickness ~ 1", int("Lot/Wafer")),
    own("Semi2", "Thickness ~ Source", int("Lot/Wafer"), none, c("varIdent(form = ~ 1 | Source)", "Source")),
    own("TeachingI", "score ~ Method * Gender", int("uTeacher")),
    own("TeachingII", "score ~ IQ * Method", int("uTeacher")),
    own("WaferTypes", "delta ~ Type * Temperature", int("uWafer")),
    own("WWheat", "Yield ~ Moisture", c("~ Moisture | Variety", "(Moisture | Variety)")),
    own("HR", heart, c("~ Time | Patient", "(Time | Patient)")), own("HR", heart, int("Patient")),
    own("HR", heart, int("Patient"), cor("corExp", "Time | Patient", "exp(Time | Patient)")))
  for (r in repeated) {
    program <- for_data(r, "person", "visit")
    out <- c(out, list(own("HR", heart, none, for_data(r, "Patient", "visit")), own("Weights", weights, none, program),
                       own("Weights", weights, none, program, c("varIdent(form = ~ 1 | Program)", "Program"))),
             if (!any(grepl("Symm", r))) list(own("Weights", weights, int("person"), program)))
  }
  out
}

sasmixed_cases <- function() {
  if (!requireNamespace("SASmixed", quietly = TRUE)) return(list())
  out <- list()
  for (m in sasmixed_models()) for (reml in c(TRUE, FALSE)) {
    d <- sasmixed_set(m$set)
    if (m$set == "Weights") d$person <- interaction(d$Program, d$Subj, drop = TRUE)
    if (m$set %in% c("Weights", "HR")) d$visit <- as.integer(factor(d$Time))
    s <- list(data = d, y = m$y)
    label <- c(m$y, m$random[2L], m$correlation[2L], m$variance[2L])
    case <- nlme_case(m$set, s, label[nzchar(label)], m$correlation, m$variance, m$random, reml)
    case$suite <- "sasmixed"
    out[[length(out) + 1L]] <- case
  }
  out
}
