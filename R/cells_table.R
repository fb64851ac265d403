# Tables of cells as objects: checks, addition, what they print.

# The table, or an error where it has been damaged or is of another version.
whole_cells <- function(x, name) {
  k <- length(x$shift)
  cells <- length(x$n)
  whole <- tryCatch(all(
    is.list(x$plan) && is.list(x$plan$pieces) && length(x$plan$pieces) == k && inherits(x$plan$terms, "terms") &&
    inherits(x$plan$spec, "model_spec") && identical(names(x$keys), x$plan$keys),
    is.double(x$n) && is.double(x$w) && length(x$w) == cells && cells > 0L && all(x$n >= 1) && all(x$w > 0),
    is_matrix_of(x$mean, k, cells), is_matrix_of(x$square, k * (k + 1) / 2, cells),
    is.double(x$shift) && all(is.finite(x$shift)),
    all(vapply(x$keys, function(key) is.integer(key$codes) && length(key$codes) == cells && !anyNA(key$codes), NA)),
    is_flag(x$stable), is_flag(x$weighted), is_number(x$log_weight), is_number(x$dropped)), error = function(e) FALSE)
  if (isTRUE(whole)) return(x)
  lmm_abort("input", paste0("`", name, "` is not a whole object made by cross_products()."), what = name,
            fix = "Make it again.")
}

is_number <- function(x) is.numeric(x) && length(x) == 1L && is.finite(x)

#' @rdname cross_products
#' @param e1,e2 tables of the same variables and keys.
#' @export
`+.cross_products` <- function(e1, e2) {
  if (missing(e2)) return(e1)
  for (x in list(e1, e2)) {
    if (!inherits(x, "cross_products")) {
      lmm_abort("input", paste0("cross-products are added to cross-products, not to ", kind_of(x), "."), what = "+",
                value = class(x))
    }
  }
  a <- whole_cells(e1, "e1")
  b <- whole_cells(e2, "e2")
  check_alike(a, b)
  b <- in_order_of(b, a)
  merged <- merged_keys(a$keys, b$keys)
  moved <- b$mean + (b$shift - a$shift)
  cells <- sum_of_cells(list(list(merged$a, a, a$mean), list(merged$b, b, moved)))
  keys <- lapply(seq_along(merged$dictionaries), function(k) finished_key(merged$dictionaries[[k]], cells$codes[k, ],
                                                                           a$plan$env))
  a$keys <- stats::setNames(keys, names(a$keys))
  a[c("n", "w", "mean", "square")] <- cells[c("n", "w", "mean", "square")]
  a$stable <- a$stable && b$stable
  a$log_weight <- a$log_weight + b$log_weight
  a$dropped <- a$dropped + b$dropped
  for (name in names(b$missing)) a$missing[name] <- sum(a$missing[name], b$missing[[name]], na.rm = TRUE)
  a$notes <- once(c(a$notes, b$notes))
  in_cell_order(a)
}

sum_of_cells <- function(parts) {
  k <- length(parts[[1L]][[2L]]$shift)
  table <- new_cells(nrow(parts[[1L]][[1L]]), k)
  for (part in parts) add_cells(table, part[[1L]], part[[2L]]$n, part[[2L]]$w, part[[3L]], part[[2L]]$square)
  collected_cells(table)
}

# Codes (keys x cells) of two tables in common dictionaries.
merged_keys <- function(a, b) {
  dictionaries <- Map(dictionary_of, a, names(a))
  codes <- lapply(names(a), function(label) {
    found <- encode_key(dictionaries[[label]], b[[label]]$values, label, "the second table",
                        chains = chains_of(b[[label]]))
    dictionaries[[label]] <<- found$dictionary
    found$codes[b[[label]]$codes]
  })
  bind <- function(codes, cells) if (length(codes)) do.call(rbind, unname(codes)) else matrix(0L, 0L, cells)
  own <- Map(function(key, dictionary) match(as_dictionary_values(key$values), dictionary$values)[key$codes], a,
             dictionaries)
  list(dictionaries = dictionaries, a = bind(own, length(a[[1L]]$codes)), b = bind(codes, 0L))
}

# The same variables in the order of another table.
in_order_of <- function(b, a) {
  b$keys <- b$keys[names(a$keys)]
  b$plan$keys <- names(a$keys)
  at <- match(names(a$plan$pieces), names(b$plan$pieces))
  if (!is.unsorted(at)) return(b)
  k <- length(at)
  number <- matrix(0L, k, k)
  number[upper.tri(number, diag = TRUE)] <- seq_len(k * (k + 1L) / 2L)
  number[lower.tri(number)] <- t(number)[lower.tri(number)]
  own <- number[at, at]
  b$mean <- b$mean[at, , drop = FALSE]
  b$shift <- b$shift[at]
  b$square <- b$square[own[upper.tri(own, diag = TRUE)], , drop = FALSE]
  b
}

