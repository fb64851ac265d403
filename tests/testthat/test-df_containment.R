term_df <- function(fit, ...) setNames(anova(fit, ...)$DenDF, rownames(anova(fit, ...)))

oats <- function() transform(as.data.frame(nlme::Oats), N = factor(nitro), Block = factor(as.character(Block)))

test_that("published degrees of freedom and the test are reproduced", {
  row <- contest(example_fit("sires"), 1, joint = FALSE, ddf = "containment")
  out <- reference_outputs("sires")
  published <- function(quantity) out[match(quantity, out$quantity), ]
  check <- function(value, quantity) expect_printed(value, published(quantity)$value, published(quantity)$digits,
                                                    quantity)
  check(row$df, "df_containment")
  check(row$`t value`, "t:(Intercept)")
  check(row$`Pr(>|t|)`, "p_containment:(Intercept)")
  check(row$`Std. Error`, "se:(Intercept)")
  check(row$lower, "ci_lo:(Intercept)")
  check(row$upper, "ci_hi:(Intercept)")
})

test_that("balanced designs have their classical degrees of freedom", {
  expect_identical(unname(term_df(example_fit("irrigation_full"), ddf = "containment")), c(4, 4, 4))
  expect_identical(unname(term_df(example_fit("penicillin"), ddf = "containment")), 12)
  split <- lmm(yield ~ N * Variety + (1 | Block / Variety), oats())
  expect_identical(term_df(split, ddf = "containment"), c(N = 45, Variety = 10, `N:Variety` = 45))
  expect_identical(unname(coef(summary(split, ddf = "containment"))[1, "df"]), 5)
})

test_that("a random slope contains its covariate", {
  fit <- lmm(y ~ x + f + (x | g), behavior_data())
  df <- coef(summary(fit, ddf = "containment"))[, "df"]
  # g adds 11 to (X Z), x:g adds 11 more; f is contained in neither: 96 - 5 - 22
  expect_identical(unname(df), c(11, 11, 69, 69, 69))
})

test_that("ranks are those of the matrices", {
  for (seed in c(2, 5, 6, 7, 9, 11, 20, 33)) {
    case <- random_design(seed)
    fit <- fit_design(case)
    fixed <- fixed_design(fit)
    Z <- lapply(random_effects(fit), `[[`, "Z")
    dense <- do.call(cbind, c(list(fixed$X), lapply(Z, as.matrix)))
    expect_identical(as.integer(joint_rank(fixed$X, Z)), qr(dense, tol = 1e-9)$rank, label = paste("design", seed))
  }
})

test_that("a recoding of a variable counts as the variable", {
  numbers <- transform(splitplot, A = as.integer(a), B = as.integer(b))
  fit <- lmm(y ~ factor(A) * factor(B) + (1 | block) + (1 | A:block), numbers)
  expect_identical(unname(term_df(fit, ddf = "containment")), c(6, 9, 9))
  other <- lmm(height ~ relevel(gender, "M") + (1 | family) + (1 | family:gender), heights)
  expect_identical(unname(term_df(other, ddf = "containment")), 3)
  # neither a coarser variable made of the same column, nor another column with the same classes
  coarse <- lmm(y ~ I(A > 1) + (1 | block) + (1 | A:block), numbers)
  expect_identical(unname(term_df(coarse, ddf = "containment")), 24 - 12)
  twin <- lmm(y ~ a + (1 | block) + (1 | A:block), numbers)
  expect_identical(unname(term_df(twin, ddf = "containment")), 24 - 12)
})

test_that("a term of type 1 has its own degrees of freedom, though its row involves other terms", {
  d <- as.data.frame(nlme::Dialyzer)
  fit <- lmm(rate ~ QB + pressure + (pressure | Subject), d)
  expect_true(anova_hypotheses(fit, type = 1)$QB[, "pressure"] != 0)
  X <- stats::model.matrix(~ QB + pressure, d)
  Z <- stats::model.matrix(~ 0 + factor(Subject, ordered = FALSE), d)
  rank <- c(qr(cbind(X, Z))$rank, qr(cbind(X, Z, Z * d$pressure))$rank)
  for (type in 1:3) {
    expect_equal(term_df(fit, type = type, ddf = "containment"), c(QB = nrow(d) - rank[2L], pressure = diff(rank)))
  }
})

test_that("a power of a covariate is not the covariate, another unit of it is", {
  d <- as.data.frame(nlme::Dialyzer)
  X <- stats::model.matrix(~ QB + pressure + I(pressure^2), d)
  Z <- stats::model.matrix(~ 0 + factor(Subject, ordered = FALSE), d)
  rank <- c(qr(cbind(X, Z))$rank, qr(cbind(X, Z, Z * d$pressure))$rank)
  fit <- suppressMessages(lmm(rate ~ QB + I(pressure / 10) + I(pressure^2) + (pressure | Subject), d))
  expect_equal(term_df(fit, ddf = "containment"),
               c(QB = nrow(d) - rank[2L], "I(pressure/10)" = diff(rank), "I(pressure^2)" = nrow(d) - rank[2L]))
})

test_that("ranks of indicators are counted block by block", {
  set.seed(4)
  for (trial in 1:20) {
    code <- lapply(c(12, 7, 9), sample, size = 60, replace = TRUE)
    subject <- rep(1:5, 12)
    nested <- lapply(code, function(k) match(paste(subject, k), unique(paste(subject, k))))
    indicators <- lapply(c(nested, code[trial %% 2]), function(k) sparse_columns(matrix(1, 60), k, max(k)))
    X <- cbind(1, rnorm(60))[, seq_len(trial %% 3), drop = FALSE]
    expect_equal(joint_rank(X, indicators), qr(as.matrix(do.call(cbind, c(list(X), indicators))))$rank)
  }
  expect_equal(joint_rank(matrix(0, 60, 0), indicators[1]), max(nested[[1]]))
})
