# Variance parameters held at known values: argument `fixed` of lmm(), and what it leaves free.

# Data frame (term, row, col, value, name) of what `fixed` holds, standard deviations and correlations; NULL for
# nothing.
held_parameters <- function(fixed, frame) {
  if (!length(fixed)) return(NULL)
  value <- if (is.list(fixed)) unlist(fixed) else fixed
  names <- names(value)
  numbers <- is.numeric(value) && is.null(attr(value, "class")) && length(value) == length(fixed)
  if (!numbers || is.null(names) || !all(nzchar(names))) {
    lmm_abort("input",
      paste0("`fixed` must be a vector of numbers named by variance parameters, such as c(sigma = 1), not ",
                              kind_of(fixed), if (numbers) " without names", "."), what = "fixed")
  }
  known <- known_parameters(frame)
  at <- match(names, known$name)
  if (anyNA(at)) {
    lmm_abort("input", paste0("`fixed` names ", enumerate(quote_name(names[is.na(at)])),
                              ", which is not a variance parameter of the model."),
              what = names[is.na(at)], fix = paste0("There are ", enumerate(quote_name(unique(known$shown))), "."))
  }
  if (!all(names %in% scale_names)) {
    refuse_special(frame, "fixing parameters of other random terms (`fixed`) is", "Fit without them in `fixed`.")
  }
  held <- known[at, c("term", "row", "col", "kind", "correlation", "squared", "shown", "alone")]
  held$value <- held$asked <- unname(value)
  held$given <- names
  check_held(held, names)
  check_correlations(held, frame)
  held$value[held$squared] <- sqrt(held$value[held$squared])
  held
}

scale_names <- c("sigma", "sigma^2")

# Beside random terms with a structure a known sigma belongs to the residual structure, here of independent residuals.
known_scale_spec <- function(spec, fixed) {
  special <- any(vapply(spec$random, is_special, NA))
  if (special && is.null(spec$residual) && any(names(fixed) %in% scale_names)) {
    spec$residual <- independent_residuals()
  }
  spec
}

# With a residual structure: what is held of the residuals' parameters, and what else. Known residual matrices without a
# coefficient hold sigma at 1.
split_held <- function(fixed, residual, frame) {
  if (is.null(residual)) return(list(random = fixed))
  value <- if (is.list(fixed)) unlist(fixed) else fixed
  if (is_known_scale(residual) && !any(scale_names %in% names(value))) value <- c(value, sigma = 1)
  if (!length(value)) return(list())
  if (is.null(names(value)) || !is.numeric(value)) return(list(random = fixed))
  random <- grepl("^(sd|var|cor|cov)_", names(value))
  if (any(random)) {
    lmm_abort("input", paste0(quote_name(names(value)[random][1L]),
                              " cannot be fixed in a model with a residual structure: of the random effects, only",
                              " parameters of terms with one column or with a structure can be fixed."),
              what = names(value)[random],
              fix = paste0("The parameters of random effects are ",
                           enumerate(quote_name(setdiff(known_parameters(frame)$shown, "sigma"))), "."))
  }
  bad <- !is.finite(value)
  if (any(bad)) {
    lmm_abort("input", paste0(quote_name(names(value)[bad][1L]), " cannot be fixed at ", format(value[bad][1L]), "."),
              what = names(value)[bad])
  }
  scale <- names(value) %in% scale_names
  list(random = if (any(scale)) value[scale], residual = if (any(!scale)) value[!scale])
}

# The names that a parameter goes by: on either scale; a term of one column also by its own name.
known_parameters <- function(frame) {
  parameters <- frame_parameters(frame)
  sd <- parameter_names(parameters, old = FALSE)
  variance <- parameter_names(parameters, old = FALSE, scale = "variance")
  alone <- parameters$term > 0L
  alone[alone] <- vapply(frame$random[parameters$term[alone]], function(term) term$q == 1L || is_diagonal(term), NA)
  single <- parameters$term > 0L
  single[single] <- vapply(frame$random[parameters$term[single]],
                           function(term) term$q == 1L || has_one_parameter(term), NA)
  one <- function(name, squared, use = TRUE) {
    data.frame(name = name, parameters, squared = squared, shown = sd, alone = alone)[use, ]
  }
  rbind(one(sd, FALSE), one(variance, TRUE, !parameters$correlation), one(parameters$grp, FALSE, single))
}

