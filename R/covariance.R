# Structures of the random effects' covariance matrices: their words in the formula, and what the engine says of their
# parameters. The only file of R that knows a structure by its name.

# For each word the engine's name and how it is described; `one` and `each`: the word with one variance or several, for
# `hom =`; `rank`, `spatial`: it takes a rank, or coordinates.
structure_words <- list(
  us = list(structure = "unstructured", label = "unstructured"),
  diag = list(structure = "diagonal", label = "diagonal", one = "homdiag"),
  homdiag = list(structure = "homogeneous diagonal", label = "one variance, no correlation", each = "diag"),
  cs = list(structure = "exchangeable", label = "compound symmetry, a variance for each column", one = "homcs"),
  csh = list(structure = "exchangeable", label = "compound symmetry, a variance for each column", one = "homcs"),
  homcs = list(structure = "homogeneous exchangeable", label = "compound symmetry, one variance", each = "cs"),
  ar1 = list(structure = "autoregressive", label = "AR(1), one variance", each = "hetar1"),
  hetar1 = list(structure = "heterogeneous autoregressive", label = "AR(1), a variance for each column", one = "ar1"),
  toep = list(structure = "Toeplitz", label = "Toeplitz, a variance for each column", one = "homtoep"),
  homtoep = list(structure = "homogeneous Toeplitz", label = "Toeplitz, one variance", each = "toep"),
  fa = list(structure = "factor analytic", label = "factor analytic", rank = TRUE),
  rr = list(structure = "reduced rank", label = "reduced rank", rank = TRUE),
  exp = list(structure = "exponential", label = "exponential in the distance", spatial = TRUE),
  gau = list(structure = "gaussian", label = "Gaussian in the distance", spatial = TRUE),
  matern = list(structure = "matern 3/2", label = "Matern with smoothness 3/2", spatial = TRUE),
  mat = list(structure = "matern 3/2", label = "Matern with smoothness 3/2", spatial = TRUE)
)

# Structures of `matern(, nu = )`, by the smoothness.
matern_structures <- c("0.5" = "exponential", "1.5" = "matern 3/2", "2.5" = "matern 5/2")

# Words of other packages' grammars that this one does not have.
foreign_structures <- c("propto", "equalto", "known")

is_diagonal <- function(term) identical(term$structure, "diagonal")

is_triangle <- function(term) identical(term$structure, "unstructured")

# Natural parameters that are not the entries of a triangle or a diagonal.
is_special <- function(term) !is_diagonal(term) && !is_triangle(term)

is_known_structure <- function(name) name %in% c(vapply(structure_words, `[[`, "", "structure"), matern_structures)

has_no_correlations <- function(structure) structure %in% c("diagonal", "homogeneous diagonal")

# list(structure, word, rank) of a call such as fa(0 + env | gen, 2) or ar1(0 + time | g, hom = FALSE); of a bar alone
# its own.
bar_structure <- function(call) {
  word <- call_head(call)
  if (word == "(") return(list(structure = if (call_head(call[[2L]]) == "||") "diagonal" else "unstructured"))
  entry <- structure_words[[word]]
  options <- as.list(call)[-(1:2)]
  known <- c(if (isTRUE(entry$rank)) "rank", if (word %in% c("matern", "mat")) "nu",
             if (!is.null(entry$one) || !is.null(entry$each)) "hom")
  names <- if (is.null(names(options))) rep("", length(options)) else names(options)
  if (isTRUE(entry$rank) && length(names) && !any(names == "rank")) names[match("", names)] <- "rank"
  if (!all(names %in% known)) {
    lmm_abort("formula", paste0("`", word, "()` has no option ", quote_name(setdiff(names, known)[1L]), "."),
              what = deparse_line(call),
              fix = if (length(known)) paste0("Its options are ", enumerate(quote_name(known)),
                                              ".")
                    else if (isTRUE(entry$spatial))
                      paste("It takes coordinates only. Correlations from a matrix of distances D can be given as",
                            "relationship = list(g = exp(-(D / range)^2)).")
                    else "Write only a bar in it.")
  }
  options <- stats::setNames(options, names)
  if (!is.null(options$hom)) entry <- other_variances(entry, options$hom, call)
  out <- list(structure = entry$structure, word = word)
  if (isTRUE(entry$rank)) out$rank <- structure_rank(options$rank, call)
  if (isTRUE(entry$spatial)) out$spatial <- TRUE
  if (!is.null(options$nu)) out[c("structure", "nu")] <- list(matern_structure(options$nu, call), options$nu)
  out
}

