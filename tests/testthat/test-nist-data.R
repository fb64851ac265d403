# The data sets that the NIST tests of the fit rely on; nothing of the package is run here.

test_that("the simulated sets follow the rule of the printed ones to the last bit", {
  for (number in c(1, 4, 7)) {
    name <- sprintf("SmLs%02d", number)
    expect_identical(nist_simulated(number), nist_printed(name), label = name)
  }
})

test_that("sums of squares of every set agree with the certified values", {
  for (name in nist_names()) {
    row <- nist_table()[nist_table()$dataset == name, ]
    data <- nist_data(name)
    expect_equal(nlevels(data$treatment), row$treatments, label = name)
    expect_equal(as.vector(table(data$treatment)), rep(row$replicates, row$treatments), label = name)
    # The doubles nearest to 1e12 + 0.4 are off by up to 6e-5, hence four digits only for the last three.
    digits <- if (name %in% sprintf("SmLs%02d", 7:9)) 3.9 else 8.5
    expect_true(all(log_relative_error(nist_stored(data), nist_certified(name)) > digits), label = name)
  }
})
