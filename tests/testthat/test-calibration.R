# The stored rejection rates (bench/calibrate.R) against the levels that they should have, whoever writes them anew.

rates <- utils::read.csv(system.file("extdata", "calibration.csv", package = "henderson"), comment.char = "#")

# Distance from the level in Monte Carlo standard errors.
distance <- function(rate, level) (rate - level) / sqrt(level * (1 - level) / rates$replicates)
from_5 <- distance(rates$rate_05, 0.05)
from_1 <- distance(rates$rate_01, 0.01)

test_that("the run was complete: at least six designs, 2000 responses, all methods, no p-value missing", {
  expect_gte(length(unique(rates$name)), 6)
  expect_true(all(rates$replicates >= 2000))
  expect_true(all(rates$missing == 0))
  cells <- table(rates$name, rates$method)
  wanted <- c("Wald", "Satterthwaite", "Kenward-Roger", "bootstrap", "exact", "mixture", "chi-square")
  expect_true(all(cells[, wanted] >= 1))
})

test_that("exact tests of a variance have their level, chi-square rejects too seldom", {
  exact <- rates$method == "exact"
  expect_true(all(abs(from_5[exact]) < 4))
  expect_true(all(abs(from_1[exact]) < 4))
  expect_true(all(from_5[rates$method == "chi-square"] < -3))
})

test_that("Kenward-Roger is never liberal, and exact within balanced blocks; the bootstrap has its level", {
  expect_true(all(c(from_5, from_1)[rep(rates$method == "Kenward-Roger", 2)] < 4))
  blocks <- rates$name == "blocks" & rates$method == "containment"
  expect_lt(abs(from_5[blocks]), 4)
  bootstrap <- rates$method == "bootstrap"
  expect_true(all(abs(from_5[bootstrap]) < 4))
})
