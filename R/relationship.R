# Known relationships between the levels of a grouping factor: matrices, precisions, pedigrees.

# Most levels that are turned by a root of their relationship, in place of a precision in the equations.
rooted_limit <- 256L

# Named list of relationships, NULL for none. Each is list(levels, kind) with the matrix K, the sparse inverse Q, or the
# parents, coefficients of inbreeding and variances of Mendelian sampling of a pedigree.
known_relationships <- function(relationship) {
  if (is.null(relationship)) return(NULL)
  named <- is.list(relationship) && !is.data.frame(relationship) && length(names(relationship)) &&
    all(nzchar(names(relationship))) && !anyDuplicated(names(relationship))
  if (!named || inherits(relationship, c("precision", "pedigree"))) {
    lmm_abort("input", paste0("`relationship` must be a list named by grouping factors, such as list(animal = K), not ",
                              kind_of(relationship), "."),
              what = "relationship")
  }
  Map(known_relationship, relationship, names(relationship))
}

known_relationship <- function(K, name) {
  if (inherits(K, "pedigree")) {
    check_pedigree(K)
    return(c(list(levels = K$id, kind = "pedigree", parents = K$parents), pedigree_inbreeding(K)))
  }
  inverse <- inherits(K, "precision")
  if (inverse) K <- K$Q
  check_relationship(K, name, if (inverse) Inf else relationship_limit)
  if (!inverse) return(list(levels = rownames(K), kind = "matrix", K = as.matrix(K)))
  list(levels = rownames(K), kind = "precision", Q = K)
}

check_relationship <- function(K, name, most) {
  numbers <- is.matrix(K) && is.numeric(K) || methods::is(K, "Matrix")
  if (!numbers || nrow(K) != ncol(K) || is.null(rownames(K)) || anyDuplicated(rownames(K))) {
    lmm_abort("input", paste0("the relationship of ", quote_name(name),
                              paste(" must be a square matrix with the names of levels, precision() of one, or a",
                                    "pedigree().")),
              what = name)
  }
  if (!is.null(colnames(K)) && !identical(rownames(K), colnames(K))) {
    lmm_abort("input", paste0("the rows and columns of the relationship of ", quote_name(name),
                              " have different names."), what = name)
  }
  if (nrow(K) > most) {
    lmm_abort("numeric", paste0("the relationship of ", quote_name(name), " has ", nrow(K),
                                " levels; a covariance matrix is a dense matrix of at most ", most, " levels."),
              what = name, value = nrow(K),
              fix = "Give its inverse as a sparse matrix, precision(Q), or a pedigree().")
  }
  x <- if (is.matrix(K)) K else matrix_entries(K)$x
  size <- max(abs(x))
  if (!all(is.finite(x)) || max(abs(K - Matrix::t(K))) > 1e-8 * size) {
    lmm_abort("input", paste0("the relationship of ", quote_name(name),
                              " is not a symmetric matrix of finite numbers."), what = name)
  }
}

# Rows, columns and values of the entries of a matrix that are not zero by structure.
matrix_entries <- function(M) {
  M <- methods::as(methods::as(methods::as(M, "dMatrix"), "generalMatrix"), "TsparseMatrix")
  data.frame(i = M@i + 1L, j = M@j + 1L, x = M@x)
}

# ---- as a root: dense ----

# L with K = L L', rows named by levels, as many columns as the rank.
relationship_root <- function(own, name) {
  pedigree <- structure(list(id = own$levels, parents = own$parents), class = "pedigree")
  K <- switch(own$kind, pedigree = relationship_matrix(pedigree),
              precision = chol2inv(positive_root(as.matrix(own$Q), name)), matrix = own$K)
  root <- tryCatch(t(chol(K)), error = function(e) semidefinite_root(K, name))
  structure(unname(root), dimnames = list(own$levels, NULL))
}

positive_root <- function(Q, name) {
  tryCatch(chol(Q), error = function(e) abort_singular_precision(name))
}

