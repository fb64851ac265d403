# The grammar of `residual` and `variance`: formulas taken apart, without a look at the data.

# What each word means: the engine's structure, whether its positions are visits, and the words with the same
# correlation and one variance or several; `exchangeable`: all visits are alike, those that are not in the fit too.
residual_words <- list(
  ar1 = list(name = "ar1", label = "AR(1)", several = "ar1h"),
  ar1h = list(name = "ar1h", label = "heterogeneous AR(1)", visits = TRUE, one = "ar1"),
  ou = list(name = "exp", label = "Ornstein-Uhlenbeck (exponential)"),
  car1 = list(name = "exp", label = "continuous AR(1) (exponential)"),
  exp = list(name = "exp", label = "exponential"),
  gau = list(name = "gau", label = "Gaussian"),
  sph = list(name = "sph", label = "spherical"),
  lin = list(name = "lin", label = "linear decay"),
  ratio = list(name = "ratio", label = "rational quadratic"),
  arma = list(name = "arma", label = "ARMA(1, 1)"),
  ar = list(name = "series", label = "AR"),
  ma = list(name = "series", label = "MA"),
  matern = list(name = "matern", label = "Matern"),
  known = list(name = "known", label = "known"),
  us = list(name = "us", label = "unstructured", visits = TRUE, one = "corr"),
  corr = list(name = "corr", label = "unstructured correlation", visits = TRUE, several = "us"),
  diag = list(name = "diag", label = "diagonal", visits = TRUE, one = "iid"),
  homdiag = list(name = "iid", label = "independent", several = "diag"),
  iid = list(name = "iid", label = "independent", several = "diag"),
  cs = list(name = "cs", label = "compound symmetry", visits = TRUE, several = "csh", exchangeable = TRUE),
  homcs = list(name = "cs", label = "compound symmetry", visits = TRUE, several = "csh", exchangeable = TRUE),
  csh = list(name = "csh", label = "heterogeneous compound symmetry", visits = TRUE, one = "cs"),
  toep = list(name = "toep", label = "Toeplitz", visits = TRUE, several = "toeph"),
  homtoep = list(name = "toep", label = "Toeplitz", visits = TRUE, several = "toeph"),
  toeph = list(name = "toeph", label = "heterogeneous Toeplitz", visits = TRUE, one = "toep"),
  ad = list(name = "ad", label = "antedependence", visits = TRUE, several = "adh"),
  adh = list(name = "adh", label = "heterogeneous antedependence", visits = TRUE, one = "ad")
)

# Structures whose positions may be any numbers, and that may have several coordinates.
spatial_words <- c("ou", "car1", "exp", "gau", "sph", "lin", "ratio", "matern")

# list(parts, subject, by, nugget, variance, ...): `parts` holds one or two structures with the expressions of their
# positions. NULL where nothing was asked for.
# `places`: the environments of the two formulas, in which variables are looked up that are not in the data.
residual_spec <- function(residual = NULL, variance = NULL, env = parent.frame(), variance_env = env) {
  if (is.null(residual) && is.null(variance)) return(NULL)
  if (inherits(residual, "formula")) env <- environment(residual)
  if (inherits(variance, "formula")) variance_env <- environment(variance)
  spec <- if (is.null(residual)) unclass(independent_residuals()) else
    parse_residual(one_sided(residual, "residual"), env)
  spec$nugget <- isTRUE(spec$options$nugget)
  if (!is.null(variance)) {
    spec$variance <- one_sided(variance, "variance")
    found <- variance_spec(spec$variance)
    spec$variance_terms <- found$terms
    spec$variance_nonlinear <- found$nonlinear
  }
  spec$parts <- lapply(spec$parts, apply_hom, spec$options$hom)
  check_nugget(spec)
  spec$places <- list(residual = env, variance = variance_env)
  structure(spec, class = "residual_spec")
}

