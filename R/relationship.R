# Known relationships between the levels of a grouping factor: matrices, precisions, pedigrees.

# Largest relationship that is held as a dense matrix.
relationship_limit <- 2000L

# Named list of roots L with K = L L', rows named by levels; NULL for none.
relationship_roots <- function(relationship) {
  if (is.null(relationship)) return(NULL)
  named <- is.list(relationship) && !is.data.frame(relationship) && length(names(relationship)) &&
    all(nzchar(names(relationship)))
  if (!named || inherits(relationship, c("precision", "pedigree"))) {
    lmm_abort("input", paste0("`relationship` must be a list named by grouping factors, such as list(animal = K), not ",
                              kind_of(relationship), "."),
              what = "relationship")
  }
  Map(relationship_root, relationship, names(relationship))
}

relationship_root <- function(K, name) {
  if (inherits(K, "pedigree")) K <- relationship_matrix(K)
  inverse <- inherits(K, "precision")
  if (inverse) K <- K$Q
  check_relationship(K, name)
  K <- as.matrix(K)
  if (inverse) K <- structure(chol2inv(positive_root(K, name)), dimnames = dimnames(K))
  root <- tryCatch(t(chol(K)), error = function(e) semidefinite_root(K, name))
  structure(unname(root), dimnames = list(rownames(K), NULL))
}

check_relationship <- function(K, name) {
  numbers <- is.matrix(K) && is.numeric(K) || methods::is(K, "Matrix")
  if (!numbers || nrow(K) != ncol(K) || is.null(rownames(K)) || anyDuplicated(rownames(K))) {
    lmm_abort("input", paste0("the relationship of ", quote_name(name),
                              paste(" must be a square matrix with the names of levels, precision() of one, or a",
                                    "pedigree().")),
              what = name)
  }
  if (nrow(K) > relationship_limit) {
    lmm_abort("numeric",
              paste0("the relationship of ", quote_name(name), " has ", nrow(K),
                     " levels; it is held as a dense matrix of at most ",
                                relationship_limit,
                                " levels. Sparse precisions of larger pedigrees are not available."), what = name,
                                value = nrow(K),
              fix = "Give the rows of the levels with records only.")
  }
  K <- as.matrix(K)
  if (!all(is.finite(K)) || max(abs(K - t(K))) > 1e-8 * max(abs(K))) {
    lmm_abort("input", paste0("the relationship of ", quote_name(name),
                              " is not a symmetric matrix of finite numbers."), what = name)
  }
}

positive_root <- function(Q, name) {
  tryCatch(chol(Q), error = function(e) {
    lmm_abort("input", paste0("the precision of ", quote_name(name), " is not positive definite."), what = name)
  })
}

# A root with as many columns as the rank.
semidefinite_root <- function(K, name) {
  e <- eigen(K, symmetric = TRUE)
  least <- 1e-10 * max(abs(e$values))
  if (any(e$values < -least)) {
    lmm_abort("input", paste0("the relationship of ", quote_name(name), " is not positive semidefinite."), what = name,
              value = min(e$values))
  }
  keep <- e$values > least
  e$vectors[, keep, drop = FALSE] * rep(sqrt(e$values[keep]), each = nrow(K))
}

#' Known relationships between levels
#'
#' Argument `relationship` of [lmm()] gives the effects of `(1 | g)` the covariance matrix `sigma_g^2 K` across the
#' levels of `g`.
#'
#' `K` is a matrix with the names of levels, or `precision(Q)` of its inverse, or a pedigree, whose matrix is that of
#' additive relationships (Henderson 1976), with inbreeding. It may have more levels than the data:
#' [ranef()][ranef.lmm_fit()] predicts all of them. A matrix that is only positive semidefinite is taken by its rank.
#' The levels are turned by a root of `K`, so that everything after the fit is exact; at most 2000 levels.
#'
#' @param Q inverse of a relationship matrix, with the names of levels; dense, or sparse of package 'Matrix'.
#' @param id names of animals.
#' @param sire,dam names of their parents; `NA`, `""` or `0` for unknown ones.
#' @param pedigree made by `pedigree()`.
#' @param ... not used.
#' @return `precision()` and `pedigree()` objects for `lmm(relationship = )`. `relationship_matrix()` the matrix of
#'   additive relationships, with the inbreeding coefficients plus 1 on its diagonal; `relationship_precision()` its
#'   inverse as a sparse matrix.
#' @section Conditions:
#' `lmm_error_input`: a matrix without names, asymmetric, not positive semidefinite; an animal twice, or among its own
#' ancestors. `lmm_error_numeric`: more than 2000 levels.
#' @references Henderson (1976) Biometrics 32, 69-83. Quaas (1976) Biometrics 32, 949-953.
#' @seealso [lmm()] and its argument `relationship`, [ranef][ranef.lmm_fit] for breeding values,
#'   [reliability()], [quantity()] for the heritability.
#' @concept pedigree
#' @concept kinship
#' @concept animal model
#' @concept genomic prediction
#' @concept GBLUP
#' @concept relationship matrix
#' @concept phylogeny
#' @concept heritability
#' @concept inbreeding
#' @examples
#' p <- pedigree(c("a", "b", "c", "d"), sire = c(NA, NA, "a", "a"), dam = c(NA, NA, "b", "c"))
#' relationship_matrix(p)
#' relationship_precision(p)
#' @export
precision <- function(Q, ...) {
  check_dots_empty(...)
  structure(list(Q = Q), class = "precision")
}

