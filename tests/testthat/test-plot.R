on_paper <- function(expr) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  force(expr)
}

test_that("plots of residuals show residuals", {
  fit <- example_fit("irrigation_full")
  shown <- on_paper(plot(fit))
  expect_identical(names(shown), "residuals")
  expect_identical(shown$residuals, data.frame(x = unname(fitted(fit)), y = unname(residuals(fit, "pearson"))))
  shown <- on_paper(plot(fit, type = c("scale", "qq"), col = 2))
  expect_equal(shown$scale$y, unname(sqrt(abs(rstandard(fit)))))
  expect_equal(shown$qq$y, unname(sort(rstandard(fit))))
  expect_equal(shown$qq$x, sort(qqnorm(rstandard(fit), plot.it = FALSE)$x))
  expect_error(on_paper(plot(fit, type = "nosuch")), "must be one of", class = "lmm_error_input")
})

test_that("plots of random effects show modes with their intervals", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  shown <- on_paper(plot(ranef(fit), level = 0.9))
  long <- as.data.frame(ranef(fit))
  expect_equal(shown$condval, long$condval)
  expect_equal(shown$upper - shown$condval, qnorm(0.95) * long$condsd)
  bare <- on_paper(plot(ranef(fit, condVar = FALSE), type = "qq", main = "modes"))
  expect_identical(bare$lower, bare$condval)
  expect_error(on_paper(plot(ranef(fit), level = 2)), class = "lmm_error_input")
})

test_that("a plot leaves the device as it was", {
  fit <- lmm(y ~ x + (x | g), behavior_data())
  on_paper({
    before <- graphics::par(c("mfrow", "mai"))
    plot(fit, type = c("residuals", "qq"))
    plot(ranef(fit))
    expect_equal(graphics::par(c("mfrow", "mai")), before)
  })
})

test_that("lattice's generics find the plots of random effects", {
  skip_if_not_installed("lattice")
  re <- ranef(example_fit("penicillin"))
  expect_identical(on_paper(lattice::dotplot(re)), on_paper(plot(re)))
  expect_identical(on_paper(lattice::qqmath(re)), on_paper(plot(re, type = "qq")))
})
