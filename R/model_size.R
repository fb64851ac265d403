# How large a model is, in columns, parameters, memory and time, from the numbers of levels alone: before any column is
# made.

# Stops at a model that memory cannot hold or that would take days; says so where it takes minutes.
check_model_size <- function(terms, random, rows, memory_limit = NULL) {
  n <- rows$n
  fixed <- column_counts(terms, rows$data)
  p <- sum(fixed)
  check_fixed_size(fixed, n, rows$data, random, memory_limit)
  seconds <- fixed_seconds(p, n)
  for (term in random) {
    if (is_intercept_only(term$lhs) || is_across(term)) next
    q <- sum(column_counts(parse_terms(term$lhs), rows$data))
    if (q < 5) next
    levels <- group_level_bound(term$group, rows$data, n)
    check_random_size(term, q, levels, p, memory_limit)
    if (is_triangle(term)) seconds <- seconds + random_seconds(q, levels)
  }
  if (seconds > 60) tell_time(seconds)
}

# Columns of the intercept and of each term: the product of those of its variables.
column_counts <- function(terms, data) {
  use <- attr(terms, "factors")
  labels <- variable_labels(terms)
  width <- vapply(labels, function(label) variable_width(.subset2(data, label)), 0)
  is_factor <- vapply(labels, function(label) is_categorical(.subset2(data, label)), NA)
  counts <- vapply(seq_len(if (length(use)) ncol(use) else 0L), function(j) {
    members <- which(use[, j] > 0L)
    prod(width[members] - (is_factor[members] & use[members, j] == 1L))
  }, 0)
  stats::setNames(c(attr(terms, "intercept"), counts), c("(Intercept)", attr(terms, "term.labels")))
}

is_categorical <- function(x) is.factor(x) || is.character(x) || is.logical(x) && is.null(dim(x))

variable_width <- function(x) {
  if (is.factor(x) && nlevels(x) < 100L) nlevels(x)
  else if (is.factor(x)) sum(tabulate(x, nlevels(x)) > 0L)
  else if (is.character(x)) length(unique(as.vector(x)))
  else if (is_categorical(x)) 2
  else NCOL(x)
}

# At most so many levels has a grouping expression.
group_level_bound <- function(group, data, n) {
  widths <- vapply(group_parts(group), function(part) {
    x <- data[[variable_label(part)]]
    if (is.factor(x)) nlevels(x) else length(unique(x))
  }, 0)
  min(n, prod(widths))
}

# Cross-products, their factors and the rows that are worked on at a time.
fixed_bytes <- function(p, widest, n) 8 * (8 * p^2 + 2 * widest^2 + 3 * min(n, rows_at_a_time(1e5, p)) * p)

# Rows of so many columns that are turned into numbers at a time: 400 MB of them.
rows_at_a_time <- function(chunk_rows, p) min(chunk_rows, max(1000, floor(5e7 / p)))

fixed_seconds <- function(p, n) 1.2e-9 * p^2 * (n + 2 * p)

check_fixed_size <- function(columns, n, data, random, memory_limit) {
  p <- sum(columns)
  widest <- max(columns)
  if (p < 1000) return(invisible())
  bytes <- fixed_bytes(p, widest, n)
  limit <- if (is.null(memory_limit)) 0.5 * available_memory() else memory_limit
  days <- fixed_seconds(p, n) / 86400
  if (bytes <= limit && days <= 1) return(invisible())
  worst <- names(columns)[which.max(columns)]
  lmm_abort("numeric",
            paste0("the fixed effects have ", count_of(p, "column"), " (", count_of(widest, "column"), " of ",
                   quote_name(worst), "): ",
                              size_text(bytes, limit, days)),
            what = worst, value = c(columns = p, bytes = bytes), fix = fixed_remedy(worst, data, random))
}

size_text <- function(bytes, limit, days) {
  if (bytes > limit) paste0("they need about ", gigabytes(bytes), " of memory; ", gigabytes(limit), " may be used.")
  else paste0("the fit would take about ", count_of(ceiling(days), "day"), ".")
}

gigabytes <- function(bytes) paste(thousands(signif(bytes / 1e9, 2L), scientific = FALSE), "GB")