#' @rdname precision
#' @export
pedigree <- function(id, sire, dam, ...) {
  check_dots_empty(...)
  id <- as.character(id)
  known <- function(x, name) {
    x <- as.character(x)
    if (length(x) != length(id)) lmm_abort("input", paste0("`", name, "` has length ", length(x), ", `id` has ",
                                                           length(id), "."), what = name)
    x[x %in% c("", "0")] <- NA
    x
  }
  sire <- known(sire, "sire")
  dam <- known(dam, "dam")
  if (anyNA(id) || anyDuplicated(id)) {
    lmm_abort("input", "`id` must name every animal once.", what = "id", value = id[duplicated(id)])
  }
  founders <- setdiff(c(sire, dam), c(id, NA))
  parents <- cbind(match(c(rep(NA, length(founders)), sire), c(founders, id)),
                   match(c(rep(NA, length(founders)), dam), c(founders, id)))
  order <- parents_first(parents, c(founders, id))
  structure(list(id = c(founders, id)[order], parents = matrix(match(parents[order, ], order), ncol = 2L)),
            class = "pedigree")
}

# An order in which no animal comes before its parents.
parents_first <- function(parents, id) {
  generation <- integer(length(id))
  for (step in seq_len(length(id) + 1L)) {
    of <- matrix(generation[parents], ncol = 2L)
    next_generation <- pmax(0L, of[, 1L] + 1L, of[, 2L] + 1L, na.rm = TRUE)
    if (identical(as.integer(next_generation), generation)) return(order(generation))
    generation <- as.integer(next_generation)
  }
  lmm_abort("input", "an animal is among its own ancestors.", what = "id", value = id[which.max(generation)])
}

#' @rdname precision
#' @export
relationship_matrix <- function(pedigree, ...) {
  check_dots_empty(...)
  check_pedigree(pedigree)
  n <- length(pedigree$id)
  if (n > relationship_limit) {
    lmm_abort("numeric",
              paste0("the pedigree has ", n, " animals; relationships are held as a dense matrix of at most ",
                     relationship_limit, "."),
              what = "pedigree", value = n, fix = "Keep the animals with records and their ancestors.")
  }
  A <- matrix(0, n, n, dimnames = list(pedigree$id, pedigree$id))
  for (i in seq_len(n)) {
    own <- pedigree$parents[i, ]
    known <- own[!is.na(own)]
    before <- seq_len(i - 1L)
    if (length(known)) A[i, before] <- A[before, i] <- colSums(A[known, before, drop = FALSE]) / 2
    A[i, i] <- 1 + if (length(known) == 2L) A[known[1L], known[2L]] / 2 else 0
  }
  A
}

#' @rdname precision
#' @export
relationship_precision <- function(pedigree, ...) {
  check_dots_empty(...)
  A <- relationship_matrix(pedigree)
  parents <- pedigree$parents
  inbreeding <- diag(A) - 1
  n <- nrow(A)
  unknown <- is.na(parents)
  own <- ifelse(unknown, 0, inbreeding[parents])
  sampling <- ifelse(unknown[, 1L] & unknown[, 2L], 1,
                     ifelse(rowSums(unknown) == 1L, 0.75, 0.5) - rowSums(matrix(own, n)) / 4)
  at <- rbind(cbind(seq_len(n), seq_len(n), 1), cbind(which(!unknown, arr.ind = TRUE)[, 1L], parents[!unknown], -0.5))
  T <- Matrix::sparseMatrix(at[, 1L], at[, 2L], x = at[, 3L], dims = c(n, n))
  Q <- Matrix::crossprod(T * (1 / sqrt(sampling)))
  dimnames(Q) <- list(pedigree$id, pedigree$id)
  Q
}

check_pedigree <- function(pedigree) {
  if (inherits(pedigree, "pedigree") && is.list(pedigree)) return(invisible())
  lmm_abort("input", paste0("`pedigree` must be made by pedigree(), not ", kind_of(pedigree), "."), what = "pedigree")
}
