# Pedigrees: parents first, coefficients of inbreeding, the relationship matrix and its inverse.

#' @rdname precision
#' @export
pedigree <- function(id, sire, dam, ...) {
  id <- level_text(id)
  known <- function(x, name) {
    x <- level_text(x)
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

# An order in which no animal comes before its parents: generation by generation.
parents_first <- function(parents, id) {
  generation <- integer(length(id))
  left <- which(!is.na(parents[, 1L]) | !is.na(parents[, 2L]))
  placed <- rep(TRUE, length(id))
  placed[left] <- FALSE
  step <- 0L
  while (length(left)) {
    step <- step + 1L
    ready <- rowSums(!matrix(placed[parents[left, ]], ncol = 2L), na.rm = TRUE) == 0
    if (!any(ready)) abort_pedigree_cycle(parents, id, placed)
    generation[left[ready]] <- step
    placed[left[ready]] <- TRUE
    left <- left[!ready]
  }
  order(generation)
}

# Follows parents that are not placed until one comes again.
abort_pedigree_cycle <- function(parents, id, placed) {
  at <- which(!placed)[1L]
  path <- integer()
  while (!at %in% path) {
    path <- c(path, at)
    own <- parents[at, ]
    at <- own[!is.na(own) & !placed[own]][1L]
  }
  cycle <- rev(path[match(at, path):length(path)])
  lmm_abort("input", paste0("an animal is among its own ancestors: ", enumerate(quote_level(id[cycle])), "."),
            what = "id", value = id[cycle], fix = "Correct the parents of these animals.")
}

# list(inbreeding, sampling): coefficients of inbreeding, and D of A = T D T'.
pedigree_inbreeding <- function(pedigree) {
  found <- engine_inbreeding(pedigree$parents)
  copies <- found$sampling <= 64 * .Machine$double.eps
  if (!any(copies)) return(found)
  lmm_abort("input", paste0("the relationship matrix of the pedigree is singular: ",
                            quote_level(pedigree$id[which.min(found$sampling)]),
                            " is a copy of its completely inbred parents."), what = "id",
            value = pedigree$id[copies], fix = "Give such animals one name.")
}

#' @rdname precision
#' @export
inbreeding <- function(pedigree, ...) {
  check_pedigree(pedigree)
  stats::setNames(engine_inbreeding(pedigree$parents)$inbreeding, pedigree$id)
}

#' @rdname precision
#' @export
relationship_matrix <- function(pedigree, ...) {
  check_pedigree(pedigree)
  n <- length(pedigree$id)
  if (n > relationship_limit) {
    lmm_abort("numeric",
              paste0("the pedigree has ", n, " animals; relationships are stored as a dense matrix of at most ",
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
  check_pedigree(pedigree)
  n <- length(pedigree$id)
  lower <- engine_precision(c(list(parents = pedigree$parents), pedigree_inbreeding(pedigree)), n)
  Matrix::sparseMatrix(i = lower$row + 1, j = rep(seq_len(n), diff(lower$start)), x = lower$value, dims = c(n, n),
                       symmetric = TRUE, dimnames = list(pedigree$id, pedigree$id))
}

check_pedigree <- function(pedigree) {
  parents <- if (inherits(pedigree, "pedigree") && is.list(pedigree)) pedigree$parents
  if (is.matrix(parents) && identical(dim(parents), c(length(pedigree$id), 2L))) return(invisible())
  lmm_abort("input", paste0("`pedigree` must be made by pedigree(), not ", kind_of(pedigree), "."), what = "pedigree")
}

# Largest covariance matrix between levels, which is held as a dense matrix.
relationship_limit <- 5000L