# The right-hand side of a one-sided formula, or the call itself.
one_sided <- function(x, name) {
  if (inherits(x, "formula") || is.call(x) && call_head(x) == "~") {
    if (length(x) == 2L) return(x[[2L]])
    lmm_abort("formula", paste0("`", name, "` must be a one-sided formula, not ", quote_name(deparse_line(x)), "."),
              what = name,
              fix = if (name == "residual") "Write residual = ~ ar1(visit | subject)." else "Write variance = ~ group.")
  }
  if (is.call(x) && name == "residual") return(x)
  if (name == "variance" && (is.symbol(x) || is.call(x))) return(x)
  lmm_abort("input", paste0("`", name, "` must be a one-sided formula, not ", kind_of(x), "."), what = name,
            fix = if (name == "residual") "Write residual = ~ us(visit | subject)." else "Write variance = ~ group.")
}

# ar1(visit | subject), ar1(col):ar1(row) | trial, ar1(col):ar1(row).
parse_residual <- function(e, env = parent.frame()) {
  shown <- deparse_line(e)
  subject <- NULL
  while (is.call(e) && call_head(e) == "(") e <- e[[2L]]
  if (is_bar(e)) {
    subject <- e[[3L]]
    e <- e[[2L]]
  }
  while (is.call(e) && call_head(e) == "(") e <- e[[2L]]
  factors <- if (is.call(e) && call_head(e) == ":") list(e[[2L]], e[[3L]]) else list(e)
  parts <- lapply(factors, parse_structure, shown, env)
  inner <- Filter(Negate(is.null), lapply(parts, `[[`, "subject"))
  if (length(inner) + as.integer(!is.null(subject)) > 1L) abort_residual(shown, "names its subjects twice")
  if (length(inner)) subject <- inner[[1L]]
  options <- unlist(lapply(parts, `[[`, "options"), recursive = FALSE)
  by <- options$by
  while (is.call(subject) && call_head(subject) == "(") subject <- subject[[2L]]
  if (is.call(subject) && call_head(subject) == "/") {
    by <- subject[[2L]]
    subject <- call(":", by, subject[[3L]])
  }
  list(parts = lapply(parts, function(part) part[setdiff(names(part), c("subject", "options"))]), subject = subject,
       by = by, options = options, shown = shown)
}

# What to write in place of a word that is not known.
residual_word_hint <- function(e, head) {
  other <- word_for(head, c(foreign_residual_words, structure(names(residual_words), names = names(residual_words))))
  if (!is.null(other)) return(paste0("Write ", written_here(e, other), "."))
  if (head %in% names(structure_words)) {
    return(paste0(head, "() is a structure of random effects: write it as a term of the formula."))
  }
  near <- if (nzchar(head)) nearest_name(head, names(residual_words))
  if (is.null(near)) paste0("The structures are ", enumerate(unique(names(residual_words)), 30L), ".")
  else paste0("Did you mean ", quote_name(near), "?")
}

# One structure: word(positions | subject, options).
parse_structure <- function(e, shown, env) {
  head <- if (is.call(e)) call_head(e) else ""
  if (!head %in% names(residual_words)) {
    lmm_abort("formula", paste0("`residual` has no structure that is known: ", quote_name(shown), "."), what = shown,
              fix = residual_word_hint(e, head))
  }
  arguments <- as.list(e)[-1L]
  given <- names(arguments)
  if (is.null(given)) given <- character(length(arguments))
  options <- structure_options(arguments[nzchar(given)], head, env)
  plain <- arguments[!nzchar(given)]
  if (head == "known") return(known_part(plain, options, shown, env))
  if (length(plain) > 1L) abort_residual(shown, "has more than one unnamed argument in a structure")
  where <- if (length(plain)) plain[[1L]]
  subject <- NULL
  if (is_bar(where)) {
    subject <- where[[3L]]
    where <- where[[2L]]
  }
  c(list(word = head, positions = coordinates(where), subject = subject), series_orders(head, options),
    options[intersect(names(options), c("bands", "shape", "metric"))], list(options = options))
}

