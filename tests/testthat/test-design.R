design_of <- function(...) { read <- read_frame(...); design(read$frame, read$rows)$X }

d <- behavior_data()
set.seed(3)
d$o <- rnorm(96)
d$z <- as.matrix(data.frame(a = d$x, b = d$t))
d$ch <- as.character(d$f)
d$lg <- d$x > 0
d$k <- d$t %% 3
d$fo <- factor(d$f, ordered = TRUE)
d$`a-b (x)` <- d$x
d$sx <- scale(d$x)
d$x2 <- d$x^2
d$day <- as.Date("2020-01-01") + d$t

formulas <- list(
  y ~ x + (x | g), y ~ f * x + (1 | g) + (1 | h), y ~ 0 + f + x + (0 + x | g), y ~ f:x + (f | g),
  y ~ -1 + f:fo + (1 | g),
  y ~ poly(x, 2) + splines::ns(t, 3) + (poly(x, 3) | g), y ~ z + lg + ch + (0 + f | g), y ~ sx + (sx | g) + (1 | f:h),
  y ~ `a-b (x)` * lg + (1 | g/k), y ~ fo * lg + (lg | g), y ~ log(abs(x)) + I(x^2) + offset(o) + (0 + x | g) + (1 | k),
  y ~ 0 + x:f + z:f + (1 | h/lg), y ~ lg:f:x + (x + f || g), y ~ 0 + lg + (0 + lg | h) + (1 | g),
  y ~ 1 + (1 | g) + (0 + x | g) + (1 | h), y ~ (x + f)^2 - f + (1 | g), y ~ f %in% g + (1 | h), y ~ z * f + (z | g),
  y ~ x:x2 + x2 + (x:x2 | g), y ~ day + (day | g)
)

fixed_part <- function(formula) {
  spec <- model_spec(formula)
  stats::delete.response(stats::terms(spec$fixed))
}

test_that("columns, names and assign are those of model.matrix()", {
  for (formula in formulas) {
    read <- read_frame(formula, d)
    ours <- design(read$frame, read$rows)$X
    theirs <- stats::model.matrix(fixed_part(formula), d)
    expect_equal(ours, matrix(theirs, nrow(theirs)), label = deparse(formula)[1L])
    expect_identical(read$frame$x_names, colnames(theirs))
    expect_equal(read$frame$x_assign, attr(theirs, "assign"))
  }
})

test_that("the recorded combinations of columns are constant", {
  for (formula in formulas) {
    read <- read_frame(formula, d)
    D <- design(read$frame, read$rows)
    if (!is.null(read$frame$x_constant)) expect_equal(as.vector(D$X %*% read$frame$x_constant), rep(1, 96))
    for (i in seq_along(D$Z)) {
      constant <- read$frame$random[[i]]$z_constant
      if (!is.null(constant)) expect_equal(as.vector(D$Z[[i]] %*% constant), rep(1, 96))
    }
  }
})

test_that("chunks and new data give the same columns as the whole", {
  pick <- c(5L, 20L, 7L)
  for (formula in formulas) {
    read <- read_frame(formula, d)
    whole <- design(read$frame, read$rows)
    chunk <- design(read$frame, read$rows, c(11, 17))
    expect_identical(chunk$X, whole$X[11:17, , drop = FALSE], label = deparse(formula)[1L])
    expect_identical(chunk$Z, lapply(whole$Z, function(Z) Z[11:17, , drop = FALSE]))
    expect_identical(chunk$codes, lapply(whole$codes, `[`, 11:17))
    expect_identical(chunk$y, whole$y[11:17])
    new <- design(read$frame, new_rows(read$frame, d[pick, ]))
    expect_equal(new$X, whole$X[pick, , drop = FALSE], tolerance = 1e-12)
    expect_equal(new$Z, lapply(whole$Z, function(Z) Z[pick, , drop = FALSE]), tolerance = 1e-12)
    expect_equal(new$codes, lapply(whole$codes, `[`, pick))
  }
})

