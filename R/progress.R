# Progress of long work in interactive use: a bar with the time left.

# Are bars shown? Option `henderson.progress` decides for all of them.
shows_progress <- function() isTRUE(getOption("henderson.progress", interactive()))

# A function that is told how many of `total` parts are done. Nothing is shown in the first two seconds, nor for work
# that is nearly done by then; the line is cleared at the end.
progress_bar <- function(total, what, show = shows_progress(), clock = function() proc.time()[["elapsed"]],
                         write = function(...) cat(..., sep = "", file = stderr())) {
  if (!show || total < 2) return(function(done) invisible())
  started <- clock()
  shown <- FALSE
  function(done) {
    elapsed <- clock() - started
    left <- elapsed * (total - done) / done
    if (!shown && (elapsed < 2 || left < 1)) return(invisible())
    shown <<- done < total
    line <- if (shown) bar_text(done / total, what, left) else ""
    write("\r", formatC(line, width = -min(getOption("width") - 1L, 79L)), if (!shown) "\r")
  }
}

bar_text <- function(share, what, left) {
  full <- floor(20 * share)
  paste0(what, " [", strrep("=", full), strrep(" ", 20L - full), "] ", floor(100 * share), " percent, ",
         time_left_text(left), " left")
}

time_left_text <- function(seconds) {
  if (seconds < 60) return(paste(ceiling(seconds), "s"))
  if (seconds < 3600) return(paste(ceiling(seconds / 60), "min"))
  sprintf("%.1f h", seconds / 3600)
}

# For messages about the time that work will take.
elapsed_time <- function(work) {
  started <- proc.time()[["elapsed"]]
  force(work)
  proc.time()[["elapsed"]] - started
}

# lapply() with a bar.
lapply_with_bar <- function(x, f, what) {
  bar <- progress_bar(length(x), what)
  lapply(seq_along(x), function(k) {
    value <- f(x[[k]])
    bar(k)
    value
  })
}
