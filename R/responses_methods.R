# Questions of one fit asked of many responses: those that have an answer for each response, and those that name the
# call for one.

#' @export
coef.lmm_responses <- function(object, ...) fixef(object)

#' @export
logLik.lmm_responses <- function(object, ...) {
  structure(stats::setNames(-object$criterion / 2, shown_names(object)), nobs = object$n,
            df = colSums(!is.na(object$beta)) + responses_parameters(object), class = "lmm_responses_logLik")
}

# Free variance parameters, the same for all responses.
responses_parameters <- function(x) {
  if (engine_takes_many(x)) return(nrow(x$theta) + 1L)
  fitted <- which(!is.na(x$criterion))
  if (length(fitted)) n_variance_parameters(response_fit(x, fitted[1L])) else NA_integer_
}

#' @export
print.lmm_responses_logLik <- function(x, digits = getOption("digits"), ...) {
  print(c(unclass(x))[seq_along(x)], digits = digits, ...)
  cat("df: ", paste(sort(unique(attr(x, "df"))), collapse = ", "), "\n", sep = "")
  invisible(x)
}

#' @export
AIC.lmm_responses <- function(object, ..., k = 2) {
  check_number(k, "k")
  value <- logLik(object)
  plain_numbers(-2 * value + k * attr(value, "df"))
}

#' @export
BIC.lmm_responses <- function(object, ...) {
  value <- logLik(object)
  plain_numbers(-2 * value + log(attr(value, "nobs")) * attr(value, "df"))
}

plain_numbers <- function(x) {
  attributes(x) <- list(names = names(x))
  x
}

#' @rdname responses
#' @method glance lmm_responses
#' @export
glance.lmm_responses <- function(x, ...) {
  as_tidy(data.frame(response = shown_names(x), nobs = x$n, sigma = x$sigma, logLik = unname(plain_numbers(logLik(x))),
                     AIC = unname(AIC(x)), BIC = unname(BIC(x)), converged = x$converged, singular = x$singular,
                     stringsAsFactors = FALSE))
}

#' @rdname responses
#' @export
confint.lmm_responses <- function(object, parm = NULL, level = 0.95, ddf = "Satterthwaite", ...) {
  out <- as.data.frame(tidy(object, "fixed", conf.int = TRUE, conf.level = level, ddf = ddf))
  out <- out[c("response", "term", "estimate", "conf.low", "conf.high")]
  if (is.null(parm)) return(out)
  terms <- unique(out$term)
  if (is.numeric(parm) && all(parm %in% seq_along(terms))) parm <- terms[parm]
  if (!is.character(parm) || !all(parm %in% terms)) {
    lmm_abort("input", "`parm` must name coefficients.", what = "parm", value = parm,
              fix = paste0("They are ", enumerate(quote_name(terms), 10L), ". For variance parameters use quantity()."))
  }
  out <- out[out$term %in% parm, ]
  row.names(out) <- NULL
  out
}

#' @export
VarCorr.lmm_responses <- function(x, sigma = 1, ...) {
  sd <- as.data.frame(tidy(x, "ran_pars"))
  data.frame(sd[c("response", "group", "term")], sdcor = sd$estimate,
             vcov = as.data.frame(tidy(x, "ran_pars", scales = "vcov"))$estimate, stringsAsFactors = FALSE)
}

# What is asked of one response at a time; `arguments`: those of the generic function before `...`.
of_one_response <- function(method, arguments = "object") {
  force(method)
  out <- function(...) refuse_many(method, ...)
  formals(out) <- c(stats::setNames(rep(list(quote(expr = )), length(arguments)), arguments), formals(out))
  out
}

refuse_many <- function(name, ...) {
  lmm_abort("input", paste0(name, "() is not available for many responses at once."), what = "object",
            fix = paste0("x[[1]] or x[[\"name\"]] is the fit of one response: ", name, "(x[[1]])."))
}

#' @export
vcov.lmm_responses <- of_one_response("vcov")

#' @export
ranef.lmm_responses <- of_one_response("ranef")

#' @export
fitted.lmm_responses <- of_one_response("fitted")

#' @export
residuals.lmm_responses <- of_one_response("residuals")

#' @export
predict.lmm_responses <- of_one_response("predict")

#' @export
simulate.lmm_responses <- of_one_response("simulate", c("object", "nsim", "seed"))

#' @export
profile.lmm_responses <- of_one_response("profile", "fitted")

#' @export
update.lmm_responses <- of_one_response("update")

#' @export
model.frame.lmm_responses <- of_one_response("model.frame", "formula")

#' @export
model.matrix.lmm_responses <- of_one_response("model.matrix")

#' @export
terms.lmm_responses <- of_one_response("terms", "x")

#' @export
family.lmm_responses <- of_one_response("family")

#' @export
deviance.lmm_responses <- of_one_response("deviance")

#' @export
df.residual.lmm_responses <- of_one_response("df.residual")

#' @method augment lmm_responses
#' @export
augment.lmm_responses <- of_one_response("augment", "x")

#' @export
getME.lmm_responses <- of_one_response("getME", c("object", "name"))

#' @export
ngrps.lmm_responses <- of_one_response("ngrps")

#' @export
refit.lmm_responses <- of_one_response("refit", c("object", "newresp"))

#' @export
REMLcrit.lmm_responses <- of_one_response("REMLcrit")

#' @export
drop1.lmm_responses <- of_one_response("drop1", c("object", "scope"))
