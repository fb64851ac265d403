# Meta-analyses with known sampling variances or covariance blocks: rma() and rma.mv() of package 'metafor', sigma held
# at 1 here.

metafor_cases <- function() {
  if (!requireNamespace("metafor", quietly = TRUE) || !requireNamespace("metadat", quietly = TRUE)) return(list())
  set <- function(name) as.data.frame(getExportedValue("metadat", name))
  bcg <- metafor::escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = set("dat.bcg"))
  bcg <- transform(as.data.frame(bcg), trial = factor(trial), alloc = factor(alloc))
  berkey <- set("dat.berkey1998")
  berkey$trial <- factor(berkey$trial)
  berkey$outcome <- factor(berkey$outcome)
  school <- transform(set("dat.konstantopoulos2011"), district = factor(district), school = factor(school))
  ishak <- set("dat.ishak2007")
  ishak <- stats::reshape(ishak, direction = "long", idvar = "study", v.names = c("yi", "vi"), timevar = "time",
                          times = 1:4, varying = list(paste0("y", 1:4, "i"), paste0("v", 1:4, "i")))
  ishak <- ishak[!is.na(ishak$yi) & !is.na(ishak$vi), ]
  ishak <- ishak[order(ishak$study, ishak$time), ]
  ishak$time <- factor(ishak$time)
  c(metafor_random(bcg, school), metafor_bivariate(berkey), metafor_repeated(ishak))
}

metafor_case <- function(set, model, peer, ours) {
  list(suite = "metafor", set = set, model = model, peer = function() suppressWarnings(peer()), ours = ours)
}

metafor_random <- function(bcg, school) {
  out <- list()
  for (method in c("REML", "ML")) {
    local({
      m <- method
      known <- function(f, d) lmm(f, d, weights = 1 / vi, fixed = c(sigma = 1), REML = m == "REML")
      out[[length(out) + 1L]] <<- metafor_case("bcg", paste("random effects", m),
        function() metafor::rma(yi, vi, data = bcg, method = m), function() known(yi ~ 1 + (1 | trial), bcg))
      out[[length(out) + 1L]] <<- metafor_case("bcg", paste("meta-regression", m),
        function() metafor::rma(yi, vi, mods = ~ ablat + alloc, data = bcg, method = m),
        function() known(yi ~ ablat + alloc + (1 | trial), bcg))
      out[[length(out) + 1L]] <<- metafor_case("school", paste("three levels", m),
        function() metafor::rma.mv(yi, vi, random = ~ 1 | district / school, data = school, method = m),
        function() known(yi ~ 1 + (1 | district / school), school))
      out[[length(out) + 1L]] <<- metafor_case("school", paste("heterogeneous district", m),
        function() metafor::rma.mv(yi, vi, random = ~ school | district, struct = "CS", data = school, method = m),
        function() known(yi ~ 1 + homcs(0 + school | district), school))
    })
  }
  out
}

metafor_bivariate <- function(berkey) {
  blocks <- lapply(split(berkey[, c("v1i", "v2i")], berkey$trial), as.matrix)
  V <- metafor::bldiag(blocks)
  words <- c(UN = "us", CS = "homcs", HCS = "cs", DIAG = "diag", ID = "homdiag")
  out <- list()
  means <- c("yi ~ outcome - 1", "yi ~ outcome * I(year - 1983) - 1")
  for (struct in names(words)) for (method in c("REML", "ML")) for (f in means) {
    local({
      s <- struct
      m <- method
      formula <- f
      ours <- stats::as.formula(sprintf("%s + %s(0 + outcome | trial)", formula, words[[s]]))
      out[[length(out) + 1L]] <<- metafor_case("berkey", paste(formula, s, m),
        function() metafor::rma.mv(stats::as.formula(formula), V, random = ~ outcome | trial, struct = s,
                                   data = berkey, method = m),
        function() lmm(ours, berkey, residual = ~ known(trial, blocks), REML = m == "REML"))
    })
  }
  out
}

# Sampling errors of one study are independent here; the true effects are correlated over time.
metafor_repeated <- function(ishak) {
  words <- c(AR = "ar1", HAR = "hetar1", CS = "homcs", HCS = "cs", UN = "us", DIAG = "diag")
  out <- list()
  for (struct in names(words)) for (method in c("REML", "ML")) {
    local({
      s <- struct
      m <- method
      ours <- stats::as.formula(sprintf("yi ~ time - 1 + %s(0 + time | study)", words[[s]]))
      out[[length(out) + 1L]] <<- metafor_case("ishak", paste(s, m),
        function() metafor::rma.mv(yi ~ time - 1, vi, random = ~ time | study, struct = s, data = ishak, method = m),
        function() lmm(ours, ishak, weights = 1 / vi, fixed = c(sigma = 1), REML = m == "REML"))
    })
  }
  out
}
