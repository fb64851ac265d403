# The rules of vignettes/architecture.Rmd that a machine can hold.

layers <- c("linalg", "optimize", "covariance", "data", "likelihood", "search", "constraints", "prediction",
            "fit", "inference", "iterative", "residual",
            "structured", "responses", "posterior", "testing")

# The source tree, where the tests run in one; an installed package has only the headers.
source_root <- function() {
  root <- test_path("..", "..")
  skip_if(!dir.exists(file.path(root, "src")), "needs the source tree")
  root
}

engine_root <- function() {
  local <- test_path("..", "..", "inst", "include", "henderson")
  if (dir.exists(local)) local else system.file("include", "henderson", package = "henderson")
}

# Definitions of the engine, relative to src/engine.
engine_units <- function() {
  files <- list.files(file.path(source_root(), "src", "engine"), "\\.cpp$", recursive = TRUE)
  grep("/", files, value = TRUE)
}

engine_headers <- function() list.files(engine_root(), "\\.hpp$", recursive = TRUE)

included <- function(file) {
  lines <- grep("^\\s*#\\s*include", readLines(file, warn = FALSE), value = TRUE)
  sub('^\\s*#\\s*include\\s*[<"]([^>"]*)[>"].*', "\\1", lines)
}

without_comments <- function(lines) sub("#.*", "", gsub("\"[^\"]*\"|'[^']*'", "", lines))

r_files <- function() {
  files <- list.files(file.path(source_root(), "R"), "\\.R$", full.names = TRUE)
  files[basename(files) != "RcppExports.R"]
}

# Every `name <- function` of a file at top level, with the number of its lines.
function_lengths <- function(file) {
  parsed <- parse(file, keep.source = TRUE)
  is_function <- vapply(parsed, function(e) {
    is.call(e) && identical(e[[1]], as.name("<-")) && is.call(e[[3]]) && identical(e[[3]][[1]], as.name("function"))
  }, NA)
  lengths <- vapply(attr(parsed, "srcref")[is_function], function(s) s[3] - s[1] + 1, 0)
  names(lengths) <- vapply(parsed[is_function], function(e) paste0(basename(file), ": ", deparse(e[[2]])[1]), "")
  lengths
}

test_that("no two files of R define the same name", {
  names <- unlist(lapply(r_files(), function(file) {
    parsed <- parse(file, keep.source = FALSE)
    assigned <- Filter(function(e) is.call(e) && identical(e[[1L]], as.name("<-")) && is.symbol(e[[2L]]),
    as.list(parsed))
    vapply(assigned, function(e) as.character(e[[2L]]), "")
  }))
  expect_identical(names[duplicated(names)], character())
})

test_that("a layer includes only itself and the layers below it", {
  for (file in engine_headers()) {
    used <- included(file.path(engine_root(), file))
    used <- sub("^henderson/([a-z]+)/.*", "\\1", grep("^henderson/.*/", used, value = TRUE))
    own <- match(dirname(file), layers)
    expect_false(is.na(own), label = paste(file, "lies outside the layers"))
    expect_true(all(match(used, layers) <= own), label = paste(file, "includes only downwards"))
  }
})

test_that("the engine includes its own headers by full path and no header of R", {
  for (file in engine_headers()) {
    used <- included(file.path(engine_root(), file))
    expect_false(any(grepl("^(R|Rcpp|RcppEigen|Rinternals|Rmath|R_ext/.*|Rversion|Rdefines)(\\.h)?$", used)),
                 label = file)
    own <- grep("\\.hpp$", used, value = TRUE)
    expect_true(all(startsWith(own, "henderson/")), label = paste(file, "includes by full path"))
  }
})

test_that("a unit of the engine defines what a header of its layer declares, and includes only downwards", {
  for (file in engine_units()) {
    used <- included(file.path(source_root(), "src", "engine", file))
    expect_identical(used[1], file.path("henderson", sub("cpp$", "hpp", file)), label = file)
    layer <- match(sub("^henderson/([a-z]+)/.*", "\\1", grep("^henderson/.*/", used, value = TRUE)), layers)
    expect_true(all(layer <= match(dirname(file), layers)), label = paste(file, "includes only downwards"))
    expect_false(any(grepl("^(R|Rcpp|RcppEigen|Rinternals|Rmath|R_ext/.*)(\\.h)?$", used)), label = file)
  }
})

