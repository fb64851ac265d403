library(testthat)
library(henderson)

test_check("henderson")
