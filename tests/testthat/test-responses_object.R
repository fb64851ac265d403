d <- response_data(5)
d$Y[2:3, 4] <- NA
fits <- lmm(Y ~ f + (1 | g), d)

test_that("one response is an ordinary fit", {
  own <- lmm(gene4 ~ f + (1 | g), cbind(d, as.data.frame(d$Y)))
  one <- fits[["gene4"]]
  expect_s3_class(one, "lmm_fit")
  expect_equal(one$estimates, own$estimates, tolerance = 1e-9)
  expect_identical(deparse(formula(one)), deparse(formula(own)))
  expect_equal(predict(one, d[1:3, ]), predict(own, d[1:3, ]), tolerance = 1e-9)
  expect_equal(residuals(one), residuals(own), tolerance = 1e-9)
  expect_equal(confint(one, quiet = TRUE), confint(own, quiet = TRUE), tolerance = 1e-6)
  expect_equal(fixef(fits[[4]]), fixef(one))
  expect_error(fits[[6]], "no response 6", class = "lmm_error_input")
  expect_error(fits[["gene"]], "no response", class = "lmm_error_input")
})

test_that("a part has the numbers of its responses", {
  part <- fits[c("gene4", "gene2")]
  expect_identical(names(part), c("gene4", "gene2"))
  expect_length(part, 2)
  expect_identical(part$beta, fits$beta[, c(4, 2)])
  expect_equal(anova(part)[["Pr(>F)"]], anova(fits)[["Pr(>F)"]][c(4, 2)])
  expect_equal(fixef(part[[1]]), fixef(fits[[4]]))
  expect_identical(fits[-1]$sigma, fits$sigma[-1])
  expect_error(fits["nobody"], class = "lmm_error_input")
})

test_that("names, numbers and flags have one entry per response", {
  expect_identical(rownames(fixef(fits)), colnames(d$Y))
  expect_identical(names(sigma(fits)), colnames(d$Y))
  expect_identical(unname(nobs(fits)), c(64L, 64L, 64L, 62L, 64L))
  expect_identical(names(isSingular(fits)), colnames(d$Y))
  wide <- as.data.frame(fits)
  expect_identical(wide$response, colnames(d$Y))
  expect_identical(wide$fv, unname(fixef(fits)[, "fv"]))
  expect_true(all(c("sd_(Intercept)|g", "sigma", "criterion", "converged", "singular", "reason") %in% names(wide)))
})

test_that("print and summary say how many were fitted", {
  expect_output(print(fits), "5 of 5 responses fitted")
  expect_output(print(fits), "Quartiles of the estimates")
  expect_output(print(summary(fits)), "after adjustment by \"BH\"")
  bad <- d
  bad$Y[, 1] <- 0
  expect_output(print(lmm(Y ~ f + (1 | g), bad)), "1: constant")
})

test_that("it survives a file and does not grow with the rows apart from the responses", {
  file <- tempfile()
  saveRDS(fits, file)
  again <- readRDS(file)
  unlink(file)
  expect_equal(tidy(again), tidy(fits))
  expect_equal(fixef(again[[2]]), fixef(fits[[2]]))
})
