# Settings of the fitter: lmm_control().

#' Settings of a fit
#'
#' @param max_evaluations largest number of evaluations of the criterion in one search.
#' @param decrement the search has converged when half the Newton decrement, the decrease of `-2 log L` expected from
#'   one more step, is below this. It has no unit. For large crossed designs, where the Hessian is approximate,
#'   1e-14 is enough.
#' @param restarts further starts, at most 4, that are tried when the optimum is at or near the boundary.
#'   `NULL`: 1, or 4 for models with correlated columns and more than three variance parameters apart from the
#'   residual's. One variance in a balanced design has one optimum and needs none. Unless it is 0, nearly collinear
#'   columns of diagonal terms and residual variances near 0 are also searched for.
#' @param memory_limit bytes that factorizations may use; `NULL` for half of what the system has available. A model that
#'   needs more is refused before memory is allocated; with `residual` or `variance`, crossed random terms
#'   need a square matrix over all random effects for each residual parameter.
#' @param chunk_rows rows that are turned into numbers at a time.
#' @param keep_rows keep the variables in the fit? Residuals, fitted values and refits need them.
#' @param progress print a line for each step of the search, or after each tenth of many responses? In
#'   interactive use, a progress bar is shown while long data are summed, and the elapsed time and the number of
#'   evaluations are shown during a calculation that takes more than two seconds; see [bootstrap()] for the option that
#'   shows or hides all of these.
#' @param threads number of threads that read and sum rows, fit many responses (see [responses]) and work in the
#'   iterative solver. The results do not depend on it, not even in the last digit. Default: option `henderson.threads`,
#'   or else 2 where the system allows this process two cores.
#' @param solver one word. `"direct"`: a Cholesky factorization of the random effects of all grouping factors but the
#'   one with most levels. `"iterative"`: conjugate gradients, for crossed factors of any size. `"auto"`: direct where
#'   the factor is sparse and fits into `memory_limit`, or is dense, fits and takes no more than about two minutes (up
#'   to about 6,600 columns); else iterative, with a message of class `lmm_message_solver`.
#' @param probes random sign vectors of the iterative solver at the start; they are doubled, up to 256, until twice the
#'   Monte Carlo error of every variance parameter is below 2 percent of its standard error.
#' @param probe_seed whole number from which the signs are made. A fit is the same on every run; the state of R's random
#'   number generator does not change.
#' @param ... not used; an argument that lmm_control() does not know is an error.
#' @return A list of class `lmm_control`.
#' @section Conditions:
#' A setting of the wrong kind, or one that does not exist, is an error of class `lmm_error_input`.
#' @seealso [lmm()], [blocks()].
#' @concept optimizer
#' @concept convergence
#' @concept memory
#' @concept iterative solver
#' @examples
#' lmm(yield ~ treat + (1 | blend), penicillin, control = lmm_control(progress = TRUE))
#' @export
lmm_control <- function(max_evaluations = 200L, decrement = 1e-18, restarts = NULL, memory_limit = NULL,
                        chunk_rows = 1e5, keep_rows = TRUE, progress = FALSE,
                        threads = getOption("henderson.threads", min(2L, engine_cores())), ...,
                        solver = c("auto", "direct", "iterative"), probes = 16L, probe_seed = 1L) {
  if (nargs() == 0L) return(default_control())
  check_number(max_evaluations, "max_evaluations", 1, .Machine$integer.max, whole = TRUE)
  check_number(decrement, "decrement", lower = 0)
  if (!is.null(restarts)) check_number(restarts, "restarts", 0, .Machine$integer.max, whole = TRUE)
  if (!is.null(memory_limit)) check_number(memory_limit, "memory_limit", lower = 0)
  check_number(chunk_rows, "chunk_rows", lower = 1, whole = TRUE)
  check_flag(keep_rows, "keep_rows")
  check_flag(progress, "progress")
  check_count(threads, "threads")
  solver <- if (missing(solver)) "auto" else check_choice(solver, c("auto", "direct", "iterative"), "solver")
  check_number(probes, "probes", 4, 65536, whole = TRUE)
  check_number(probe_seed, "probe_seed", 0, .Machine$integer.max, whole = TRUE)
  structure(list(max_evaluations = as.integer(max_evaluations), decrement = decrement,
                 restarts = if (is.null(restarts)) -1L else as.integer(restarts),
                 memory_limit = memory_limit, chunk_rows = chunk_rows, keep_rows = keep_rows, progress = progress,
                 threads = as.integer(threads),
                 solver = solver, probes = as.integer(probes), probe_seed = as.integer(probe_seed)),
            class = "lmm_control")
}

# What lmm_control() gives without arguments is made once in a session; the option may change.
default_control <- function() {
  if (is.null(made_once$control)) made_once$control <- lmm_control(threads = min(2L, engine_cores()))
  out <- made_once$control
  threads <- getOption("henderson.threads")
  if (!is.null(threads)) out$threads <- as.integer(check_count(threads, "threads"))
  out
}

made_once <- new.env(parent = emptyenv())