check_held <- function(held, names) {
  bad <- !is.finite(held$value) | !is.finite(held$value^2)
  bad <- bad | (!is.na(held$value) & ifelse(held$correlation, abs(held$value) >= 1, held$value < 0))
  bad <- bad | (!is.na(held$value) & !held$correlation & held$value == 0 & !held$alone)
  squares <- ifelse(held$squared, held$value, held$value^2)         # what the engine works with
  bad <- bad | (!is.na(squares) & !held$correlation & held$value > 0 & squares < .Machine$double.xmin)
  if (any(bad)) {
    k <- which(bad)[1L]
    lmm_abort("input", paste0(quote_name(names[k]), " cannot be fixed at ", format(held$value[k]), "."),
              what = names[k],
              value = held$value[k], fix = if (held$correlation[k]) "A correlation lies between -1 and 1."
              else if (isTRUE(held$value[k] != 0) &&
                       isTRUE(held$value[k] >= 0)) paste("Its square is outside the range of double",
                                                         "precision; change the unit of the response.")
              else if (held$term[k] == 0L) "The residual standard deviation is above 0."
              else if (isTRUE(held$value[k] == 0)) "Leave the column out of the random term instead."
              else paste("A", if (held$squared[k]) "variance" else "standard deviation", "is not negative."))
  }
  twice <- duplicated(held[c("term", "row", "col")])
  if (any(twice)) lmm_abort("input", paste0("`fixed` names ", quote_name(names[twice][1L]), " twice."),
                            what = names[twice])
}

# Columns all of whose correlations are held must have a correlation matrix.
check_correlations <- function(held, frame) {
  for (t in unique(held$term[held$correlation])) {
    own <- held[held$term == t & held$correlation, ]
    R <- diag(frame$random[[t]]$q)
    R[R == 0] <- NA_real_
    R[cbind(own$row, own$col)] <- R[cbind(own$col, own$row)] <- own$value
    used <- unique(c(own$row, own$col))
    sets <- unlist(lapply(seq_along(used)[-(1:2)], function(size) utils::combn(used, size, simplify = FALSE)),
                   recursive = FALSE)
    for (set in Filter(function(set) !anyNA(R[set, set]), sets)) {
      if (min(eigen(R[set, set], symmetric = TRUE, only.values = TRUE)$values) > 0) next
      inside <- own$row %in% set & own$col %in% set
      lmm_abort("input", paste0("`fixed` gives ", enumerate(quote_name(own$given[inside])),
                                " values for which the correlation matrix is not positive definite."),
                what = own$given[inside], value = own$value[inside])
    }
  }
}

# What the engine is told: the held parameters that this model has (a reduced model may have lost some).
engine_held <- function(frame) {
  held <- frame$held
  if (is.null(held)) return(NULL)
  at <- match(held$shown, parameter_names(parameters <- frame_parameters(frame), old = FALSE))
  if (all(is.na(at))) return(NULL)
  own <- parameters[at[!is.na(at)], ]
  list(term = own$term, row = own$row, col = own$col, value = held$value[!is.na(at)])
}

# For each random term the columns whose standard deviation is held above 0.
held_columns <- function(frame) {
  held <- engine_held(frame)
  if (is.null(held)) return(vector("list", length(frame$random)))
  lapply(seq_along(frame$random), function(t) held$row[held$term == t & held$row == held$col & held$value > 0])
}

# Is the residual standard deviation known?
holds_sigma <- function(frame) 0L %in% frame$held$term
