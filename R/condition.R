# Conditions: every error, warning and message of the package is made here, so that its class and its
# fields (what, where, value, fix) can be relied on.

condition_bases <- list(
  error = c("lmm_error", "lmm_condition", "error", "condition"),
  warning = c("lmm_warning", "lmm_condition", "warning", "condition"),
  message = c("lmm_message", "lmm_condition", "message", "condition")
)

# `class` is complete ("lmm_error_data") or only its last word ("data").
# `where`: rows (integer) or levels (character); only the first five are kept, with their number.
lmm_condition <- function(kind, class, message, what = NULL, where = NULL, value = NULL, fix = NULL,
                          call = user_call()) {
  prefix <- paste0("lmm_", kind, "_")
  if (!startsWith(class, prefix)) class <- paste0(prefix, class)
  text <- paste(c(message, if (length(fix)) paste0("  ", fix)), collapse = "\n")
  if (kind == "message") text <- paste0(text, "\n")
  structure(
    class = c(class, condition_bases[[kind]]),
    list(message = text, call = call, what = what, where = first_places(where), value = value, fix = fix)
  )
}

# The condition with further sentences after what it says, and with another advice.
extend_condition <- function(condition, sentences, fix = condition$fix) {
  if (length(condition$fix)) {
    condition$message <- sub(paste0("\n  ", condition$fix), "", condition$message, fixed = TRUE)
  }
  condition$message <- paste(c(paste(c(condition$message, sentences), collapse = " "),
                               if (length(fix)) paste0("  ", fix)),
                             collapse = "\n")
  condition$fix <- fix
  condition
}

lmm_abort <- function(class, message, what = NULL, where = NULL, value = NULL, fix = NULL, call = user_call()) {
  stop(lmm_condition("error", class, message, what, where, value, fix, call))
}

lmm_warn <- function(class, message, what = NULL, where = NULL, value = NULL, fix = NULL, call = user_call()) {
  warning(lmm_condition("warning", class, message, what, where, value, fix, call))
}

lmm_inform <- function(class, message, what = NULL, where = NULL, value = NULL, fix = NULL, call = user_call()) {
  message(lmm_condition("message", class, message, what, where, value, fix, call))
}

# Signals what was noted on the way, each condition once, with the call the user made.
signal_conditions <- function(conditions, call = user_call()) {
  for (condition in conditions) {
    condition$call <- call
    if (inherits(condition, "warning")) warning(condition) else message(condition)
  }
  invisible(conditions)
}

# The value of an expression; that a variance is estimated as 0, that there are other optima, and by which solver, is no
# news where a model is fitted again.
without_boundary_messages <- function(expr) {
  muffle <- function(m) tryInvokeRestart("muffleMessage")
  withCallingHandlers(expr, lmm_message_boundary = muffle, lmm_message_optima = muffle, lmm_message_solver = muffle)
}

# The value of an expression with several fits, the first of which says by which solver.
solver_told_once <- function(expr) {
  told <- FALSE
  withCallingHandlers(expr, lmm_message_solver = function(m) {
    if (told) tryInvokeRestart("muffleMessage")
    told <<- TRUE
  })
}

# The outermost call into this package, which is the one the user wrote: of a method, the call of its generic.
user_call <- function() {
  home <- environment(user_call)
  if (identical(home, globalenv())) return(NULL)
  for (i in seq_len(sys.nframe())) {
    if (!identical(environment(sys.function(i)), home)) next
    call <- sys.call(i)
    if (i > 1L && identical(as.list(call)[-1L], as.list(sys.call(i - 1L))[-1L])) call <- sys.call(i - 1L)
    return(shown_call(call))
  }
  NULL
}

# A call that carries whole functions and data sets (do.call) is of no use in a message.
shown_call <- function(call) {
  if (is.function(call[[1L]])) {
    home <- environment(user_call)
    own <- Filter(function(name) identical(home[[name]], call[[1L]]), ls(home))
    call[[1L]] <- as.name(if (length(own)) own[1L] else "FUN")
  }
  for (i in seq_along(call)[-1L]) {
    part <- call[[i]]
    if (!missing(part) && !is.language(part) && (is.list(part) || length(part) > 10L)) call[[i]] <- as.name("...")
  }
  call
}

