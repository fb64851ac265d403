# What the scripts of this folder share that fit many models: numbers of the command line, and fits that may fail.

# The number that a word such as `--sets=500` of the command line gives.
argument <- function(name, default) {
  given <- grep(paste0("^--", name, "="), commandArgs(TRUE), value = TRUE)
  if (length(given)) as.numeric(sub("^[^=]*=", "", given[1L])) else default
}

# list(value, told, error, seconds) of a function that may fail, with at most `limit` seconds: `told` holds the classes
# of messages and warnings.
attempted <- function(f, limit = Inf) {
  told <- character()
  setTimeLimit(elapsed = limit)
  on.exit(setTimeLimit())
  note <- function(m) {
    told <<- c(told, class(m)[1L])
    invokeRestart(if (inherits(m, "warning")) "muffleWarning" else "muffleMessage")
  }
  time <- system.time(value <- tryCatch(withCallingHandlers(f(), message = note, warning = note),
                                        error = function(e) e))
  failed <- inherits(value, "error")
  list(value = if (!failed) value, error = if (failed) conditionMessage(value) else "",
       told = paste(setdiff(unique(told), "lmm_message_na"), collapse = " "), seconds = time[["elapsed"]])
}