# What to do with a fixed term of very many columns.
fixed_remedy <- function(term, data, random) {
  variables <- all.vars(str2lang(term))
  text <- Filter(function(name) is_number_text(data[[name]]), variables)
  if (length(text)) return(paste0(quote_name(text[1L]),
                                  paste(" is text or a factor whose values are all numbers: as a covariate write",
                                        "as.numeric(as.character("), text[1L], "))."))
  factors <- Filter(function(name) is_categorical(data[[name]]), variables)
  if (!length(factors)) return("Use fewer columns.")
  group <- paste(factors, collapse = ":")
  grouped <- any(vapply(random, function(term) setequal(all.vars(term$group), factors), NA))
  if (grouped) paste0("Remove it from the fixed effects: ", quote_name(group), " is a grouping factor already.")
  else paste0("Make it a random effect: (1 | ", group, ").")
}

is_number_text <- function(x) {
  levels <- enc2utf8(as.character(if (is.factor(x)) levels(x) else if (is.character(x)) unique(x)))
  length(levels) > 0L && any(grepl(".", levels, fixed = TRUE)) && !anyNA(suppressWarnings(as.numeric(levels)))
}

# ---- random terms ----

random_parameters <- function(q, triangle) if (triangle) q * (q + 1) / 2 else q

# Blocks of all levels, and the derivatives in all parameters.
random_bytes <- function(q, k, levels, p) 8 * (levels * q * (2 * q + p + k) + 4 * k^2 + 2 * k * q^2)

# A search of 100 evaluations.
random_seconds <- function(q, levels) 2e-7 * levels * random_parameters(q, TRUE)^2 * q^2

check_random_size <- function(term, q, levels, p, memory_limit) {
  if (q < 40) return(invisible())
  k <- random_parameters(q, is_triangle(term))
  bytes <- random_bytes(q, k, levels, p)
  limit <- if (is.null(memory_limit)) 0.5 * available_memory() else memory_limit
  days <- if (is_triangle(term)) random_seconds(q, levels) / 86400 else 0
  if (bytes <= limit && days <= 1) return(invisible())
  factors <- all.vars(term$lhs)
  lmm_abort("numeric",
            paste0("the random term (", term$label, ") has ", count_of(q, "column"), " for each level and ",
                   count_of(k, "variance parameter"),
                              ": ", size_text(bytes, limit, days)),
            what = term$label, value = c(columns = q, parameters = k, bytes = bytes),
            fix = if (length(factors) == 1L) paste0("A variance for the combinations is (1 | ", term$group_name, ":",
                                                    factors, "), which has one parameter.")
                  else "Use fewer columns left of the bar, or (... || g), which has no correlations.")
}

# Draws, or other `things`, of so many bytes each must fit into memory. `name`: the argument that counts them.
check_draws <- function(count, each, name = "nsim", things = "draws") {
  bytes <- count * each
  if (count <= .Machine$integer.max && (bytes <= 1e8 || bytes <= 0.5 * available_memory())) return(invisible())
  abort_draws(count, bytes, name, things)
}

abort_draws <- function(count, bytes, name = "nsim", things = "draws") {
  lmm_abort("numeric",
            paste0("not enough memory for ", thousands(count, scientific = count > 1e15), " ", things,
                   ", which need about ", gigabytes(bytes), "."),
            what = name, value = count,
            fix = paste0("Use a smaller `", name, "`", if (name == "nsim")
              ": the Monte Carlo error of a p-value of 0.05 from 1e6 draws is 0.0002", "."))
}

tell_time <- function(seconds, subject = "this model is large: the fit", can_stop = TRUE) {
  time <- if (seconds < 7200) count_of(round(seconds / 60), "minute") else count_of(round(seconds / 3600), "hour")
  lmm_inform("time", paste0(subject, " may take about ", time, if (can_stop) "; an interrupt stops it", "."),
             what = "formula", value = seconds)
}

# Memory that a fit may use: what the system says is free, or a guess where it does not say.
available_memory <- function(default = 8e9) {
  if (!file.exists("/proc/meminfo")) return(default)
  line <- grep("^MemAvailable:", readLines("/proc/meminfo"), value = TRUE)
  if (length(line)) 1024 * as.numeric(gsub("[^0-9]", "", line)) else default
}