first_places <- function(where) {
  if (is.null(where)) return(NULL)
  structure(where[seq_len(min(5L, length(where)))], count = length(where))
}

# Words for messages ------------------------------------------------------------------------------

quote_name <- function(x) paste0("`", x, "`", recycle0 = TRUE)

quote_level <- function(x) paste0("\"", x, "\"", recycle0 = TRUE)

enumerate <- function(x, most = 5L) {
  if (length(x) > most) x <- c(x[seq_len(most)], paste("and", length(x) - most, "more"))
  paste(x, collapse = ", ")
}

# 12345 as 12,345, whatever the decimal mark of the session.
thousands <- function(n, ...) format(n, big.mark = ",", decimal.mark = ".", ...)

count_of <- function(n, singular, plural = paste0(singular, "s")) {
  paste(thousands(n, trim = TRUE, scientific = FALSE), if (n == 1) singular else plural)
}

# A line of code, such as a formula, in lines that fit the screen; those after the first are indented.
wrapped <- function(text, width = getOption("width")) {
  long <- which(nchar(text, "width") > width)
  text[long] <- vapply(text[long], function(line) paste(strwrap(line, width, exdent = 4L), collapse = "\n"), "")
  text
}

# "row 3", "rows 1-5", "rows 1, 4, 7-9, ..." of row numbers.
row_text <- function(rows, most = 5L) {
  if (length(rows) == 1L) return(paste("row", rows))
  run <- cumsum(c(TRUE, diff(rows) != 1L))
  first <- rows[!duplicated(run)]
  last <- rows[!duplicated(run, fromLast = TRUE)]
  text <- ifelse(first == last, format(first, trim = TRUE, scientific = FALSE), paste0(first, "-", last))
  if (length(text) > most) text <- c(text[seq_len(most)], "...")
  paste("rows", paste(text, collapse = ", "))
}

# The candidate nearest in spelling, or NULL when none is near.
nearest_name <- function(name, candidates) {
  if (!length(candidates)) return(NULL)
  name <- valid_text(name)
  distance <- utils::adist(name, candidates, ignore.case = TRUE)[1L, ]
  letters <- function(x) vapply(strsplit(tolower(x), ""), function(own) paste(sort(own), collapse = ""), "")
  swapped <- nchar(name) > 2L & distance == 2 & letters(candidates) == letters(name)
  distance[swapped] <- 1                                                # two letters in the wrong order
  best <- which.min(distance)
  if (distance[best] <= min(nchar(name) - 1, max(1, nchar(name) %/% 3))) candidates[best] else NULL
}

# "a numeric vector", "a factor", ... : what an object is, for the sentence "must be ..., not ...".
kind_of <- function(x) {
  if (is.null(x)) return("NULL")
  if (is.function(x)) return("a function")
  if (is.data.frame(x)) return("a data frame")
  if (inherits(x, "connection")) return("a connection")
  if (inherits(x, c("formula", "factor", "Date", "difftime", "Surv"))) return(paste("a", class(x)[1L]))
  if (inherits(x, "POSIXt")) return("a date-time")
  if (is.environment(x)) return("an environment")
  if (is.matrix(x)) return("a matrix")
  if (length(dim(x)) > 2L) return("an array")
  if (is.list(x)) return(if (is.object(x)) paste("an object of class", class(x)[1L]) else "a list")
  if (is.symbol(x)) return("a name")
  if (is.call(x)) return("a call")
  if (is.character(x) && length(x) == 1L) return("a character string")
  if (isS4(x)) return(paste("an object of class", class(x)[1L]))
  with_article(paste(switch(typeof(x), double = , integer = "numeric", typeof(x)), "vector"))
}

with_article <- function(noun) paste(if (grepl("^[aeiou]", noun, ignore.case = TRUE)) "an" else "a", noun)

# readable_text(), not too long to be shown.
valid_text <- function(x) {
  x <- readable_text(x)
  ifelse(nchar(x) > 60L, paste0(substr(x, 1L, 57L), "..."), x)
}

note <- function(source, conditions) {
  source$notes$conditions <- c(source$notes$conditions, conditions)
}

# Text that any function of R can read: bytes that are no letters are written out.
readable_text <- function(x) {
  bad <- !validEnc(x)
  x[bad] <- iconv(x[bad], "latin1", "ASCII", sub = "byte")
  x
}