other_variances <- function(entry, hom, call) {
  if (!is.logical(hom) || length(hom) != 1L || is.na(hom)) {
    lmm_abort("formula", "`hom` must be TRUE or FALSE.", what = deparse_line(call))
  }
  other <- if (hom) entry$one else entry$each
  if (is.null(other)) entry else structure_words[[other]]
}

matern_structure <- function(nu, call) {
  out <- if (is.numeric(nu) && length(nu) == 1L) matern_structures[as.character(nu)] else NA
  if (!is.na(out)) return(unname(out))
  lmm_abort("formula", paste0("the smoothness `nu` of ", quote_name(deparse_line(call)), " is not available."),
            what = deparse_line(call),
            fix = "It is 0.5, 1.5 or 2.5; it is not estimated.")
}

structure_rank <- function(rank, call) {
  if (is.null(rank)) rank <- 1
  if (is.numeric(rank) && length(rank) == 1L && is.finite(rank) && rank >= 1 &&
      rank == round(rank)) return(as.integer(rank))
  lmm_abort("formula",
            paste0("the number of factors in `", deparse_line(call), "` must be a whole number of at least 1."),
            what = deparse_line(call), fix = "Write fa(0 + f | g, 2).")
}

# "compound symmetry, one variance", for people.
structure_label <- function(term) {
  if (identical(term$structure, "matern 5/2")) return("Matern with smoothness 5/2")
  words <- Filter(function(entry) entry$structure == term$structure, structure_words)
  out <- words[[1L]]$label
  if (is.null(term$rank)) out else paste0(out, ", ", count_of(term$rank, "factor"))
}

# Structures that need the columns of one factor, in its order.
check_special_columns <- function(term, plan) {
  if (!is_special(term) || is.null(term$word)) return(invisible())
  ordered <- term$structure %in% c("autoregressive", "heterogeneous autoregressive", "Toeplitz", "homogeneous Toeplitz")
  if (!ordered || length(plan$xlevels) && !plan$coding$intercept) return(invisible())
  abort_not_ordered(term)
}

abort_not_ordered <- function(term) {
  lmm_abort("formula",
            paste0("`", term$word, "(", term$label, ")` needs the levels of one factor as columns, in their order."),
            what = term$label,
            fix = paste0("Write ", term$word, "(0 + f | g) with a factor f, such as f <- factor(time)."))
}

# ---- what the engine says ----

term_spec <- function(term) {
  out <- list(structure = term$structure, positions = term$positions, rank = term$rank,
              held = term[["held"]][c("index", "value")])
  out[!vapply(out, is.null, NA)]
}

# Data frame of the natural parameters of a term, in the order of psi: kind, row, col, lower, upper, scale, and whether
# each can be held by itself.
term_table <- function(term) {
  found <- engine_covariance(term_spec(term), as.integer(term$q))
  as.data.frame(found[c("kind", "row", "col", "lower", "upper", "scale", "holdable")], stringsAsFactors = FALSE)
}

# How each natural parameter is read: "variance" and "correlation" are entries of the covariance matrix; "rho" is a
# correlation that is a parameter by itself; of factor-analytic structures "loading" and "specific" (a variance).
term_kinds <- function(term) {
  if (!is_special(term)) {
    at <- term_entries(term)
    return(ifelse(at[, 1L] == at[, 2L], "variance", "correlation"))
  }
  kind <- term_table(term)$kind
  if ("loading" %in% kind) return(ifelse(kind == "variance", "specific", kind))
  ifelse(kind %in% c("covariance", "correlation"), "rho", kind)
}

# One variance that all columns share, and nothing else.
has_one_parameter <- function(term) is_special(term) && length(term_kinds(term)) == 1L

# Are all variances of a special term one parameter?
has_one_variance <- function(term) is_special(term) && term$q > 1L && sum(term_kinds(term) == "variance") == 1L

# A term of one column as one with a structure, of one variance.
with_one_variance <- function(term) {
  if (!is_special(term) && term$q == 1L) term$structure <- "homogeneous diagonal"
  term
}

# Number of natural parameters.
term_size <- function(term) {
  if (is_triangle(term)) return(term$q * (term$q + 1) / 2)
  if (is_diagonal(term)) term$q else engine_covariance(term_spec(term), as.integer(term$q))$theta
}

# By how much the natural parameters in the user's columns are those in the engine's columns.
natural_scale <- function(table, basis) {
  b <- diag(as.matrix(basis))
  ifelse(table$scale == 1, b[table$row] * b[table$col], ifelse(table$scale == 0.5, b[table$row], 1))
}

