# Random terms that are correlated across levels, read from the data: positions, known relationships, their levels.

# The plan of the columns: one for each level, in the order of the relationship where there is one.
across_plan <- function(plan, term, data) {
  label <- names(plan$xlevels)
  if (is.null(term$root)) {
    plan$positions <- level_positions(term, predictor_codes(data[[label]], plan$xlevels[[label]]), data)
    plan$columns <- plan$xlevels[[label]]
  } else {
    levels <- rownames(term$root)
    check_related_levels(plan$xlevels[[label]], levels, term$across)
    plan$xlevels[[label]] <- levels
    plan$contrasts[[label]] <- unname(term$root)
    plan$coding$pieces[[1L]]$kind <- "contrast"
    plan$columns <- if (ncol(term$root) == length(levels)) levels else paste0("u", seq_len(ncol(term$root)))
    plan$conditions <- NULL
  }
  plan["constant"] <- list(NULL)
  plan
}

# One row of coordinates for each level.
level_positions <- function(term, codes, data) {
  places <- vapply(term$positions_calls, function(e) {
    x <- data[[variable_label(e)]]
    if (!is.numeric(x) || length(dim(x))) {
      lmm_abort("data", paste0("the position ", quote_name(variable_label(e)), " is not a numeric variable."),
                what = variable_label(e))
    }
    as.double(x)
  }, numeric(length(codes)))
  places <- matrix(places, length(codes))
  first <- match(seq_len(max(codes)), codes)
  moved <- which(rowSums(places[first[codes], , drop = FALSE] != places) > 0)
  if (length(moved)) {
    lmm_abort("data", paste0("a level of ", quote_name(term$across), " has several positions."), what = term$across,
              where = moved,
              fix = "Give each position a level of its own.")
  }
  places[first, , drop = FALSE]
}
