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

test_that("a fit draws no random number and makes no seed", {
  global <- globalenv()
  old <- get0(".Random.seed", global, inherits = FALSE)
  if (!is.null(old)) rm(".Random.seed", envir = global)
  on.exit(if (is.null(old)) suppressWarnings(rm(".Random.seed", envir = global)) else assign(".Random.seed", old, global))
  fit <- lmm(yield ~ treat + (1 | blend), penicillin)
  anova(fit, ddf = "Kenward-Roger")
  expect_false(exists(".Random.seed", global, inherits = FALSE))
})

test_that("a search that is asked to reports a line for each step", {
  lines <- capture.output(lmm(y ~ x + (x | g), behavior_data(), control = lmm_control(progress = TRUE)) -> fit)
  expect_match(lines, "^evaluation +[0-9]+  criterion -?[0-9.]+  decrement [0-9.e-]+$")
  expect_identical(capture.output(lmm(y ~ x + (x | g), behavior_data()) -> fit), character())
})