# make has no portable way to find files.
test_that("Makevars names every unit, in portable make, and is the same everywhere", {
  src <- file.path(source_root(), "src")
  makevars <- readLines(file.path(src, "Makevars"))
  expect_identical(readLines(file.path(src, "Makevars.win")), makevars)
  objects <- unlist(regmatches(makevars, gregexpr("[A-Za-z0-9_/]+\\.o\\b", makevars)))
  joined <- c(file.path("engine", list.files(file.path(src, "engine"), "\\.cpp$")),
              file.path("units", list.files(file.path(src, "units"), "\\.cpp$")))
  expect_setequal(objects, sub("cpp$", "o", joined))
  together <- unlist(lapply(file.path(src, joined), function(file) grep("^#include", readLines(file), value = TRUE)))
  expect_setequal(grep("\\.\\./", together, value = TRUE), sprintf("#include \"../%s\"", list.files(src, "\\.cpp$")))
  forbidden <- ":=|[+]=|[?]=|\\$\\((wildcard|shell|patsubst)|^ *(ifeq|ifdef|include)"
  expect_identical(grep(forbidden, makevars, value = TRUE), character())
})

test_that("every source of the engine is part of exactly one unit", {
  engine <- file.path(source_root(), "src", "engine")
  lines <- unlist(lapply(list.files(engine, "\\.cpp$", full.names = TRUE), readLines))
  parts <- sub('^#include "(.*)"$', "\\1", grep("^#include", lines, value = TRUE))
  expect_identical(anyDuplicated(parts), 0L)
  expect_setequal(parts, engine_units())
})

# A structure is known by what it says of itself.
test_that("no file of the engine outside covariance/ names a structure or counts its parameters", {
  names <- paste0("\"(unstructured|diagonal|exchangeable|autoregressive|Toeplitz)",
                  "|\\bUnstructured\\b|Diagonal\\b|Unbounded\\b|ScaledCorrelation|FactorAnalytic")
  counted <- "n_theta *(==|!=|<|>|<=|>=) *[a-z_.\\[\\]0-9]*\\bq\\b|n_parameters\\("
  headers <- file.path(engine_root(), grep("^(covariance|testing)/", engine_headers(), value = TRUE, invert = TRUE))
  units <- file.path(source_root(), "src", "engine", grep("^covariance/", engine_units(), value = TRUE, invert = TRUE))
  for (file in c(headers, units, list.files(file.path(source_root(), "src"), "\\.(cpp|h)$", full.names = TRUE))) {
    lines <- sub("//.*", "", readLines(file, warn = FALSE))
    lines <- grep("SelfAdjoint|UnboundedPredictor|asDiagonal|structure(\\.|->)n_parameters\\(q\\)", lines, value = TRUE,
                  invert = TRUE)
    expect_identical(grep(names, lines, value = TRUE), character(), label = basename(file))
    expect_identical(grep(counted, lines, value = TRUE, perl = TRUE), character(), label = basename(file))
  }
})

# covariance.R holds the words of the formula; residual structures have words of their own.
test_that("no file of R but the formula's words names a structure of random effects", {
  named <- paste("\"(unstructured|diagonal|homogeneous [a-zA-Z]+|exchangeable|(heterogeneous",
                 ")?autoregressive|Toeplitz|factor analytic|reduced rank)\"")
  for (file in r_files()) {
    if (basename(file) %in% c("covariance.R", "residual_formula.R", "ems_intervals.R")) next
    expect_identical(grep(named, readLines(file, warn = FALSE), value = TRUE), character(), label = basename(file))
  }
})

test_that("an engine function is called from one R file only", {
  generated <- file.path(source_root(), "R", "RcppExports.R")
  skip_if_not(file.exists(generated))
  exported <- sub(" <- function.*", "", grep("<- function", readLines(generated), value = TRUE))
  for (name in exported) {
    uses <- vapply(r_files(),
                   function(f) any(grepl(paste0("\\b", name, "\\("), without_comments(readLines(f, warn = FALSE)))), NA)
    expect_lte(sum(uses), 1, label = paste(name, "in", paste(basename(names(uses)[uses]), collapse = ", ")))
  }
})

test_that("no result depends on the clock", {
  for (file in r_files()) {
    if (basename(file) == "progress.R") next
    expect_false(any(grepl("proc\\.time|Sys\\.time|system\\.time", without_comments(readLines(file, warn = FALSE)))),
                 label = basename(file))
  }
  for (file in engine_units()) {
    if (file == "optimize/workers.cpp") next                        # waits, and counts nothing
    lines <- readLines(file.path(source_root(), "src", "engine", file), warn = FALSE)
    expect_false(any(grepl("chrono|clock", sub("//.*", "", lines))), label = file)
  }
})

test_that("no two functions have the same name", {
  lines <- unlist(lapply(r_files(), readLines, warn = FALSE))
  defined <- sub(" <- function.*", "", grep("^[[:alnum:]_.]+ <- function", lines, value = TRUE))
  expect_identical(unique(defined[duplicated(defined)]), character())
})