abort_singular_precision <- function(name) {
  lmm_abort("input", paste0("the precision of ", quote_name(name), " is not positive definite."), what = name,
            fix = "A singular precision has no inverse: leave out, or tie down, the levels that it leaves free.")
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

# ---- as a precision: sparse ----

# What the engine takes: parents and variances of Mendelian sampling, or the columns of the lower triangle of Q.
# NULL for a singular matrix where that may be `rooted`.
relationship_precision_of <- function(own, name, rooted = FALSE) {
  if (own$kind == "pedigree") return(own[c("levels", "parents", "sampling", "inbreeding")])
  Q <- if (own$kind == "matrix") inverse_relationship(own$K, name, rooted) else own$Q
  if (is.null(Q)) return(NULL)
  entries <- if (is.matrix(Q)) data.frame(i = c(row(Q)), j = c(col(Q)), x = c(Q)) else matrix_entries(Q)
  entries <- entries[entries$i >= entries$j & (entries$x != 0 | entries$i == entries$j), ]
  entries <- entries[order(entries$j, entries$i), ]
  n <- length(own$levels)
  if (any(tabulate(entries$j[entries$i == entries$j], n) == 0L)) abort_singular_precision(name)
  out <- list(levels = own$levels, start = c(0L, cumsum(tabulate(entries$j, n))), row = entries$i - 1L,
              value = entries$x)
  variance <- engine_level_variances(out, n)
  if (is.list(variance)) abort_singular_precision(name)
  c(out, list(variance = variance))
}

inverse_relationship <- function(K, name, rooted) {
  root <- tryCatch(chol(K), error = function(e) NULL)
  if (!is.null(root) && rcond(root, triangular = TRUE)^2 > 1000 * .Machine$double.eps) return(chol2inv(root))
  if (rooted) return(NULL)
  semidefinite_root(K, name)
  lmm_abort("input", paste0("the relationship of ", quote_name(name), " is singular, which is possible for (1 | ", name,
                            ") alone."), what = name,
            fix = "Add a small number to its diagonal, or combine identical levels.")
}

# Diagonal of K: how many times the variance of the term each level has.
level_variances <- function(precision) {
  if (is.null(precision$parents)) precision$variance else 1 + precision$inbreeding
}

#' Known relationships between levels
#'
#' Argument `relationship` of [lmm()] gives the effects of `(1 | g)` the covariance matrix `sigma_g^2 K` across the
#' levels of `g`, and those of `(x | g)`, `us(0 + trait | g)`, `fa(0 + env | g)` and other terms with several columns
#' the Kronecker product of `K` and the covariance matrix of the columns: random regressions and multi-trait animal
#' models.
#'
#' `K` is a matrix with the names of levels, or `precision(Q)` of its inverse, or a pedigree, whose matrix is that of
#' additive relationships (Henderson 1976), with inbreeding. It may have more levels than the data:
#' [ranef()][ranef.lmm_fit()] predicts all of them. All terms on a factor share its relationship; a permanent
#' environment is a term on a copy of the factor, `(1 | animal) + (1 | pe)`.
#'
#' The inverse `Q` is part of the equations, which stay sparse: a pedigree of 10^5 animals takes seconds, and `K` is not
#' formed. Up to 256 effects the search uses the exact Hessian, above the average information (Gilmour, Thompson and
#' Cullis 1995). Up to 3000 effects standard errors, Satterthwaite's and Kenward-Roger tests are exact; above,
#' Satterthwaite's degrees of freedom and standard errors of variances are those of the average information, and
#' the Kenward-Roger method is refused. For `(1 | g)` alone with at most 256 levels,
#' or with a singular `K`, which is taken by its rank, the columns are turned by a root of `K`. Together with a residual
#' structure, such as `residual = ~ us(trait | record)`, the equations stay sparse if each subject has few animals;
#' otherwise, at most 3000 effects are possible. With a residual structure and more than about 1500 effects,
#' tests, including Kenward-Roger tests, and standard errors of variances use the average information, as headings and
#' messages show.
#'
#' @param Q inverse of a relationship matrix, with the names of levels; dense, or sparse of package 'Matrix'.
#' @param id names of animals.
#' @param sire,dam names of their parents; `NA`, `""` or `0` for unknown ones.
#' @param pedigree made by `pedigree()`.
#' @param ... not used.
#' @return `precision()` and `pedigree()` objects for `lmm(relationship = )`. `relationship_matrix()` the matrix of
#'   additive relationships, with the inbreeding coefficients plus 1 on its diagonal; `relationship_precision()` its
#'   inverse as a sparse matrix. `inbreeding()` the coefficients of inbreeding by the algorithm of Meuwissen and Luo
#'   (1992), named by animals. Parents that are not among `id` are added as founders.
#' @section Conditions:
#' `lmm_error_input`: a matrix without names, asymmetric, not positive semidefinite; a singular precision; a singular
#' matrix for a term with several columns; an animal twice, or among its own ancestors (who are named).
#' `lmm_error_data`: levels of the data that the relationship lacks. `lmm_error_numeric`: a covariance matrix of more
#' than 5000 levels, which is dense (give `precision()` or a pedigree).
#' @references Henderson (1976) Biometrics 32, 69-83. Quaas (1976) Biometrics 32, 949-953. Meuwissen and Luo (1992)
#'   Genetics Selection Evolution 24, 305-313. Gilmour, Thompson and Cullis (1995) Biometrics 51, 1440-1450.
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
#' inbreeding(p)
#' @export
precision <- function(Q, ...) {
  structure(list(Q = Q), class = "precision")
}
