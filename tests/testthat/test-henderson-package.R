# The help of the installed package: what users search for, and the way from the first page to all others.

help_library <- dirname(system.file(package = "henderson"))

# Pages that help.search() finds for a word.
pages_for <- function(word) {
  found <- utils::help.search(word, package = "henderson", lib.loc = help_library, types = "help")$matches
  unique(found$Topic)
}

installed_help <- function() {
  pages <- tryCatch(tools::Rd_db("henderson", lib.loc = help_library), error = function(e) list())
  skip_if(!length(pages), "needs the installed help pages")
  pages
}

entries <- function(page, tag) unlist(lapply(Filter(function(part) identical(attr(part, "Rd_tag"), tag), page),
                                             as.character))

# Topics that a page links to.
links <- function(page) {
  if (!is.list(page)) return(character())
  here <- if (identical(attr(page, "Rd_tag"), "\\link")) {
    target <- attr(page, "Rd_option")
    sub("^=", "", if (is.null(target)) paste(unlist(page), collapse = "") else as.character(target))
  }
  c(here, unlist(lapply(page, links)))
}

test_that("a search for the words of the field finds the page", {
  installed_help()
  wanted <- list(
    heritability = c("quantity", "reliability"), ICC = "quantity", `intraclass correlation` = "quantity",
    repeatability = c("quantity", "gauge_rr"),
    BLUP = c("ranef.lmm_fit", "predictable"), `repeated measures` = c("lmm", "subject_covariance"),
    `prediction interval` = c("predict.lmm_fit", "predict_mean"),
    robust = c("ddf_methods", "coefficients"), power = "power_study", `sample size` = "power_study",
    pedigree = c("lmm", "pedigree"), kinship = "pedigree",
    kriging = c("lmm", "predict.lmm_fit"), gauge = "gauge_rr", tolerance = "tolerance_interval",
    simulation = c("simulate.lmm_fit", "simulate_lmm"),
    `least squares means` = "emmeans_support", `influence` = c("influence", "group_influence"),
    `Kenward-Roger` = c("ddf_methods", "anova.lmm_fit"),
    `Cook's distance` = "influence", `random slope` = c("lmm", "ranova"), autocorrelation = "subject_covariance",
    `AR(1)` = "subject_covariance",
    `confidence interval` = "confint.lmm_fit", `likelihood ratio test` = c("anova.lmm_fit", "ranova"),
    Bayesian = "posterior", broom = "tidiers",
    `split-plot` = "lmm", `multiple comparisons` = "emmeans_support",
    `variance components` = c("VarCorr.lmm_fit", "ems"), `QQ plot` = "plot.lmm_fit",
    AIC = "logLik.lmm_fit", singular = "isSingular", bootstrap = "bootstrap", database = "sql_rows",
    `larger than memory` = "chunks", ggplot2 = "autoplot.lmm_fit", lme4 = "as_lmer")
  for (word in names(wanted)) expect_identical(setdiff(wanted[[word]], pages_for(word)), character(), label = word)
})

test_that("the first page leads to every page but those of data sets", {
  pages <- installed_help()
  aliases <- lapply(pages, entries, "\\alias")
  data_sets <- vapply(pages, function(page) any(entries(page, "\\keyword") == "datasets"), NA)
  first <- links(pages[["henderson-package.Rd"]])
  reached <- vapply(aliases, function(names) any(names %in% first), NA)
  # A second step: the pages that those of the first step name.
  second <- unlist(lapply(pages[reached], links))
  reached <- reached | vapply(aliases, function(names) any(names %in% second), NA)
  expect_identical(setdiff(names(pages)[!reached & !data_sets], c("henderson-package.Rd", "reexports.Rd")), character())
})

test_that("every page of a function names others and has words for a search", {
  pages <- installed_help()
  data_sets <- vapply(pages, function(page) any(entries(page, "\\keyword") == "datasets"), NA)
  pages <- pages[!data_sets & !names(pages) %in% c("henderson-package.Rd", "reexports.Rd")]
  has <- function(page, tag) any(vapply(page, function(part) identical(attr(part, "Rd_tag"), tag), NA))
  expect_identical(names(Filter(function(page) !has(page, "\\seealso"), pages)), character())
  expect_identical(names(Filter(function(page) !has(page, "\\concept"), pages)), character())
})
