# The parameters of a residual structure: their names, and what of them is held.

# All parameters of the structure in the engine's order, by name; NULL for none.
plan_parameters <- function(plan) {
  if (is.null(plan)) return(NULL)
  structure <- engine_structure(plan)
  structure[c("held", "held_values")] <- list(integer(), double())
  linear <- max(0L, length(plan$variance_plan$columns) - 1L)
  table <- engine_result(engine_residual_parameters(structure, linear))
  if (!length(table$kind)) return(NULL)
  out <- data.frame(table[c("kind", "row", "col", "group", "part")], stringsAsFactors = FALSE)
  out[c("a", "b", "name")] <- ""
  for (part in unique(pmax(1L, out$part))) {
    own <- pmax(1L, out$part) == part
    visits <- visit_names(plan, part)
    out$a[own] <- visits[pmax(1L, out$row[own])]
    out$b[own] <- visits[pmax(1L, out$col[own])]
    out$name[own] <- parameter_words(out[own, ], plan, part)
  }
  out$name <- names_by_part(out, plan)
  by <- plan$by_levels[pmax(1L, out$group)]
  out$by <- if (is.null(by)) NA_character_ else ifelse(out$group > 0L, by, NA)
  out$name[!is.na(out$by)] <- paste0(out$name, "|", out$by)[!is.na(out$by)]
  out$name <- make.unique(out$name)
  out
}

free_parameters <- function(plan) {
  all <- plan_parameters(plan)
  held <- plan$held$index
  if (is.null(all) || length(held) == nrow(all)) return(NULL)
  if (length(held)) all[-held, , drop = FALSE] else all
}

# Residual parameters that are held: their numbers and values. `held` is a named vector.
plan_held <- function(plan, held = NULL) {
  if (!length(held)) return(plan)
  all <- plan_parameters(plan)
  held <- squared_deviations(held, all)
  twice <- names(held)[duplicated(names(held))]
  if (length(twice)) lmm_abort("input", paste0("`fixed` names ", quote_name(twice[1L]), " twice."), what = twice)
  index <- match(names(held), all$name)
  if (anyNA(index)) {
    lmm_abort("input", paste0("`fixed` names ", enumerate(quote_name(names(held)[is.na(index)])),
                              ", which is not a parameter of the residuals."), what = names(held)[is.na(index)],
              fix = paste0("There are ", enumerate(quote_name(c("sigma", all$name)), 30L), "."))
  }
  plan$own_scale <- any(all$kind[index] %in% c("covariance", "variance"))
  if (plan$own_scale) index <- match(names(held), plan_parameters(plan)$name)      # with the variances
  plan$held <- list(index = index, value = unname(held), name = names(held))
  plan
}

# `sd(8)`, as variance_components(scale = "sd") calls it, means the square root of `var(8)`.
squared_deviations <- function(held, all) {
  name <- sub("^sd", "var", names(held))
  root <- !names(held) %in% all$name & name %in% all$name[all$kind == "variance"]
  wrong <- root & !(held > 0)
  if (any(wrong)) lmm_abort("input", paste0("`fixed`: ", quote_name(names(held)[wrong][1L]), " must be positive."),
                            what = names(held)[wrong], value = held[wrong])
  held[root] <- held[root]^2
  names(held)[root] <- name[root]
  held
}

visit_names <- function(plan, part = 1L) {
  part <- plan$parts[[part]]
  if (!is.null(part$levels)) return(part$levels[part$used])
  if (!is.null(part$values)) return(level_text(part$values))
  as.character(seq_len(1000L))
}

# Kinds of residual parameters that belong to the variance function.
variance_kinds <- c("log_ratio", "constant", "power", "proportion")

# "rho", "cor(2,1)", "var(3)", "cov", "range", ...: by the kind of a parameter and its place. `p`: those of one part.
parameter_words <- function(p, plan, part) {
  out <- c(range = "range", share = "nugget", exponent = "shape")[p$kind]
  out[p$kind == "autoregression"] <- paste0("phi", p$row)[p$kind == "autoregression"]
  out[p$kind == "moving_average"] <- paste0("theta", p$row)[p$kind == "moving_average"]
  pair <- paste0("(", p$a, ",", p$b, ")")
  word <- plan$parts[[part]]$word
  out[p$kind == "variance"] <- variance_words(p)[p$kind == "variance"]
  out[p$kind == "covariance"] <- covariance_words(p, word, pair)[p$kind == "covariance"]
  out[p$kind == "correlation"] <- correlation_words(p, word, pair)[p$kind == "correlation"]
  variance <- p$kind %in% variance_kinds
  out[variance] <- variance_names(p, plan)[variance]
  unname(out)
}

# In a product a correlation without visits of its own, and what both parts have, is named with its positions:
# "rho(col)".
names_by_part <- function(p, plan) {
  if (length(plan$parts) == 1L) return(p$name)
  in_part <- p$part > 0L
  parts <- tapply(p$part[in_part], p$name[in_part], function(part) length(unique(part)))
  told <- in_part & ((p$kind == "correlation" & !grepl("(", p$name, fixed = TRUE)) |
                       p$name %in% names(parts)[parts > 1L])
  positions <- vapply(plan$parts, function(part) {
    if (length(part$positions)) deparse_line(part$positions[[1L]]) else "1"
  }, "")
  ifelse(told, paste0(p$name, "(", positions[pmax(1L, p$part)], ")"), p$name)
}

variance_words <- function(p) {
  if (all(p$row[p$kind == "variance"] == 1L)) rep("var", nrow(p)) else paste0("var(", p$a, ")")
}

covariance_words <- function(p, word, pair) {
  if (word == "us") return(paste0("cov", pair))
  if (word == "known") return(paste0("coef", p$row))
  if (word %in% c("toep", "homtoep")) paste0("cov", p$row - 1L) else rep("cov", nrow(p))
}

correlation_words <- function(p, word, pair) {
  if (word %in% c("corr", "ad", "adh")) return(paste0("cor", pair))
  if (word == "arma") return(ifelse(p$row == 2L, "rho", "gamma"))
  if (sum(p$kind == "correlation" & p$group <= 1L) > 1L) paste0("rho", p$row - 1L) else rep("rho", nrow(p))
}