test_that("lines stay short enough to be read", {
  root <- source_root()
  tests <- list.files(file.path(root, c("tests/testthat", "bench", "tools")), "\\.R$", full.names = TRUE)
  engine <- list.files(file.path(root, c("src", "inst/include", "tests/cpp")), "\\.[ch]pp$", full.names = TRUE,
                       recursive = TRUE)
  for (file in c(r_files(), tests, engine[basename(engine) != "RcppExports.cpp"])) {
    expect_lte(max(0L, nchar(readLines(file, warn = FALSE, encoding = "UTF-8"))), 120, label = paste("lines of", file))
  }
})

test_that("files and functions stay short enough to be read", {
  for (file in r_files()) {
    expect_lte(length(readLines(file, warn = FALSE)), 300, label = paste("lines of", basename(file)))
    lengths <- function_lengths(file)
    for (name in names(lengths)) expect_lte(lengths[[name]], 40, label = paste("lines of", name))
  }
  for (file in c(file.path(engine_root(), engine_headers()),
                 file.path(source_root(), "src", "engine", engine_units()))) {
    expect_lte(length(readLines(file, warn = FALSE)), 300, label = paste("lines of", file))
  }
})

# A tolerance without a scale is wrong for data in other units: `x < 1e-8` is refused, `x < 1e-8 * scale` is not,
# nor is a quantity that has no unit: `novelty` is the share of a column's length that other columns do not explain,
# `gap` a distance divided by its scale, `decrement` and `ratio` differences of log likelihoods, `length` a share of a
# step.
dimensionless <- "novelty|abs\\(gap\\)|decrement|ratio|length"

test_that("no comparison uses a literal absolute tolerance", {
  compared <- "[<>]=?\\s*[0-9.]+e-[0-9]+(?![0-9]|\\s*\\*)|(?<![*] )\\b[0-9.]+e-[0-9]+\\s*[<>]"
  for (file in r_files()) {
    lines <- without_comments(readLines(file, warn = FALSE))
    lines <- gsub(paste0("\\b(", dimensionless, ") [<>]=? "), "\\1 ", lines)
    expect_identical(grep(compared, lines, value = TRUE, perl = TRUE), character(), label = basename(file))
  }
})

# `stop(e)` and `stop(reclass(e, ...))` hand on a condition that was caught; everything else is made by condition.R.
test_that("only condition.R raises conditions", {
  raised <- "(^|[^._a-zA-Z0-9])(stop|warning|message|stopifnot)\\("
  for (file in r_files()[basename(r_files()) != "condition.R"]) {
    lines <- gsub("stop\\((reclass\\()?e\\b", "", without_comments(readLines(file, warn = FALSE)))
    expect_identical(grep(raised, lines, value = TRUE), character(), label = basename(file))
  }
})

test_that("no file names a path of one machine or is left for later", {
  roots <- "/(w[o]rk|r[o]ot|t[m]p|h[o]me)/"     # the brackets keep this file from matching itself
  later <- "\\b(T[O]DO|F[I]XME)\\b"
  folders <- file.path(source_root(), c("R", "src", "inst", "tests", "vignettes", "data-raw", "tools", "man"))
  files <- list.files(folders, "\\.(R|Rmd|Rd|cpp|h|hpp|sh|md|csv)$", recursive = TRUE, full.names = TRUE)
  top <- file.path(source_root(), c("README.md", "NEWS.md", "DESCRIPTION", "Makefile"))
  for (file in c(files, top)) {
    lines <- readLines(file, warn = FALSE)
    expect_identical(grep(roots, lines, value = TRUE), character(), label = file)
    expect_identical(grep(later, lines, value = TRUE), character(), label = file)
  }
})

test_that("every function, and every other name at the top level, is defined once", {
  names <- unlist(lapply(r_files(), function(file) {
    vapply(Filter(function(e) is.call(e) && identical(e[[1]],
                  as.name("<-")) && is.name(e[[2]]), as.list(parse(file, keep.source = FALSE))),
           function(e) as.character(e[[2]]), "")
  }))
  expect_identical(names[duplicated(names)], character())
})

test_that("no alias belongs to two pages", {
  skip_if_not(dir.exists(file.path(source_root(), "man")))
  files <- list.files(file.path(source_root(), "man"), "\\.Rd$", full.names = TRUE)
  alias <- unlist(lapply(files, function(file) grep("^\\\\alias", readLines(file, warn = FALSE), value = TRUE)))
  expect_identical(alias[duplicated(alias)], character())
})
