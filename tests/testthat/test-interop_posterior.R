draws <- posterior(lmm(yield ~ treat + (1 | blend), penicillin), 400, seed = 1, random = FALSE)

test_that("package 'posterior' takes draws as they are", {
  skip_if_not_installed("posterior")
  table <- posterior::summarise_draws(draws, "median")
  expect_identical(table$variable, c("sd__(Intercept).blend", "sigma", "(Intercept)", "treatB", "treatC", "treatD"))
  expect_equal(as.numeric(table$median), summary(draws)[table$variable, "median"])
  expect_identical(posterior::ndraws(draws), 400L)
  expect_identical(posterior::nchains(draws), 4L)
  array <- posterior::as_draws_array(draws)
  expect_equal(as.vector(array[, 2, "sigma"]), draws$sigma[draws$.chain == 2])
  expect_s3_class(posterior::as_draws_matrix(draws), "draws_matrix")
  expect_s3_class(posterior::as_draws_rvars(draws), "draws_rvars")
  expect_s3_class(posterior::as_draws_list(draws), "draws_list")
  expect_equal(dim(posterior::subset_draws(draws, "sigma", iteration = 1:3)), c(12L, 4L))
})

test_that("package 'coda' takes draws as they are", {
  skip_if_not_installed("coda")
  chains <- coda::as.mcmc.list(draws)
  expect_length(chains, 4L)
  expect_equal(as.vector(chains[[3]][, "treatB"]), draws$treatB[draws$.chain == 3])
  expect_identical(dim(coda::as.mcmc(draws)), c(400L, 6L))
})

test_that("packages 'bayesplot' and 'bayestestR' take draws as they are", {
  skip_if_not_installed("bayesplot")
  expect_s3_class(bayesplot::mcmc_trace(draws, pars = "sigma"), "ggplot")
  skip_if_not_installed("bayestestR")
  expect_equal(bayestestR::describe_posterior(draws)$Median, unname(vapply(as.data.frame(draws)[1:6], median, 0)))
})

test_that("a part of the draws are draws, and a single column is a vector", {
  expect_type(draws[["sigma"]], "double")
  expect_false(inherits(draws[1:10, ], "lmm_posterior"))
})