test_that("Z, levels and order of terms are those of lme4", {
  skip_if_not_installed("lme4")
  control <- lme4::lmerControl(check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.rankX = "ignore",
                               check.scaleX = "ignore", check.nobs.vs.rankZ = "ignore")
  for (formula in formulas) {
    if (any(all.names(formula) == "||")) next
    read <- read_frame(formula, d)
    theirs <- lme4::lFormula(formula, d, control = control)$reTrms
    expect_identical(unname(theirs$cnms), lapply(read$frame$random, `[[`, "columns"), label = deparse(formula)[1L])
    expect_identical(names(theirs$cnms), names(read$frame$groups)[vapply(read$frame$random, `[[`, 0L, "group")])
    expect_identical(lapply(theirs$flist, levels), lapply(read$frame$groups, `[[`, "levels"), ignore_attr = TRUE)
    D <- design(read$frame, read$rows)
    Zt <- do.call(rbind, Map(function(Z, term) {
      levels <- length(read$frame$groups[[term$group]]$levels)
      out <- matrix(0, levels * term$q, nrow(Z))
      for (i in seq_len(nrow(Z))) out[(D$codes[[term$group]][i] - 1) * term$q + seq_len(term$q), i] <- Z[i, ]
      out
    }, D$Z, read$frame$random))
    expect_equal(matrix(theirs$Zt, nrow(Zt)), Zt)
  }
})

test_that("contrasts come from the argument, the factor, the options", {
  expect_equal(design_of(y ~ f + (1 | g), d, contrasts = list(f = "contr.sum")),
               stats::model.matrix(~ f, d, contrasts.arg = list(f = "contr.sum")), ignore_attr = TRUE)
  own <- d
  contrasts(own$f) <- stats::contr.helmert(4)
  expect_equal(design_of(y ~ f + (1 | g), own), stats::model.matrix(~ f, own), ignore_attr = TRUE)
  one <- list(f = matrix(c(1, -1, 0, 0), 4, 1))
  expect_identical(read_frame(y ~ f + (1 | g), d, contrasts = one)$frame$x_names, c("(Intercept)", "f1"))
  old <- options(contrasts = c("contr.sum", "contr.poly"))
  on.exit(options(old))
  expect_equal(design_of(y ~ f + (1 | g), d), stats::model.matrix(~ f, d), ignore_attr = TRUE)
  read <- read_frame(y ~ f + (1 | g), own)
  new <- transform(own[1:4, ], f = as.character(f))
  expect_equal(design(read$frame, new_rows(read$frame, new))$X, stats::model.matrix(~ f, own)[1:4, ],
               ignore_attr = TRUE)
})

test_that("levels that are not in use make no columns", {
  wide <- transform(d, f = factor(f, levels = c("zz", "a", "b", "c", "d", "yy")))
  read <- read_frame(y ~ f + (f | g), wide)
  expect_identical(read$frame$x_names, c("(Intercept)", "fb", "fc", "fd"))
  expect_length(read$frame$conditions, 1L)
  own <- wide
  contrasts(own$f) <- stats::contr.helmert(6)
  read_own <- read_frame(y ~ f + (1 | g), own)
  expect_identical(vapply(read_own$frame$conditions, function(x) class(x)[1L], ""),
                   c("lmm_message_rank", "lmm_warning_data"))
  expect_match(conditionMessage(read_own$frame$conditions[[2L]]), "contrasts of factor `f` dropped")
  expect_equal(design(read_own$frame, read_own$rows)$X, stats::model.matrix(~ f, d), ignore_attr = TRUE)
  expect_s3_class(read$frame$conditions[[1L]], "lmm_message_rank")
  expect_match(conditionMessage(read$frame$conditions[[1L]]), '`f`: 2 unused levels dropped \\("zz", "yy"\\)')
})
