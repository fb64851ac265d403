# The engine's own tests are C++ (tests/cpp); here they only get built and run where that is possible.

test_that("the engine passes its unit tests", {
  skip_on_cran()
  skip_if(Sys.getenv("HENDERSON_CPP_TESTED") == "true", "run as a step of their own")
  script <- test_path("..", "cpp", "run.sh")
  skip_if_not(file.exists(script) && dir.exists(test_path("..", "..", "src")), "the source tree")
  skip_if_not_installed("RcppEigen")
  compiler <- strsplit(system2(file.path(R.home("bin"), "R"), c("CMD", "config", "CXX17"), stdout = TRUE), " ")[[1]][1]
  skip_if_not(nzchar(Sys.which("bash")) && nzchar(Sys.which(compiler)), "bash and a compiler")
  output <- suppressWarnings(system2("bash", shQuote(script), stdout = TRUE, stderr = TRUE))
  status <- attr(output, "status")
  expect(is.null(status), paste(utils::tail(output, 40), collapse = "\n"))
})

test_that("the engine tells the parameters of each covariance structure", {
  ask <- function(name, q, ...) engine_covariance(list(structure = name, ...), q)
  full <- ask("unstructured", 3L)
  expect_identical(full$row, c(1L, 2L, 3L, 2L, 3L, 3L))
  expect_identical(full$col, c(1L, 1L, 1L, 2L, 2L, 3L))
  expect_identical(full$kind, ifelse(full$row == full$col, "variance", "covariance"))
  expect_identical(full$lower, ifelse(full$row == full$col, 0, -Inf))
  expect_identical(full$alone, c(0L, 0L, 0L))
  expect_identical(full$closed_under, "any")
  diagonal <- ask("diagonal", 3L)
  expect_identical(diagonal$row, 1:3)
  expect_identical(diagonal$alone, 1:3)
  expect_identical(diagonal$closed_under, "column scales")
  expect_identical(ask("diagonal unbounded", 2L)$lower, c(-Inf, -Inf))
  for (name in engine_covariances()) {
    found <- ask(name, 2L)
    expect_identical(found$theta, length(found$kind), label = name)
    expect_identical(found$scale, ifelse(found$kind %in% c("variance", "covariance"), 1, 0), label = name)
    expect_identical(found$bounded, !grepl("unbounded", name), label = name)
  }
  expect_identical(ask("factor analytic", 3L, rank = 2L)$scale, rep(c(0.5, 1), c(5, 3)))
  expect_match(ask("factor analytic", 3L)$message, "number of factors")
  expect_match(ask("nosuch", 2L)$message, "nosuch")
})

test_that("a fit draws no random number and makes no seed", {
  global <- globalenv()
  old <- get0(".Random.seed", global, inherits = FALSE)
  if (!is.null(old)) rm(".Random.seed", envir = global)
  on.exit(if (is.null(old)) suppressWarnings(rm(".Random.seed",
                                                envir = global)) else assign(".Random.seed", old, global))
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  anova(fit, ddf = "Kenward-Roger")
  expect_false(exists(".Random.seed", global, inherits = FALSE))
})

test_that("a search that is asked to reports a line for each step", {
  lines <- capture.output(lmm(y ~ x + (x | g), behavior_data(), control = lmm_control(progress = TRUE)) -> fit)
  expect_match(lines, "^evaluation +[0-9]+  criterion -?[0-9.]+  decrement [0-9.e-]+$")
  expect_identical(capture.output(lmm(y ~ x + (x | g), behavior_data()) -> fit), character())
})

test_that("a criterion that cannot be computed comes with advice", {
  error <- tryCatch(engine_result(list(engine_error = "not_finite"), NULL), error = identity)
  expect_s3_class(error, "lmm_error_numeric")
  expect_match(conditionMessage(error), "leave out a random term")
})