# Natural parameters of a special term in the user's columns, relative to sigma^2, from theta of the engine.
relative_natural <- function(term, theta, basis) natural_of_theta(term, theta) * natural_scale(term_table(term), basis)

# The same in the engine's columns.
natural_of_theta <- function(term, theta) engine_covariance_natural(term_spec(term), as.integer(term$q), theta)$psi

# theta of the engine from relative natural parameters in the user's columns.
special_start <- function(term, psi, basis) {
  spec <- term_spec(term)
  S <- engine_covariance_at(spec, as.integer(term$q), psi / natural_scale(term_table(term), basis))$sigma
  engine_covariance_project(spec, as.integer(term$q), S)$theta
}

# Covariance matrix at natural parameters in the user's columns.
special_sigma <- function(term, psi) engine_covariance_at(term_spec(term), as.integer(term$q), psi)$sigma

# Relative covariance matrix of a special term from its relative natural parameters in the user's columns.
special_covariance <- function(term, natural, basis) {
  S <- covariance_at_natural(term, natural / natural_scale(term_table(term), basis))$sigma
  basis %*% S %*% t(basis)
}

# The engine's list at natural parameters in its own columns: the covariance matrix and its derivatives.
covariance_at_natural <- function(term, psi) engine_covariance_at(term_spec(term), as.integer(term$q), psi)

rho_slope <- function(S, entry, i, j) {
  if (!(S[i, i] > 0 && S[j, j] > 0)) return(entry(i, j) * NA_real_)
  (entry(i, j) - S[i, j] / 2 * (entry(i, i) / S[i, i] + entry(j, j) / S[j, j])) / sqrt(S[i, i] * S[j, j])
}

# Is a natural parameter of a special term at its bound, or without meaning because all variances are zero?
at_bound <- function(term, psi) {
  table <- term_table(term)
  variance <- table$kind == "variance"
  width <- ifelse(is.finite(table$upper - table$lower), table$upper - table$lower, 1)
  out <- ifelse(variance, psi <= 0, psi <= table$lower + 1e-7 * width | psi >= table$upper - 1e-7 * width)
  if (any(variance) && all(psi[variance] == 0) && !any(table$kind == "loading")) out[] <- TRUE
  out
}

# List by term: the natural parameters of special terms relative to sigma^2, NULL for others.
relative_naturals <- function(frame, theta, bases) {
  if (!any(vapply(frame$random, is_special, NA))) return(vector("list", length(frame$random)))
  ends <- cumsum(vapply(frame$random, term_size, 0))
  Map(function(term, end, basis) {
    if (is_special(term)) relative_natural(term, theta[end - term_size(term) + seq_len(term_size(term))], basis)
  }, frame$random, ends, bases)
}

absolute_naturals <- function(natural, frame, sigma) {
  Map(function(own, term) if (!is.null(own)) own * sigma^(2 * term_table(term)$scale), natural, frame$random)
}

# Free entries of a term's covariance matrix, column by column.
term_entries <- function(term) {
  if (is_special(term)) return(unname(as.matrix(term_table(term)[c("row", "col")])))
  at <- which(lower.tri(diag(term$q), diag = TRUE), arr.ind = TRUE)
  if (is_diagonal(term)) at <- at[at[, 1L] == at[, 2L], , drop = FALSE]
  unname(at)
}

is_across <- function(term) !is.null(term$across)

# Refuses random terms whose covariance matrix has a structure.
refuse_special <- function(frame, what, fix = NULL) {
  special <- Filter(is_special, frame$random)
  if (!length(special)) return(invisible())
  term <- special[[1L]]
  lmm_abort("input", paste0(what, " not available for the covariance structure of ", written_terms(list(term)), "."),
            what = term$word, fix = fix)
}

# Random terms as they are written.
# "(x | g)", or "fa(0 + f | g, 2)" where a structure has a word of its own.
written_terms <- function(random) {
  vapply(random, function(term) {
    hom <- if (!is.null(term$word)) written_word(term)
    paste0(hom, "(", term$label, if (!is.null(term$rank)) paste0(", ", term$rank),
           if (!is.null(term$nu)) paste0(", nu = ", term$nu), ")")
  }, "", USE.NAMES = FALSE)
}

# The word that has this structure, whatever `hom` said.
written_word <- function(term) {
  if (isTRUE(term$spatial) || is_across(term)) return(term$word)
  if (identical(structure_words[[term$word]]$structure,
      term$structure)) return(if (is_special(term) || term$word != "us") term$word)
  names(Filter(function(entry) entry$structure == term$structure, structure_words))[1L]
}
