# Plots of many responses.

#' Plot many responses
#'
#' @param x an object of class [`lmm_responses`][responses].
#' @param type `"volcano"`: estimates of one coefficient against `-log10(p)`; `"p.values"`: histograms of the p-values
#'   of coefficients, level where there is no effect; `"estimates"`: histograms of coefficients and variance parameters.
#' @param which names of coefficients, for `"estimates"` also of variance parameters as in [as.data.frame()][responses];
#'   by default all but the intercept, for a volcano the last one.
#' @param ddf,adjust method for degrees of freedom, and the method by which p-values are adjusted over the responses.
#'   Responses whose adjusted p-value is at most `alpha` are shown in color.
#' @param alpha level of the adjusted p-values.
#' @param label how many responses of a volcano, those with the least p-values, are labeled.
#' @param ... graphical parameters.
#' @return What is shown, invisibly: a data frame with a row per response and coefficient.
#' @section Conditions:
#' `lmm_error_input`: an unknown type or name.
#' @seealso [responses], [moderate_variance()].
#' @concept volcano plot
#' @concept many responses
#' @concept multiple testing
#' @examples
#' fit <- lmm(yield ~ treat + (1 | blend), penicillin)
#' many <- refit(fit, simulate(fit, 100, seed = 1))
#' plot(many, which = "treatB")
#' plot(many, "p.values")
#' @export
plot.lmm_responses <- function(x, type = c("volcano", "p.values", "estimates"), which = NULL, ddf = "Satterthwaite",
                               adjust = "BH", alpha = 0.05,
                               label = 5, ...) {
  type <- match_word(type[1L], c("volcano", "p.values", "estimates"), "type")
  check_level(alpha, "alpha")
  adjust <- check_adjust(adjust)
  if (type == "estimates") return(invisible(plot_response_estimates(x, which, list(...))))
  if (!length(x$reference$kept)) lmm_abort("input", "the model has no fixed effects.", what = "type",
                                           fix = "Use type = \"estimates\".")
  table <- plain_table(tidy(x, "fixed", ddf = ddf, adjust = adjust))
  if (adjust == "none") table$p.adjusted <- table$p.value
  shown <- chosen_names(which, unique(table$term), last = type == "volcano")
  table <- table[table$term %in% shown, ]
  in_panels(length(shown), function() for (name in shown) {
    own <- table[table$term == name, ]
    if (type == "volcano") draw_volcano(own, name, alpha, label,
                                        list(...)) else draw_p_values(own$p.value, name, list(...))
  }, mar = c(4, 4, 1, 1))
  invisible(table[c("response", "term", "estimate", "p.value", "p.adjusted")])
}

chosen_names <- function(which, all, last = FALSE) {
  if (is.null(which)) {
    own <- if (length(all) > 1L) setdiff(all, "(Intercept)") else all
    return(if (last) own[length(own)] else utils::head(own, 16L))
  }
  for (name in which) check_choice(name, all, "which")
  which
}

draw_volcano <- function(own, name, alpha, label, given) {
  own <- own[!is.na(own$p.value), ]
  height <- -log10(pmax(own$p.value, .Machine$double.xmin))
  found <- own$p.adjusted <= alpha
  plot_frame(list(own$estimate, height, pch = 16, cex = 0.6,
                  col = ifelse(found, "firebrick", grDevices::adjustcolor("black", 0.4)), xlab = name,
                  ylab = "-log10(p)", las = 1), given)
  graphics::abline(v = 0, lty = 3)
  at <- utils::head(order(own$p.value), label)
  if (length(at)) graphics::text(own$estimate[at], height[at], own$response[at],
                                 pos = ifelse(own$estimate[at] > 0, 2, 4), cex = 0.7)
}

draw_p_values <- function(p, name, given) {
  h <- graphics::hist(p, breaks = seq(0, 1, 0.05), plot = FALSE)
  plot_frame(list(c(0, 1), c(0, max(h$counts)), type = "n", xlab = paste("p of", name), ylab = "responses", las = 1),
             given)
  graphics::rect(h$breaks[-length(h$breaks)], 0, h$breaks[-1L], h$counts, col = "grey80", border = "white")
}

plot_response_estimates <- function(x, which, given) {
  frame <- as.data.frame(x)
  names <- setdiff(names(frame), c("response", "nobs", "criterion", "converged", "singular", "reason"))
  shown <- chosen_names(which, names)
  in_panels(length(shown), function() for (name in shown) {
    values <- frame[[name]][is.finite(frame[[name]])]
    draw_histogram(values, stats::median(values), numeric(), given, name)
  }, mar = c(4, 4, 1, 1))
  frame[c("response", shown)]
}
