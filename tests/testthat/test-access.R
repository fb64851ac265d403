test_that("model matrices are those of the design", {
  for (seed in c(1, 3, 5, 6, 8, 9, 10, 12)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    order <- stacked_order(case, fit, oracle)
    Z <- model.matrix(fit, "random")
    expect_s4_class(Z, "sparseMatrix")
    expect_equal(unname(as.matrix(Z))[oracle$keep, ], oracle_Z(oracle)[, order], label = case$kind)
    expect_equal(unname(model.matrix(fit))[oracle$keep, , drop = FALSE], oracle$X, ignore_attr = TRUE)
    expect_identical(colnames(model.matrix(fit)), names(fixef(fit)))
    b <- getME(fit, "b")
    expect_equal(as.vector(Z %*% b) + getME(fit, "offset") + predict(fit, re.form = NA), getME(fit, "mu"),
                 ignore_attr = TRUE)
    expect_equal(fitted(fit), getME(fit, "mu"), ignore_attr = TRUE)
  }
})

test_that("the pieces of the criterion add up", {
  for (seed in c(1, 3, 6, 16, 20)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    parts <- getME(fit, "devcomp")$cmp
    u <- getME(fit, "u")
    e <- sqrt(oracle$w) * (oracle$y - fitted(fit)[oracle$keep])
    expect_equal(parts[["ldW"]], sum(log(oracle$w)))
    expect_equal(parts[["ussq"]], sum(u^2), tolerance = 1e-8)
    expect_equal(parts[["wrss"]], sum(e^2), tolerance = 1e-7)
    H <- oracle_V(oracle, lapply(fit_covariance(fit)[term_positions(case, fit)], `/`, sigma(fit)^2), 1)
    expect_equal(parts[["ldL2"]] - parts[["ldW"]], oracle_log_det(H), tolerance = 1e-8)
    X <- oracle$X[, oracle$independent]
    expect_equal(parts[["ldRX2"]], oracle_log_det(t(X) %*% solve(H, X)), tolerance = 1e-8)
    # b = Lambda u, term by term
    L <- getME(fit, "Lambda")
    Lambda <- as.matrix(Matrix::bdiag(Map(function(l, g) kronecker(diag(ngrps(fit)[[g]]), l), L, fit_term_groups(fit))))
    expect_equal(as.vector(Lambda %*% u), getME(fit, "b"), tolerance = 1e-8)
  }
})

test_that("parts have the names that users know", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  expect_identical(names(getME(fit, "theta")), c("g.(Intercept)", "g.x.(Intercept)", "g.x"))
  expect_identical(unname(getME(fit, "lower")), c(0, -Inf, 0))
  expect_identical(getME(fit, "cnms"), list(g = c("(Intercept)", "x")))
  expect_identical(getME(fit, "flist")$g, behavior_data()$g)
  expect_identical(names(getME(fit, c("p", "q", "n"))), c("p", "q", "n"))
  expect_identical(getME(fit, "n_rtrms"), 1L)
  expect_error(getME(fit, "nosuch"), "must be one of", class = "lmm_error_input")
  all <- getME(fit, "ALL")
  expect_identical(names(all), names(fit_parts))
  expect_identical(names(model.matrix(fit, "random_list")), "g")
})

test_that("singular terms are named", {
  fit <- suppressMessages(lmm(y ~ x + (1 | g) + (1 | h), behavior_data()))
  expect_identical(getME(fit, "singular"), c(g = FALSE, h = TRUE))
  expect_true(isSingular(fit))
  expect_length(getME(fit, "u"), 20)
})

test_that("sparse parts fit together", {
  for (seed in c(1, 4, 5, 8, 12)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    oracle <- oracle_of_design(case)
    Zt <- as.matrix(getME(fit, "Zt"))
    expect_identical(Zt, t(as.matrix(getME(fit, "Z"))))
    # Var(Z b) = sigma^2 Z Lambda Lambda' Z'
    Lambdat <- getME(fit, "Lambdat")
    expect_s4_class(Lambdat, "sparseMatrix")
    V <- sigma(fit)^2 * crossprod(as.matrix(Lambdat) %*% Zt)[oracle$keep, oracle$keep]
    truth <- oracle_V(oracle, fit_covariance(fit)[term_positions(case, fit)], 0)
    expect_equal(unname(V), unname(truth), tolerance = 1e-10, label = case$kind)
    expect_equal(as.vector(getME(fit, "u") %*% as.matrix(Lambdat)), getME(fit, "b"), tolerance = 1e-8)
    # the pieces of Z, and where they are in it
    pieces <- getME(fit, "Ztlist")
    expect_length(pieces, sum(getME(fit, "p_i")))
    expect_equal(sum(vapply(pieces, nrow, 0L)), getME(fit, "q"))
    expect_identical(as.vector(diff(getME(fit, "Gp"))), unname(getME(fit, "q_i")))
    expect_equal(unname(as.matrix(pieces[[1]])), unname(Zt[seq(1, by = getME(fit, "p_i")[[1]],
                                                           length.out = getME(fit, "l_i")[[1]]), ]))
    expect_identical(getME(fit, "m"), length(getME(fit, "theta")))
    expect_identical(sum(getME(fit, "m_i")), getME(fit, "m"))
    if (getME(fit, "p")) {
      expect_equal(crossprod(getME(fit, "RX")), sigma(fit)^2 * solve(vcov(fit, complete = FALSE)), tolerance = 1e-7)
      expect_true(all(diag(getME(fit, "RX")) > 0))
    }
  }
  expect_identical(unname(getME(lmm(y ~ x + (x | g), behavior_data()), "m_i")), 3L)
})

