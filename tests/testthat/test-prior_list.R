fit <- lmm(yield ~ treat + (1 | blend), penicillin)

test_that("priors are matched by name and by kind", {
  one <- match_priors(prior_half_normal(3), fit)
  expect_match(one$sd[[1]]$label, "half-normal")
  expect_match(one$residual$label, "half-normal")
  two <- match_priors(list(blend = prior_pc(3), residual = prior_jeffreys(), prior_lkj(2)), fit)
  expect_match(two$sd[[1]]$label, "penalized")
  expect_match(two$residual$label, "1 / sd")
  expect_identical(two$cor[[1]]$eta, 2)
})

test_that("what does not fit is refused", {
  for (prior in list(3, list(), list(other = prior_flat()), list(blend = prior_lkj(1)), list(prior_flat(), prior_pc(1)),
                     list(blend = prior_flat(), blend = prior_flat()),
                     list(prior_inverse_wishart(diag(2), 3)), list(prior_normal(c(a = 1), c(a = 1))))) {
    expect_error(posterior(fit, prior = prior), class = "lmm_error_input")
  }
})
