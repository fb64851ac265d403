# Exact integer arithmetic on doubles: what the numbers as stored say, free of rounding. An integer is a vector of
# digits to the base 2^18, least first, each within +-2^17 after big_carry(); sums and products of digits stay
# below 2^53.

big_base <- 2^18

big_carry <- function(digits) {
  out <- numeric(0)
  carry <- 0
  while (length(digits) || carry != 0) {
    value <- carry + if (length(digits)) digits[1] else 0
    digits <- digits[-1]
    carry <- round(value / big_base)
    out <- c(out, value - carry * big_base)
  }
  out
}

# From a whole number held in a double, or a vector of them: one row of digits each.
big_digits <- function(x, n = 4) {
  out <- matrix(0, length(x), n)
  for (k in seq_len(n)) {
    rest <- round(x / big_base)
    out[, k] <- x - rest * big_base
    x <- rest
  }
  stopifnot(all(x == 0))
  out
}

big <- function(x) big_carry(big_digits(x)[1, ])

big_add <- function(a, b) {
  n <- max(length(a), length(b))
  big_carry(c(a, numeric(n - length(a))) + c(b, numeric(n - length(b))))
}

big_times <- function(a, b) {
  if (!length(a) || !length(b)) return(numeric(0))
  out <- numeric(length(a) + length(b) - 1)
  for (k in seq_along(b)) out[k - 1 + seq_along(a)] <- out[k - 1 + seq_along(a)] + a * b[k]
  big_carry(out)
}

big_minus <- function(a, b) big_add(a, -b)

# The sum and the sum of squares of whole numbers.
big_sum <- function(x) big_carry(colSums(big_digits(x)))

big_sum_of_squares <- function(x) {
  digits <- big_digits(x)
  n <- ncol(digits)
  out <- numeric(2 * n - 1)
  for (i in seq_len(n)) for (j in seq_len(n)) out[i + j - 1] <- out[i + j - 1] + sum(digits[, i] * digits[, j])
  big_carry(out)
}

# The nearest double, to an ulp or two: the leading digit has the sign of the number.
as_double <- function(a) Reduce(function(high, low) high * big_base + low, rev(a), 0)

# Distances from one value in whole multiples of a power of two; both subtraction and scaling are exact.
whole_distances <- function(y) {
  distance <- y - y[1]
  power <- 0
  while (any(distance * 2^power != round(distance * 2^power))) power <- power + 1
  list(value = distance * 2^power, unit = 2^-power)
}

# Variance components of a balanced one-way layout from the doubles as stored, by the analysis of variance.
exact_one_way <- function(y, treatment) {
  whole <- whole_distances(y)
  groups <- split(whole$value, treatment)
  k <- length(groups)
  N <- length(y)
  r <- N / k
  totals <- lapply(groups, big_sum)
  squares <- big_sum_of_squares(whole$value)
  of_totals <- Reduce(big_add, lapply(totals, function(t) big_times(t, t)))
  total <- Reduce(big_add, totals)
  within <- big_minus(big_times(big(r), squares), of_totals)                    # r SS(within)
  between <- big_minus(big_times(big(k), of_totals), big_times(total, total))    # N SS(between)
  difference <- big_minus(big_times(big(N - k), between), big_times(big(k * (k - 1)), within))
  c(between = as_double(difference) / (N * (k - 1) * (N - k)) / r,
    within = as_double(within) / (r * (N - k))) * whole$unit^2
}