test_that("formula() and model.frame() with one kind of terms only are those of lme4", {
  skip_if_not_installed("lme4")
  d <- transform(behavior_data(), o = seq_along(y) / 50)
  for (formula in list(y ~ x * f + (1 | g), y ~ poly(x, 2) + offset(o) + (x || g) + (1 | h), log(y + 10) ~ 1 + (1 | g),
                       y ~ 0 + f + (1 | g))) {
    fit <- suppressMessages(lmm(formula, d))
    peer <- suppressWarnings(suppressMessages(lme4::lmer(formula, d)))
    expect_identical(deparse(stats::formula(fit)), deparse(formula))
    for (kind in c("fixed.only", "random.only")) {
      ours <- do.call(stats::formula, stats::setNames(list(fit, TRUE), c("x", kind)))
      theirs <- do.call(stats::formula, stats::setNames(list(peer, TRUE), c("x", kind)))
      if (kind == "random.only") theirs <- stats::as.formula(gsub("(1 | g) + (0 + x | g)", "(x || g)", deparse(theirs),
                                                                  fixed = TRUE))
      expect_identical(deparse(ours), deparse(theirs))
    }
    expect_identical(names(model.frame(fit, fixed.only = TRUE)), names(model.frame(peer, fixed.only = TRUE)),
                     label = deparse(formula))
  }
  expect_identical(rownames(model.frame(fit, fixed.only = TRUE)), rownames(model.frame(fit)))
  expect_error(formula(fit, fixed.only = TRUE, random.only = TRUE), class = "lmm_error_input")
  expect_error(formula(fit, fixed.only = NA), class = "lmm_error_input")
})

test_that("factors of the model frame have the levels of the fit, text is a factor, as in lme4", {
  skip_if_not_installed("lme4")
  d <- transform(behavior_data(), a = as.character(f), w = rep(1:2, 48))
  d$g[d$g == "g03"] <- NA
  d <- d[d$f != "a", ]
  fit <- suppressMessages(lmm(y ~ f + a:x + (1 | g), d, weights = w))
  peer <- suppressWarnings(suppressMessages(lme4::lmer(y ~ f + a:x + (1 | g), d, weights = w)))
  for (name in c("f", "a", "g")) expect_identical(model.frame(fit)[[name]], model.frame(peer)[[name]])
  expect_identical(attr(model.frame(fit), "terms"), attr(fit$rows$data, "terms"))
  expect_identical(names(model.frame(fit, fixed.only = TRUE)), names(model.frame(peer, fixed.only = TRUE)))
})

test_that("the model frame of the fixed part keeps names in backticks", {
  d <- behavior_data()
  names(d)[c(1, 2, 4)] <- c("the response", "x y", "if")
  fit <- lmm(`the response` ~ `x y` + log(`if`) + offset(`if` / 10) + (1 | g), d, weights = `if`)
  expect_identical(names(model.frame(fit, fixed.only = TRUE)),
                   c("the response", "x y", "log(`if`)", "offset(`if`/10)", "(weights)"))
  expect_identical(names(model.frame(lmm(`the response` ~ 1 + (1 | g), d), fixed.only = TRUE)), "the response")
})

test_that("columns of the random-effect matrix have the names of their levels, as in lme4", {
  skip_if_not_installed("lme4")
  for (formula in c(y ~ x + (1 | g), y ~ x + (x | g) + (1 | h))) {
    fit <- suppressMessages(lmm(formula, behavior_data()))
    peer <- suppressMessages(lme4::lmer(formula, behavior_data()))
    expect_identical(sort(rownames(getME(fit, "Zt"))), sort(rownames(lme4::getME(peer, "Zt"))))
    expect_identical(colnames(getME(fit, "Zt")), colnames(lme4::getME(peer, "Zt")))
  }
})

test_that("the pieces of Z are named by group and column, as in 'lme4', also where a factor has several terms", {
  skip_if_not_installed("lme4")
  for (formula in c(distance ~ age + (1 | Subject) + (0 + age | Subject), distance ~ age + (age || Subject))) {
    theirs <- suppressMessages(lme4::lmer(formula, as.data.frame(nlme::Orthodont)))
    ours <- suppressMessages(lmm(formula, as.data.frame(nlme::Orthodont)))
    expect_identical(names(getME(ours, "Ztlist")), names(lme4::getME(theirs, "Ztlist")))
  }
})
