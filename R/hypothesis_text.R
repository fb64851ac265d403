# Linear hypotheses written as equations: "a - b = 0".

# Rows over all coefficients and right-hand sides of texts such as "treatB - treatC = 2" or "2 * x + `(Intercept)`".
hypothesis_from_text <- function(fit, text) {
  if (!length(text) || !all(grepl("=", readable_text(text), fixed = TRUE))) {
    lmm_abort("input", paste0("`L` must be a numeric vector or matrix, or equations, not ", kind_of(text),
                              " without \"=\"."), what = "L", value = text,
              fix = "Write, for example, \"a - b = 0\" with names of fixef(fit).")
  }
  names <- names(fit_beta(fit))
  rows <- lapply(readable_text(text), equation_row, names = readable_text(names))
  list(L = matrix(vapply(rows, `[[`, numeric(length(names)), "row"), length(rows), byrow = TRUE,
                  dimnames = list(unname(text), names)),
       rhs = vapply(rows, `[[`, 0, "rhs"))
}

equation_row <- function(text, names) {
  sides <- strsplit(gsub("==", "=", numbered_names(text, names), fixed = TRUE), "=", fixed = TRUE)[[1L]]
  if (length(sides) != 2L) abort_equation(text)
  parts <- lapply(sides, linear_form, names = names, text = text)
  list(row = parts[[1L]]$row - parts[[2L]]$row, rhs = parts[[2L]]$constant - parts[[1L]]$constant)
}

# The text with ".b[j]" in place of the j-th name, the longest first, since names may hold operators. A name may stand
# in backticks, and without those that it has itself.
numbered_names <- function(text, names) {
  plain <- gsub("`", "", names, fixed = TRUE)
  spelled <- c(names, paste0("`", c(names, plain), "`"), plain)
  longest <- order(nchar(spelled), decreasing = TRUE)
  letter <- "\\w.:`"
  pattern <- paste0("(?<![", letter, "])(?:", paste0("\\Q", spelled[longest], "\\E", collapse = "|"), ")(?![", letter,
                    "])")
  at <- gregexpr(pattern, text, perl = TRUE)
  found <- (match(regmatches(text, at)[[1L]], spelled) - 1L) %% length(names) + 1L
  regmatches(text, at) <- list(paste0(" (.b[", found, "]) "))
  text
}

# The coefficients of one side, and its constant.
linear_form <- function(side, names, text) {
  form <- tryCatch(parse(text = side, keep.source = FALSE), error = function(e) NULL)
  if (length(form) != 1L) abort_equation(text)
  check_linear_words(form[[1L]], names, text)
  scope <- list2env(list(.b = NULL), parent = baseenv())
  value <- function(b) {
    scope$.b <- b
    as.numeric(eval(form[[1L]], scope))
  }
  zero <- numeric(length(names))
  constant <- value(zero)
  row <- vapply(seq_along(names), function(j) value(replace(zero, j, 1)), 0) - constant
  probe <- sqrt(seq_along(names) + 1)
  gap <- value(probe) - constant - sum(row * probe)
  if (!all(is.finite(c(row, constant,
                       gap))) || abs(gap) > 1e-9 * (abs(constant) + sum(abs(row) * probe))) abort_equation(text)
  list(row = row, constant = constant)
}

# Only arithmetic is evaluated.
check_linear_words <- function(form, names, text) {
  words <- all.vars(form)
  unknown <- setdiff(words, ".b")
  crossed <- ":" %in% all.names(form)
  if (length(unknown) || crossed) {
    near <- if (crossed) nearest_interaction(text, names) else nearest_name(unknown[1L], names)
    lmm_abort("input", paste0(if (crossed) "an interaction" else quote_name(unknown[1L]), " in ", quote_level(text),
                              " is not a coefficient of the model."), what = "L", value = text,
              fix = if (is.null(near)) paste0("The coefficients are ", enumerate(quote_name(names), 12L),
                                              ".") else paste0("Did you mean ", quote_name(near), "?"))
  }
  if (length(setdiff(all.names(form), c(".b", "[", "(", "+", "-", "*", "/")))) abort_equation(text)
}

# The interaction that an unknown one was meant to be: in another order, or with a letter wrong.
nearest_interaction <- function(text, names) {
  written <- regmatches(text, gregexpr("[\\w.]+(?:\\s*:\\s*[\\w.]+)+", text, perl = TRUE))[[1L]]
  for (name in gsub("\\s", "", setdiff(written, names))) {
    parts <- strsplit(name, ":", fixed = TRUE)[[1L]]
    own <- strsplit(names, ":", fixed = TRUE)
    same <- which(vapply(own, setequal, NA, parts))
    near <- if (length(same)) names[same[1L]] else nearest_name(name, names)
    if (!is.null(near)) return(near)
  }
  NULL
}

abort_equation <- function(text) {
  lmm_abort("input", paste0(quote_level(text), " is not a linear equation of the coefficients."), what = "L",
            value = text,
            fix = "Write, for example, \"a - b = 0\" with names of fixef(fit).")
}

# The right-hand sides of equations, or `rhs` where these have none.
equation_sides <- function(equations, rhs = NULL) {
  if (is.null(rhs)) return(equations$rhs)
  if (any(equations$rhs != 0)) lmm_abort("input", "the equations of `L` have right-hand sides; leave out `rhs`.",
                                         what = "rhs")
  rhs
}
