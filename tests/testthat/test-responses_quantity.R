d <- response_data(9)
d$H <- d$Y
d$H[2:3, 4] <- NA
d$H[c(1, 9), 5:6] <- NA

# By the delta method, of each response as of its own fit.
expect_own_quantities <- function(fits, ..., level = 0.95, link = "auto") {
  table <- quantity(fits, ..., level = level, link = link)
  for (j in seq_along(names(fits))) {
    own <- quantity(suppressMessages(fits[[j]]), ..., method = "delta", level = level, link = link)
    mine <- table[table$response == names(fits)[j], ]
    expect_identical(mine$quantity, rownames(own))
    numbers <- c("estimate", "se", "lower", "upper")
    # limits of a correlation of 1 are a matter of rounding
    inside <- !grepl("cor", mine$quantity) | abs(mine$estimate) < 1 - 1e-6
    mine <- mine[inside, ]
    own <- own[inside, ]
    same <- is.na(unlist(own[numbers])) == is.na(unlist(mine[numbers]))
    expect_true(all(same), label = names(fits)[j])
    expect_equal(as.matrix(mine[numbers]), as.matrix(plain_table(own)[numbers]), tolerance = 1e-6, ignore_attr = TRUE)
  }
  table
}

test_that("each response has the quantities and limits of its own fit", {
  fits <- lmm(H ~ f + z + (1 | g), d)
  table <- expect_own_quantities(fits, "heritability", ratio = ~ sd(g) / sigma, ~ beta(z) / sigma, "cv")
  expect_identical(names(table), c("response", "quantity", "estimate", "se", "df", "lower", "upper", "method"))
  expect_identical(unique(table$method), "delta")
  expect_own_quantities(lmm(Y ~ x + (x | g), d), "total", ~ cor(g), level = 0.9)
  expect_own_quantities(lmm(Y ~ x + (1 | g) + (1 | b), d, REML = FALSE), "icc", link = "identity")
})

test_that("quantities of responses with their own weights, and of those that are fitted by themselves", {
  set.seed(4)
  W <- matrix(runif(length(d$Y), 0.5, 2), nrow(d$Y))
  expect_own_quantities(lmm(Y ~ x + (1 | g), d, weights = W), "icc")
  e <- d
  e$Y[e$f == "w", 2] <- NA
  expect_own_quantities(lmm(Y ~ f + (1 | g), e), "icc", ~ beta(fv))
})

test_that("responses without estimates have no quantity", {
  e <- d
  e$Y[, 3] <- 1
  fits <- lmm(Y ~ x + (1 | g), e)
  table <- quantity(fits, "icc")
  expect_identical(table$response, colnames(d$Y))
  expect_true(all(is.na(table[3, c("estimate", "se", "lower", "upper")])))
  expect_false(anyNA(table$estimate[-3]))
  e$Y[] <- 0
  expect_error(quantity(lmm(Y ~ x + (1 | g), e), "icc"), "no response", class = "lmm_error_data")
  expect_error(quantity(fits, ~ var(nobody)), "nobody", class = "lmm_error_input")
  expect_error(quantity(fits), "no quantity", class = "lmm_error_input")
})

test_that("other methods ask the fit of each response", {
  fits <- lmm(Y ~ x + (1 | g), d)[2:3]
  table <- quantity(fits, "icc", method = "profile")
  expect_equal(table$upper,
               suppressMessages(c(quantity(fits[[1]], "icc", method = "profile")$upper, quantity(fits[[2]], "icc",
                                method = "profile")$upper)))
  expect_identical(table$method, c("profile", "profile"))
})
