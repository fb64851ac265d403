# Words of other packages and SAS for covariance structures and variance functions, and what to write here for them.

# What packages 'nlme', 'mmrm', 'glmmTMB', 'ASReml-R' and SAS call structures of the residuals, in lower case.
foreign_residual_words <- c(
  corar1 = "ar1", corcar1 = "car1", corarma = "arma", corcompsymm = "cs", corsymm = "corr", corexp = "exp",
  corgaus = "gau", corspher = "sph", corlin = "lin", corratio = "ratio", un = "us", unr = "us", unstr = "us",
  uns = "us", vc = "iid", simple = "iid", id = "iid", idv = "iid", idh = "diag", arh1 = "ar1h", arh = "ar1h",
  hetar1 = "ar1h", ar1v = "ar1", ar2 = "ar", ma1 = "ma", ma2 = "ma", arma11 = "arma", cor = "cs", corv = "cs",
  corh = "csh", corg = "corr", corgh = "us", compsymm = "cs", ante = "adh", ante1 = "adh", sp_exp = "exp",
  sp_pow = "exp", sp_gau = "gau", sp_sph = "sph", sp_lin = "lin", sp_matern = "matern", expv = "exp", iexp = "exp",
  aexp = "exp", gauv = "gau", igau = "gau", agau = "gau", sphr = "sph", mtrn = "matern", mat = "matern"
)

# The same of random effects.
foreign_random_words <- c(
  un = "us", unr = "us", unstr = "us", vc = "diag", idv = "homdiag", idh = "diag", arh1 = "hetar1", arh = "hetar1",
  ar1h = "hetar1", ar1v = "ar1", corv = "homcs", corh = "cs", corgh = "us", toeph = "toep", sp_exp = "exp",
  sp_pow = "exp", ou = "exp", sp_gau = "gau", mtrn = "matern", iexp = "exp", igau = "gau", pdsymm = "us",
  pddiag = "diag", pdident = "homdiag", pdcompsymm = "homcs"
)

# The word here for a head of a call there, or NULL.
word_for <- function(head, words) {
  at <- match(tolower(head), names(words))
  if (is.na(at)) NULL else words[[at]]
}

# The call as it is written here, `~` or `form =` taken away: corAR1(form = ~ 1 | id) is ar1(1 | id).
written_here <- function(e, word) {
  inner <- if (length(e) > 1L) foreign_form(e)
  paste0(word, "(", if (is.null(inner)) "..." else deparse_line(inner), ")")
}

# What a call of another package is about: the right-hand side of its formula, else its first argument.
foreign_form <- function(e) {
  arguments <- as.list(e)[-1L]
  is_form <- vapply(arguments, function(a) is.call(a) && identical(a[[1L]], quote(`~`)), NA)
  if (any(is_form)) return(utils::tail(as.list(arguments[[which(is_form)[1L]]]), 1L)[[1L]])
  arguments[[1L]]
}

foreign_variance_words <- c("varPower", "varConstPower", "varConstProp", "varExp", "varIdent", "varFixed", "varComb")

# nlme's variance functions in the words of `variance`, or NULL: varPower(form = ~ x | g) is power(x | g).
variance_here <- function(e) {
  head <- if (is.call(e)) call_head(e) else ""
  if (head == "varComb" && length(e) > 1L) {
    parts <- lapply(as.list(e)[-1L], variance_here)
    return(if (!any(vapply(parts, is.null, NA))) paste(parts, collapse = " + "))
  }
  words <- c(varPower = "power", varConstPower = "constpower", varConstProp = "constprop", varExp = "", varIdent = "")
  if (!head %in% names(words)) return(NULL)
  inner <- if (length(e) > 1L) foreign_form(e) else quote(fitted)
  if (is.numeric(inner)) inner <- quote(fitted)
  if (nzchar(words[[head]])) return(paste0(words[[head]], "(", deparse_line(inner), ")"))
  if (!is_bar(inner)) return(deparse_line(inner))
  group <- deparse_line(inner[[3L]])
  if (head == "varIdent") gsub(" *[*] *", ":", group) else paste0(group, ":", deparse_line(inner[[2L]]))
}