# The named arguments of a structure by value; `by` stays an expression.
structure_options <- function(options, head, env) {
  allowed <- c("hom", "nugget", "by",
               if (isTRUE(residual_words[[head]]$visits)) "bands", if (head %in% c("ar", "arma")) "p",
               if (head %in% c("ma", "arma")) "q", if (head == "matern") "shape", if (head %in% spatial_words) "metric",
               if (head == "known") "scale")
  unknown <- setdiff(names(options), allowed)
  if (length(unknown)) {
    lmm_abort("formula", paste0("structure `", head, "()` has no argument ", enumerate(quote_name(unknown)), "."),
              what = unknown, fix = paste0("The arguments are ", enumerate(quote_name(allowed)), "."))
  }
  values <- setdiff(names(options), "by")
  options[values] <- lapply(options[values], structure_value, env)
  for (name in intersect(values, c("hom", "nugget", "scale"))) check_flag(options[[name]], name)
  for (name in intersect(values, c("bands", "p", "q"))) check_order(options[[name]], name)
  if (!is.null(options$metric)) options$metric <- check_choice(options$metric, c("euclidean", "manhattan", "maximum"),
                                                               "metric")
  if (!is.null(options$shape) && !(is.numeric(options$shape) && length(options$shape) == 1L && options$shape > 0)) {
    lmm_abort("input", paste0("`shape` must be a positive number, not ", describe_value(options$shape), "."),
              what = "shape")
  }
  options
}

# What stands in a structure for a value, where the structure was written.
structure_value <- function(e, env) {
  tryCatch(eval(e, env), error = function(err) {
    lmm_abort("formula", paste0(quote_name(deparse_line(e)), " in `residual` cannot be evaluated: ",
                                one_line(conditionMessage(err))), what = c("residual", all.vars(e)))
  })
}

check_order <- function(x, name) {
  if (is.numeric(x) && length(x) == 1L && is.finite(x) && x >= (name == "bands") && x == round(x) &&
      x <= 1000) return(invisible())
  lmm_abort("input", paste0("`", name, "` must be a whole number, not ", describe_value(x), "."), what = name,
            value = x)
}

# Orders of an ARMA process. arma() without them is SAS's ARMA(1,1), in other parameters.
series_orders <- function(word, options) {
  if (!word %in% c("ar", "ma", "arma") || word == "arma" && is.null(options$p) && is.null(options$q)) return(NULL)
  order <- function(name, word_of_its_own) if (!is.null(options[[name]])) options[[name]] else
    as.numeric(word == word_of_its_own)
  out <- list(series = TRUE, p = order("p", "ar"), q = order("q", "ma"))
  if (out$p + out$q > 0) return(out)
  lmm_abort("formula", paste0("`", word, "()` of order 0 has no parameter."), what = word,
            fix = "Leave `residual` out.")
}

# Coordinates joined by `+`; none for `1`, the order of the rows.
coordinates <- function(e) if (is.null(e) || identical(e, 1) || identical(e, 1L)) list() else summands(e)

# hom = TRUE: one variance; FALSE: one for each visit.
apply_hom <- function(part, hom) {
  if (is.null(hom)) return(part)
  other <- residual_words[[part$word]][[if (hom) "one" else "several"]]
  if (!is.null(other)) part$word <- other
  part
}

check_nugget <- function(spec) {
  if (!spec$nugget) return(invisible())
  words <- vapply(spec$parts, `[[`, "", "word")
  other <- setdiff(words, c(spatial_words, "ar1"))
  if (length(other)) {
    lmm_abort("formula", paste0("`nugget` belongs to spatial structures and `ar1`, not to a structure with ",
                                enumerate(quote_name(other)), "."),
              what = "nugget", fix = paste0("There are ", enumerate(c(spatial_words, "ar1"), 20L), "."))
  }
}

abort_residual <- function(shown, what) {
  lmm_abort("formula", paste0("`residual` ", what, ": ", quote_name(shown), "."), what = shown,
            fix = "Write residual = ~ ar1(visit | subject), or ~ ar1(col):ar1(row) | trial.")
}

# Every expression that has to be evaluated on the rows.
residual_calls <- function(spec) {
  if (is.null(spec)) return(list())
  c(structure_calls(spec), Filter(Negate(uses_fitted), variance_variables(spec)))
}

