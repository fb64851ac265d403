# The call of a fit as the user wrote it, whatever it went through: wrappers with `...`, lapply(), do.call().

# `call` is what match.call() gives: the formula in place of what it was called there, the name of the fitter in place
# of that of a wrapper's argument, and for ..1 what stands in the call of the wrapper.
written_call <- function(call, formula, caller) {
  for (i in rev(seq_along(call)[-1L])) {
    part <- call[[i]]
    if (!missing(part) && is_dot(part)) call[[i]] <- resolve_dots(part, caller)$expr
  }
  if (!is.call(call$formula) || !is.null(attributes(call$formula)) || !identical(call$formula[[1L]], quote(`~`))) {
    call$formula <- call("~", formula[[2L]], formula[[3L]])
  }
  if (!is.call(call[[1L]])) call[[1L]] <- quote(lmm)
  call
}

# In a wrapper function(...) lmm(...) an argument arrives as ..1; what was written there is what is meant. The `...` may
# be that of a function around the one that calls, as in function(...) lapply(x, function(i) lmm(...)).
resolve_dots <- function(expr, caller) {
  while (is_dot(expr) && is.environment(caller)) {
    caller <- place_of_dots(caller)
    written <- eval(quote(substitute(list(...))), caller)
    frame <- which(vapply(sys.frames(), identical, NA, caller))
    k <- as.integer(substring(expr, 3L)) + 1L
    expr <- if (!identical(written[[k]], quote(expr = ))) written[[k]]           # f(y ~ x, d, ) gives nothing
    caller <- if (length(frame)) sys.frame(sys.parents()[frame[1L]])
  }
  list(expr = expr, caller = caller)
}

place_of_dots <- function(env) {
  place <- env
  while (!identical(place, emptyenv())) {
    if (exists("...", envir = place, inherits = FALSE)) return(place)
    place <- parent.env(place)
  }
  env
}

# ..1, ..2 and so on.
is_dot <- function(expr) is.symbol(expr) && startsWith(as.character(expr), "..") && grepl("^\\.\\.[0-9]+$", expr)

# The names of the arguments of a call, those that it passes on from `...` of the function it stands in included.
given_names <- function(call, caller) {
  names <- names(call)
  passed_on <- vapply(as.list(call)[-1L], identical, NA, quote(...))
  if (any(passed_on)) c(names, names(eval(quote(substitute(list(...))), place_of_dots(caller)))) else names
}
