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

# What is left of `...` without the confidence level, which the door has taken (take_level()).
without_level <- function(dots) if (is.null(names(dots))) dots else dots[!names(dots) %in% level_names]

level_names <- c("level", "conf.level")