# Tables are added only if they say the same of the same things.
check_alike <- function(a, b) {
  differ <- function(what, x, y) {
    if (setequal(x, y)) return(invisible())
    lmm_abort("input", paste0("the tables differ in their ", what, ": ", enumerate(quote_name(setdiff(x, y))),
                              if (length(setdiff(x, y)) && length(setdiff(y, x))) " and ",
                              enumerate(quote_name(setdiff(y, x))), " in one only."),
                              what = c(setdiff(x, y), setdiff(y, x)),
              fix = "Make both with the same formula, weights and offset.")
  }
  differ("keys", names(a$keys), names(b$keys))
  differ("variables", names(a$plan$pieces), names(b$plan$pieces))
  differ("weights", argument_texts(a)[["weights"]], argument_texts(b)[["weights"]])
  differ("offsets", c(argument_texts(a)[["offset"]], a$plan$offsets), c(argument_texts(b)[["offset"]], b$plan$offsets))
  if (a$plan$response != b$plan$response) differ("responses", a$plan$response, b$plan$response)
  for (label in intersect(names(a$plan$readers), names(b$plan$readers))) {
    if (isTRUE(all.equal(a$plan$readers[[label]], b$plan$readers[[label]], tolerance = 1e-12))) next
    lmm_abort("input", paste0(quote_name(label),
                              " has other constants in the second table: its values are not those of one variable."),
                              what = label,
              fix = "Make later tables with the constants of the first: cross_products(first, data).")
  }
}

# Weights and offset as they are read: with the constants of the first rows.
argument_texts <- function(x) {
  given <- x$plan$arguments
  settled <- list(weights = x$plan$readers[["(weights)"]], offset = x$plan$readers[["(offset)"]])
  vapply(c("weights", "offset"), function(name) {
    paste(deparse(if (is.null(settled[[name]])) given[[name]] else settled[[name]]), collapse = " ")
  }, "")
}

# ---- print ----

#' @export
print.cross_products <- function(x, ...) {
  x <- whole_cells(x, "x")
  cat("Cross-products of", thousands(sum(x$n), scientific = FALSE), "rows in",
      count_of(length(x$n), "cell"), "\n")
  cat(wrapped(paste("Variables:", paste(names(x$plan$pieces), collapse = ", "))),
      wrapped(paste("Keys:", paste(key_words(x), collapse = ", "))), sep = "\n")
  invisible(x)
}

key_words <- function(x) {
  if (length(x$keys)) paste0(names(x$keys), " (",
                             vapply(x$keys, function(key) thousands(length(key$values)), ""),
                             ")") else "none"
}

#' @export
summary.cross_products <- function(object, ...) {
  object <- whole_cells(object, "object")
  sizes <- table(cut(object$n, c(0, 1, 2, 4, 9, 99, Inf), c("1", "2", "3-4", "5-9", "10-99", "100+")))
  structure(list(rows = sum(object$n), cells = length(object$n), sizes = sizes, small = sum(object$n < 5),
                 smallest = min(object$n),
                 variables = names(object$plan$pieces), keys = key_words(object), dropped = object$dropped,
                 missing = object$missing,
                 weighted = object$weighted, bytes = as.numeric(utils::object.size(object))),
                 class = "summary.cross_products")
}

#' @export
print.summary.cross_products <- function(x, ...) {
  cat("Cross-products of", thousands(x$rows, scientific = FALSE), "rows in", count_of(x$cells, "cell"),
      paste0("(", format(signif(x$bytes / 1e6, 2L), scientific = FALSE), " MB)\n"))
  cat(wrapped(paste("Variables:", paste(x$variables, collapse = ", "))),
      wrapped(paste("Keys:", paste(x$keys, collapse = ", "))), sep = "\n")
  if (x$weighted) cat("With prior weights\n")
  if (x$dropped) cat(count_of(x$dropped, "row"), "dropped, missing",
                     paste0(names(x$missing), " (", x$missing, ")", collapse = ", "), "\n")
  cat("\nRows in a cell:\n")
  print(x$sizes[x$sizes > 0L])
  cat("\n")
  if (x$small) cat(wrapped(paste0("Privacy: ", count_of(x$small, "cell has", "cells have"),
                                  " fewer than 5 rows (smallest: ", x$smallest,
      paste("). A cell with one row is that row. Coarser keys or fewer variables make larger cells; this is",
            "not anonymization."))), "\n", sep = "")
  else cat(wrapped(paste0("Privacy: every cell has at least ", x$smallest, " rows. This is not anonymization.")), "\n",
           sep = "")
  invisible(x)
}