# Those of the structure: positions and subjects.
structure_calls <- function(spec) {
  positions <- unlist(lapply(spec$parts, `[[`, "positions"), recursive = FALSE)
  c(positions, residual_groups(spec))
}

residual_groups <- function(spec) c(group_parts_of(spec$subject), group_parts_of(spec$by))

# A model without any of it is least squares; the engine needs a structure all the same.
independent_residuals <- function() {
  parts <- list(list(word = "iid", positions = list()))
  structure(list(parts = parts, options = list(), nugget = FALSE), class = "residual_spec")
}

residual_label <- function(spec) {
  labels <- vapply(spec$parts, part_label, "")
  paste(labels, collapse = " x ")
}

part_label <- function(part) {
  label <- residual_words[[part$word]]$label
  if (isTRUE(part$series)) {
    orders <- if (part$word == "ar") part$p else if (part$word == "ma") part$q else paste0(part$p, ", ", part$q)
    label <- paste0(toupper(part$word), "(", orders, ")")
  }
  if (!is.null(part$bands)) label <- paste0(label, " with ", part$bands, " bands")
  if (!is.null(part$shape)) label <- paste0(label, " of shape ", format(part$shape))
  if (!is.null(part$metric) && part$metric != "euclidean") label <- paste0(label, " (", part$metric, " distance)")
  label
}

# known(subject, V, ...) or known(V) for one block of all rows.
known_part <- function(plain, options, shown, env) {
  if (!length(plain)) abort_residual(shown, "names no matrix in known()")
  first <- plain[[1L]]
  if (is_bar(first)) first <- first[[3L]]
  subject <- if (length(plain) > 1L && !identical(first, 1)) first
  matrices <- lapply(if (length(plain) > 1L) plain[-1L] else plain, structure_value, env)
  matrices <- Map(known_matrices, matrices, vapply(if (length(plain) > 1L) plain[-1L] else plain, deparse_line, ""))
  list(word = "known", positions = list(), subject = subject, matrices = unname(matrices),
       estimated = length(matrices) > 1L || isTRUE(options$scale), options = options)
}

# The numbers of the rows in the data, missing ones included: what the rows of a whole matrix stand for.
locate_known <- function(spec, response) {
  if (is.null(spec)) return(spec)
  spec$parts <- lapply(spec$parts, function(part) {
    if (part$word == "known") part$positions <- list(call("seq_along", response))
    part
  })
  spec
}

# One matrix or a list of matrices, each symmetric.
known_matrices <- function(x, label) {
  if (inherits(x, "Matrix")) x <- as.matrix(x)
  if (is.list(x)) x <- lapply(x, function(own) if (inherits(own, "Matrix")) as.matrix(own) else own)
  for (own in if (is.list(x)) x else list(x)) {
    square <- is.matrix(own) && is.numeric(own) && nrow(own) == ncol(own) && all(is.finite(own))
    if (is.matrix(own) && is.numeric(own) && anyNA(own)) abort_known_missing(own, label)
    if (!square || !isSymmetric(unname(own))) {
      lmm_abort("input", paste0(quote_name(label),
                                " in known() must be a symmetric matrix of numbers, or a list of them, not ",
                                if (square) "a matrix that is not symmetric" else kind_of(own), "."), what = label)
    }
    if (!is.null(rownames(own)) && !is.null(colnames(own)) && !identical(rownames(own), colnames(own))) {
      lmm_abort("input", paste0("the rows and columns of ", quote_name(label), " in known() have different names."),
                what = label)
    }
  }
  x
}

abort_known_missing <- function(x, label) {
  rows <- which(rowSums(is.na(x)) > 0 & is.na(diag(x)))
  lmm_abort("input", paste0(quote_name(label), " in known() has missing values",
                            if (length(rows)) paste0(" (", row_text(rows), ")"), "."), what = label, where = rows,
            fix = paste("If the response of such a row is missing, set its row and column to 0, and its diagonal",
                        "element to 1; the row is not used. Remove all other such rows from the data and the matrix."))
}

is_known_scale <- function(spec) spec$parts[[1L]]$word == "known" && !isTRUE(spec$parts[[1L]]$estimated)
