skip_if_not_installed("lattice")

fit <- lmm(y ~ x + (x | g), behavior_data())

# A picture that cannot be drawn is an error.
drawn <- function(object) {
  file <- tempfile(fileext = ".pdf")
  grDevices::pdf(file)
  on.exit({
    grDevices::dev.off()
    unlink(file)
  })
  print(object)
  TRUE
}

test_that("dotplot() and qqmath() of random effects give a trellis object for each grouping factor", {
  for (pictures in list(lattice::dotplot(ranef(fit)), lattice::qqmath(ranef(fit), layout = c(1, 2)))) {
    expect_named(pictures, "g")
    expect_s3_class(pictures$g, "trellis")
    expect_identical(dim(pictures$g), 2L)
    expect_true(drawn(pictures$g))
  }
  picture <- lattice::dotplot(ranef(fit), transf = exp, main = FALSE)$g
  expect_setequal(picture$panel.args[[1]]$x, exp(ranef(fit)$g[[1]]))
  expect_null(picture$main)
  free <- lattice::dotplot(ranef(fit), level = 0.5, aspect = 1, main = FALSE, xlab = "b",
                           scales = list(x = list(relation = "same")))$g
  expect_identical(free$x.scales$relation, "same")
  expect_identical(free$xlab, "b")
  expect_true(drawn(update(free, layout = c(1, 2))))
  expect_error(lattice::dotplot(ranef(fit), level = 2), class = "lmm_error_input")
})

test_that("qqmath() of a fit shows standardized residuals", {
  picture <- lattice::qqmath(fit)
  expect_s3_class(picture, "trellis")
  expect_equal(sort(picture$panel.args[[1]]$x), sort(unname(rstandard(fit))), ignore_attr = TRUE)
  expect_true(drawn(picture))
})

test_that("xyplot(), densityplot() and splom() of a profile give trellis objects with the curves of plot()", {
  p <- profile(fit, "theta_")
  names <- levels(p$.par)
  zeta <- lattice::xyplot(p)
  expect_s3_class(zeta, "trellis")
  expect_identical(dim(zeta), length(names))
  expect_identical(zeta$condlevels[[1]], rownames(confint(fit, "theta_", oldNames = FALSE, quiet = TRUE)))
  at <- zeta$panel.args[[1]]
  rows <- p[p$.par == names[1], ]
  expect_equal(approx(at$x, at$y, rows[[names[1]]])$y, rows$.zeta, tolerance = 0.02)
  density <- lattice::densityplot(p, which = 1:2)
  expect_identical(dim(density), 2L)
  area <- density$panel.args[[1]]
  expect_equal(sum(diff(area$x) * (head(area$y, -1) + area$y[-1]) / 2), 1, tolerance = 0.02)
  pairs <- lattice::splom(p)
  expect_identical(class(pairs), "trellis")
  for (picture in list(zeta, density, pairs, lattice::splom(p, which = 1:2, levels = 0.95))) expect_true(drawn(picture))
  expect_error(lattice::splom(p, which = "nosuch"), class = "lmm_error_input")
})
