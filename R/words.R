# Words that users bring along: unique beginnings, either case, and the names that other functions have for the same
# thing.

# The choice that a word means: the one that it begins, or that begins it ("bootstrap" for "boot"). `aliases`: a named
# vector, word = choice.
match_word <- function(x, choices, name, aliases = character()) {
  if (is.character(x) && length(x) == 1L && !is.na(x) && nzchar(x)) {
    words <- c(stats::setNames(choices, choices), aliases)
    at <- which(names(words) == x)
    if (!length(at)) at <- which(startsWith(tolower(names(words)), tolower(x)))
    if (!length(at)) at <- which(nchar(names(words)) >= 4L & startsWith(tolower(x), tolower(names(words))))
    found <- unique(unname(words[at]))
    if (length(found) == 1L) return(found)
  }
  check_choice(x, choices, name)
}

# The confidence level, whether it was given as `level` or as `conf.level`. `own`: the name that the function has for
# it; `given`: was it given by that name? `dots`: arguments that the function does not name.
level_argument <- function(level, own, given, dots) {
  other <- setdiff(c("level", "conf.level"), own)
  if (!other %in% names(dots)) return(check_level(level, own))
  if (given) lmm_abort("input", "`level` and `conf.level` are the same argument; give one of them.", what = other)
  check_level(dots[[other]], other)
}

# What is left of `...` without the level.
without_level <- function(dots) if (is.null(names(dots))) dots else dots[!names(dots) %in% c("level", "conf.level")]
