# Covariance matrices of the fixed-effect estimates other than the one the model gives.

vcov_types <- c("model", "kenward-roger", "CR0", "CR1", "CR2", "CR3")

# `...`: options of the method, such as `cluster` or `information`.
typed_vcov <- function(fit, type, ...) {
  at <- match(match_word(type, vcov_types, "type", c(KR = "kenward-roger")), vcov_types)
  if (at == 1L) {
    check_dots_empty(...)
    return(fit_vcov(fit))
  }
  inference <- if (at == 2L) new_inference(fit, "Kenward-Roger", ...)
               else new_inference(fit, "cluster-robust", type = vcov_types[at], ...)
  if (anyNA(inference$info$phi)) return(fit_vcov(fit) * NA_real_)
  user_covariance(inference)
}
