labels_of <- function(formula) vapply(model_spec(formula)$random, `[[`, "", "label")

test_that("random terms are taken apart", {
  spec <- model_spec(y ~ x + (x | g) + (1 | a/b))
  expect_equal(spec$fixed, y ~ x, ignore_formula_env = TRUE)
  expect_identical(vapply(spec$random, `[[`, "", "label"), c("x | g", "1 | b:a", "1 | a"))
  expect_identical(vapply(spec$random, `[[`, "", "group_name"), c("g", "b:a", "a"))
  expect_identical(spec$random[[2L]]$group, quote(b:a))
  expect_true(spec$reml)
  expect_identical(labels_of(y ~ (1 | a/b/c)), c("1 | c:b:a", "1 | b:a", "1 | a"))
  expect_identical(labels_of(y ~ (1 | a * b)), c("1 | a", "1 | b", "1 | a:b"))
})

test_that("a double bar, us() and diag() choose the structure", {
  structure_of <- function(formula) model_spec(formula)$random[[1L]]$structure
  expect_identical(structure_of(y ~ (x || g)), "diagonal")
  expect_identical(structure_of(y ~ diag(x | g)), "diagonal")
  expect_identical(structure_of(y ~ us(x | g)), "unstructured")
  expect_length(model_spec(y ~ (f || g))$random, 1L)
  expect_identical(structure_of(y ~ cs(0 + f | g)), "exchangeable")
  expect_identical(model_spec(y ~ fa(0 + f | g, 2))$random[[1L]]$rank, 2L)
  expect_identical(structure_of(y ~ ar1(0 + f | g, hom = FALSE)), structure_of(y ~ hetar1(0 + f | g)))
  expect_condition_of(model_spec(y ~ ou(1 | g)), "lmm_error_formula", "ou\\(\\)")
  expect_condition_of(model_spec(y ~ cs(0 + f | g, rank = 2)), "lmm_error_formula", "rank")
  expect_condition_of(model_spec(y ~ rr(0 + f | g, 0)), "lmm_error_formula", "factors")
})

test_that("the fixed part is what is left", {
  fixed <- function(formula) model_spec(formula)$fixed[[3L]]
  expect_identical(fixed(y ~ (1 | g)), 1)
  expect_identical(fixed(y ~ 0 + (1 | g)), 0)
  expect_identical(fixed(y ~ (1 | g) - 1), quote(-1))
  expect_identical(fixed(y ~ (1 | g) + x + (1 | h)), quote(x))
  expect_identical(fixed(y ~ x + ((1 | g) + z)), quote(x + z))
  expect_identical(fixed(y ~ I(a | b) + offset(o) + (1 | g)), quote(I(a | b) + offset(o)))
})

test_that("functions in a grouping expression are left alone", {
  expect_identical(labels_of(y ~ (1 | factor(k))), "1 | factor(k)")
  expect_identical(labels_of(y ~ (1 | a/factor(b, levels = 1:3))), c("1 | factor(b, levels = 1:3):a", "1 | a"))
  expect_identical(labels_of(y ~ (1 | paste(g, f, sep = "/"))), "1 | paste(g, f, sep = \"/\")")
  expect_identical(labels_of(y ~ (1 | `g r`/h)), c("1 | h:`g r`", "1 | `g r`"))
})

test_that("misuse is named", {
  wrong <- list(
    list(~ x + (1 | g), "no response"), list(5 ~ x + (1 | g), "response `5` is a constant"),
    list(NULL ~ (1 | g), "constant"), list("y" ~ (1 | g), "constant"), list(pi() ~ (1 | g), "constant"),
    list((y | g) ~ x, "not a variable"),
    list(y ~ x + 1 | g, "unparenthesised `\\|`.*\\n.*\\(x \\+ 1 \\| g\\)"), list(y ~ x || g, "unparenthesised"),
    list(y ~ x + (1 | g) * f, "only be added"), list(y ~ (1 | g):f, "only be added"),
    list(y ~ x - (1 | g), "only be added"),
    list(y ~ ((1 | g) + x)^2, "only be added"), list(y ~ x + (1 | g | h), "two `\\|`"),
    list(y ~ (0 | g), "no columns"), list(y ~ (-1 | g), "no columns"), list(y ~ (1 | 1), "`1`.*constant"),
    list(y ~ (1 | "g"), "constant"), list(y ~ (1 | g + 1), "constant"), list(y ~ (1 | g - h), "`-` has no meaning"),
    list(y ~ (1 | g^2), "no meaning"), list(y ~ (1 | g) + (1 | g), "appears twice"),
    list(y ~ (x | g) + (1 + x | g), "appears twice"), list(y ~ (1 | g:h) + (1 | h:g), "appears twice"),
    list(y ~ (1 | g) + (1 | g/h), "appears twice"), list(y ~ x + Error(g) + (1 | g), "aov syntax"),
    list(y ~ log(1 | g), "inside a function"), list(y ~ I(1 | g) + (1 | h), "inside a function"),
    list(y ~ ("a" | g), "cannot read"), list(y ~ (1 | g %in% h), "`%in%` has no meaning"), list(y ~ (. | g), "`\\.`"),
    list(. ~ x + (1 | g), "response"), list(y ~ x ~ (1 | g), "~|added")
  )
  for (case in wrong) {
    e <- tryCatch(model_spec(case[[1L]]), error = identity)
    expect_s3_class(e, "lmm_error_formula")
    expect_match(conditionMessage(e), case[[2L]], label = deparse(case[[1L]]))
  }
  expect_condition_of(model_spec(y ~ (1 | g) + (x | g)), "lmm_error_unidentified", "two random effects for `g`")
  expect_condition_of(model_spec(1:3), "lmm_error_input", "numeric vector")
  expect_condition_of(model_spec(), "lmm_error_input", "missing")
})

test_that("long formulas are not cut", {
  names <- sprintf("a_quite_long_variable_name_number_%03d", 1:60)
  spec <- model_spec(reformulate(c(names, "(1 | g)"), "y"))
  expect_identical(all.vars(spec$fixed), c("y", names))
  expect_length(deparse_line(spec$formula), 1L)
  expect_identical(str2lang(deparse_line(spec$formula))[[3L]], spec$formula[[3L]])
})
