# What was asked: the formula taken apart, without a look at the data. The only file that knows the
# grammar of random terms; `a/b`, `a*b` in a grouping expression are expanded by reformulas.

model_spec <- function(formula, REML = TRUE, residual = NULL, relationship = NULL) {
  formula <- plain_formula(check_formula(formula))
  check_flag(REML, "REML")
  known <- if (is.null(residual) && is.null(relationship)) remembered_spec(formula, REML)
  if (!is.null(known)) return(known)
  check_response(formula)
  parts <- split_bars(formula[[3L]])
  check_fixed_calls(parts$fixed)
  check_fixed_constants(parts$fixed)
  fixed <- formula
  fixed[[3L]] <- if (is.null(parts$fixed)) 1 else parts$fixed
  random <- unlist(lapply(parts$bars, random_terms, environment(formula)), recursive = FALSE)
  if (!is.null(relationship)) random <- related_terms(random, relationship)
  check_random_terms(random)
  if (is.null(residual) && !length(random)) residual <- independent_residuals()
  residual <- locate_known(residual, formula[[2L]])
  remember_spec(structure(c(list(formula = formula, fixed = fixed, random = random, reml = REML),
                            list(residual = residual)), class = "model_spec"))
}

# A formula without the attributes of a terms object, and with an environment.
plain_formula <- function(formula) {
  env <- environment(formula)
  attributes(formula) <- list(class = "formula", .Environment = if (is.null(env)) globalenv() else env)
  formula
}

# Splits a right-hand side into the sum of its fixed parts and the list of its bars. A bar may only be
# added; inside function calls `|` is the logical operator. Only `1 | g` alone may do without parentheses.
split_bars <- function(rhs) {
  bars <- list()
  walk <- function(e) {
    if (!is.call(e)) return(e)
    head <- call_head(e)
    if (head == "(" && is_bar(e[[2L]]) || is_structure_call(e)) {
      bars[[length(bars) + 1L]] <<- e
      return(NULL)
    }
    if (is_bar(e)) abort_bare_bar(e)
    if (is_sum(e)) return(walk_sum(e))
    if (head == "(" || head == "+") {
      inner <- walk(e[[2L]])
      return(if (identical(inner, e[[2L]])) e else inner)
    }
    if (head %in% formula_operators && holds_bar(e)) abort_bar_not_added(e)
    e
  }
  # a + b + c + ... nests to the left, as deep as there are terms: followed by a loop, not by recursion.
  walk_sum <- function(e) {
    links <- list()
    while (is_sum(e)) {
      links[[length(links) + 1L]] <- e
      e <- e[[2L]]
    }
    left <- walk(e)
    for (link in rev(links)) {
      minus <- call_head(link) == "-"
      if (minus && holds_bar(link[[3L]])) abort_bar_not_added(link)
      right <- if (minus) link[[3L]] else walk(link[[3L]])
      if (is.null(left)) left <- if (minus) call("-", right) else right
      else if (!is.null(right)) left <- call(if (minus) "-" else "+", left, right)
    }
    left
  }
  # y ~ 1 | g has one meaning; in y ~ x + 1 | g the bar may have been meant for 1 alone
  if (is_lone_bar(rhs)) return(list(fixed = NULL, bars = list(call("(", rhs))))
  fixed <- walk(rhs)
  list(fixed = fixed, bars = bars)
}

# 1 | g
is_lone_bar <- function(e) is_bar(e) && identical(e[[2L]], 1) && !holds_bar(e[[3L]])

# One bar gives one term, or several when the grouping expression is nested or a product.
random_terms <- function(bar, env) {
  own <- bar_structure(bar)
  bar <- bar[[2L]]
  check_bar(bar)
  if (isTRUE(own$spatial)) return(list(spatial_term(bar, own, env)))
  lhs <- bar[[2L]]
  shown <- lhs
  while (is.call(lhs) && call_head(lhs) == "(") lhs <- lhs[[2L]]
  if (identical(lhs, TRUE)) lhs <- 1
  lapply(expand_group(bar[[3L]]), function(group) {
    names <- deparse_line(group)
    c(list(
      label = paste(deparse_line(shown), call_head(bar), names),
      lhs = structure(call("~", lhs), class = "formula", .Environment = env),
      group = group, group_name = group_name(group)
    ), own)
  })
}

# `a/b` -> b:a, a. reformulas splits labels at ":" and would look into function calls, hence these are
# replaced by names before and put back afterwards.
expand_group <- function(group) {
  while (is.call(group) && call_head(group) == "(") group <- group[[2L]]
  if (!is.call(group) || !call_head(group) %in% formula_operators) return(list(group))
  check_group_operators(group)
  hidden <- list()
  hide <- function(e) {
    if (!is.call(e)) return(e)
    if (call_head(e) %in% formula_operators) {
      e[-1L] <- lapply(as.list(e[-1L]), hide)
      return(e)
    }
    name <- paste0(".hidden_", length(hidden) + 1L, "_")
    hidden[[name]] <<- e
    as.name(name)
  }
  expanded <- reformulas::expandGrpVar(hide(group))
  if (length(hidden)) lapply(expanded, function(e) eval(call("substitute", e, hidden))) else expanded
}
