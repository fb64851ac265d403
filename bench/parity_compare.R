# Two records of parity_record.R beside each other. Functions only.

# Regular expression of what may differ, the largest relative difference (Inf: may be anything, come or go), the commit
# that it is allowed against (empty: any), and why.
read_gates <- function(file) {
  utils::read.csv(file, colClasses = c(what = "character", largest = "numeric", base = "character",
                                       reason = "character"))
}

# One row for each entry that differs: what, before, after, and how far apart two numbers are, relative to the largest
# number of their vector.
compare_records <- function(before, after) {
  what <- union(names(before), names(after))
  a <- unname(before[what])
  b <- unname(after[what])
  differs <- is.na(a) | is.na(b) | a != b
  vector <- sub("\\[[0-9]+\\]$", "", what)
  size <- tapply(abs(as_number(a)), vector, function(x) max(x[is.finite(x)], 0))
  out <- data.frame(what, before = a, after = b)[differs, ]
  gap <- abs(as_number(out$before) - as_number(out$after)) / pmax(size[vector[differs]], .Machine$double.xmin)
  out$gap <- ifelse(is.na(gap), Inf, gap)
  out
}

as_number <- function(words) {
  hexadecimal <- grepl("^-?0x", words)
  out <- rep(NA_real_, length(words))
  out[hexadecimal] <- as.numeric(words[hexadecimal])
  out
}

# The first gate that lets each difference pass, or NA.
gate_of <- function(differences, gates, commit) {
  out <- rep(NA_integer_, nrow(differences))
  for (k in rev(seq_len(nrow(gates)))) {
    valid <- !nzchar(gates$base[k]) || startsWith(commit, gates$base[k])
    if (valid) out[grepl(gates$what[k], differences$what) & differences$gap <= gates$largest[k]] <- k
  }
  out
}

# Prints what differs; 0 where all of it has a reason, else 1.
report <- function(differences, gates, commit, most = 25L) {
  gate <- gate_of(differences, gates, commit)
  for (k in sort(unique(gate))) cat(sprintf("%d differences allowed (%s): %s\n", sum(gate == k, na.rm = TRUE),
                                            gates$what[k], gates$reason[k]))
  bad <- differences[is.na(gate), ]
  if (!nrow(bad)) {
    cat("parity with ", substr(commit, 1L, 9L), if (nrow(differences)) " up to these" else ": every bit is the same",
        "\n", sep = "")
    return(0L)
  }
  bad <- bad[order(-bad$gap), ]
  shown <- utils::head(bad, most)
  cat(sprintf("%-60s %24s %24s  %.1e\n", shown$what, shown$before, shown$after, shown$gap), sep = "")
  models <- table(sub("/.*", "", bad$what))
  cat(nrow(bad), " differences from ", substr(commit, 1L, 9L), " in ",
      paste0(names(models), " (", models, ")", collapse = ", "), "\n", sep = "")
  1L
}
