# Models of package 'mmrm' for its own data: the structure names are the same.

mmrm_cases <- function() {
  if (!requireNamespace("mmrm", quietly = TRUE)) return(list())
  fev <- as.data.frame(mmrm::fev_data)
  fev$visit <- as.integer(fev$AVISIT)
  bcva <- as.data.frame(mmrm::bcva_data)
  words <- c("us", "ad", "adh", "ar1", "ar1h", "cs", "csh", "toep", "toeph")
  out <- list()
  add <- function(...) out[[length(out) + 1L]] <<- mmrm_case(...)
  for (word in words) for (by in c("", "ARMCD/")) for (weighted in c(FALSE, TRUE)) {
    term <- sprintf("%s(AVISIT | %sUSUBJID)", word, by)
    for (method in c("Kenward-Roger", "Kenward-Roger-Linear", "Satterthwaite", "ML")) {
      add("fev", fev, "FEV1 ~ RACE + SEX + ARMCD * AVISIT", term, term, method, if (weighted) "WEIGHT")
    }
  }
  add("fev", fev, "FEV1 ~ RACE + ARMCD", "sp_exp(VISITN | USUBJID)", "exp(VISITN | USUBJID)", "Kenward-Roger-Linear")
  add("fev", fev, "FEV1 ~ RACE + ARMCD", "sp_exp(VISITN, VISITN2 | USUBJID)", "exp(VISITN + VISITN2 | USUBJID)", "ML")
  for (word in setdiff(words, "us")) {
    term <- sprintf("%s(AVISIT | USUBJID)", word)
    add("bcva", bcva, "BCVA_CHG ~ BCVA_BL + RACE + ARMCD * AVISIT", term, term, "Satterthwaite")
  }
  out
}

# mmrm's degrees of freedom of Kenward and Roger are those of observed information.
mmrm_case <- function(set, d, formula, term, own_term, method, weights = NULL) {
  lapply(list(formula, term, own_term, method), force)
  w <- if (!is.null(weights)) d[[weights]]
  reml <- method != "ML"
  kr <- startsWith(method, "Kenward")
  peer <- function() {
    arguments <- list(stats::as.formula(paste(formula, "+", term)), data = d, reml = reml,
                      method = if (kr) "Kenward-Roger" else "Satterthwaite")
    if (kr) arguments$vcov <- method
    if (!is.null(w)) arguments$weights <- w
    suppressWarnings(suppressMessages(do.call(mmrm::mmrm, arguments)))
  }
  ours <- function() {
    arguments <- list(stats::as.formula(formula), d, REML = reml, residual = stats::as.formula(paste("~", own_term)))
    if (!is.null(w)) arguments$weights <- w
    do.call(lmm, arguments)
  }
  ddf <- if (!kr) list(ddf = "Satterthwaite") else
    list(ddf = "Kenward-Roger", information = "observed", type = if (method == "Kenward-Roger") "full" else "linear")
  list(suite = "mmrm", set = set, model = paste(term, if (!is.null(weights)) "weighted", method), peer = peer,
       ours = ours, ddf = ddf)
}
