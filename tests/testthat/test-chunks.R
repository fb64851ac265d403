test_that("chunks of every kind give the fit to the rows", {
  d <- cells_data()
  parts <- split(d, rep_len(1:4, nrow(d)))
  for (model in cells_models()) expect_same_fit(call_lmm(model, chunks(parts)), call_lmm(model, d))
  old <- lmm(y ~ x + poly(z, 2) + h + (x | g), d)
  f <- formula(old)
  files <- file.path(tempdir(), paste0("part", 1:4, ".csv"))
  Map(function(part, file) utils::write.csv(part, file, row.names = FALSE), parts, files)
  one <- file.path(tempdir(), "one.csv")
  utils::write.csv(d, one, row.names = FALSE)
  at <- 0
  read <- function(reset = FALSE) {
    if (reset) at <<- 0 else if (at < 4) parts[[at <<- at + 1]]
  }
  for (source in list(chunks(files), chunks(files, read = utils::read.csv), chunks(one, rows = 70), chunks(read))) {
    expect_same_fit(lmm(f, source), old)
    expect_same_fit(lmm(f, source), old)
    expect_output(print(source), "Rows in chunks")
  }
})

test_that("what can be read once only is read once, and an error says so", {
  d <- cells_data()
  parts <- split(d, rep_len(1:4, nrow(d)))
  stream <- function() {
    at <- 0
    function() if (at < 4) parts[[at <<- at + 1]]
  }
  source <- chunks(stream())
  expect_same_fit(lmm(y ~ x + (1 | g), source), lmm(y ~ x + (1 | g), d))
  expect_error(lmm(y ~ x + (1 | g), source), "read once only", class = "lmm_error_input")
  expect_error(lmm(y ~ poly(x, 2) + (1 | g), chunks(stream())), "read once only", class = "lmm_error_input")
  expect_error(lmm(y ~ rank(x) + (1 | g), chunks(parts)), "depends on all rows", class = "lmm_error_formula")
})

test_that("errors name the chunk", {
  d <- cells_data()
  parts <- unname(split(d, rep_len(1:3, nrow(d))))
  broken <- function(change) {
    parts[[2L]] <- change(parts[[2L]])
    at <- 0
    tryCatch(lmm(y ~ x + h + (1 | g), chunks(function() if (at < 3) parts[[at <<- at + 1]])), error = identity)
  }
  for (change in list(function(p) transform(p, g = as.numeric(as.character(g))),
                      function(p) transform(p, x = as.character(x)),
                      function(p) transform(p, x = replace(x, 1, Inf)), function(p) as.list(p))) {
    e <- broken(change)
    expect_s3_class(e, "lmm_error_data")
    expect_match(conditionMessage(e), "chunk 2")
  }
  expect_s3_class(broken(function(p) p[names(p) != "x"]), "lmm_error_formula")
  expect_error(lmm(y ~ x + (1 | g), chunks(function() stop("no network"))), "chunk 1 cannot be read: no network",
               class = "lmm_error_data")
  expect_error(chunks("nowhere.csv"), class = "lmm_error_input")
  expect_error(chunks(3), class = "lmm_error_input")
  expect_error(chunks(parts, read = 1), class = "lmm_error_input")
  expect_error(lmm(y ~ x + (1 | g), chunks(list(d[0L, ]))), class = "lmm_error_data")
})

test_that("levels and text grow from chunk to chunk, integers become numbers", {
  d <- cells_data()
  d$k <- as.integer(d$x)
  parts <- lapply(split(d, d$h), droplevels)
  parts[[1L]]$k <- as.numeric(parts[[1L]]$k)
  parts[[2L]]$h <- factor(parts[[2L]]$h)
  expect_same_fit(lmm(y ~ k + h + (1 | g), chunks(parts)), lmm(y ~ k + h + (1 | g), transform(d, h = h)))
})

test_that("record batches are read by their methods", {
  d <- cells_data()
  parts <- split(d, rep_len(1:3, nrow(d)))
  reader <- function() {
    at <- 0
    structure(list(read_next_batch = function() if (at < 3) parts[[at <<- at + 1]]), class = "RecordBatchReader")
  }
  expect_same_fit(lmm(y ~ x + (1 | g), chunks(reader())), lmm(y ~ x + (1 | g), d))
  dataset <- structure(list(NewScan = function() list(Finish = function() list(ToRecordBatchReader = reader))),
                       class = "Dataset")
  expect_same_fit(lmm(y ~ poly(x, 2) + (1 | g), chunks(dataset)), lmm(y ~ poly(x, 2) + (1 | g), d))
})

test_that("weights, offset and subset that need all rows are those of all rows, or refused", {
  d <- cells_data()
  d <- d[order(d$a), ]
  rownames(d) <- NULL
  source <- chunks(split(d, d$a))
  threshold <- 0.3
  own <- function(v) v - mean(v)
  for (arguments in list(alist(weights = w / mean(w)), alist(offset = o - mean(o)), alist(subset = -(1:40)),
                         alist(subset = 10:200), alist(subset = c(3, 3, 20:300)), alist(subset = x > mean(x)),
                         alist(subset = z > threshold, weights = as.numeric(factor(a))),
                         alist(weights = ifelse(a > mean(a), 1, 2)), alist(offset = own(a)))) {
    call <- as.call(c(list(quote(lmm), y ~ x + (1 | g), quote(d)), arguments))
    rows <- eval(call)
    call[[3L]] <- quote(source)
    expect_same_fit(eval(call), rows)
  }
  expect_same_fit(lmm(y ~ I(a - mean(a)) + own(x) + (1 | g), source), lmm(y ~ I(a - mean(a)) + own(x) + (1 | g), d))
  refused <- function(expr, class, text) expect_error(expr, text, class = class)
  refused(lmm(y ~ x + (1 | g), source, subset = !duplicated(g)), "lmm_error_formula", "duplicated.*depends on all rows")
  refused(lmm(y ~ x + (1 | g), source, weights = rank(x)), "lmm_error_formula", "weights = rank.x.*all rows")
  refused(lmm(y ~ x + (1 | g), source, subset = which(z > 0.5)), "lmm_error_formula", "which.*all rows")
  refused(lmm(y ~ x + (1 | g), source, subset = a), "lmm_error_input", "computes row numbers from `a`")
  refused(lmm(y ~ x + (1 | g), source, subset = 1:400), "lmm_error_input", "between 1 and 301")
  refused(lmm(y ~ ave(x, g) + (1 | h), source), "lmm_error_formula", "depends on all rows")
  expect_equal(sum(cross_products(y ~ x + (1 | g), d, subset = which(z > 0.5))$n), sum(d$z > 0.5))
  first <- cross_products(y ~ x + (1 | g), d[1:150, ], weights = w / mean(w))
  both <- first + cross_products(first, d[-(1:150), ])
  expect_same_fit(lmm(y ~ x + (1 | g), both), lmm(y ~ x + (1 | g), d, weights = w / mean(w[1:150])))
})

test_that("levels are in the order that factor() gives them in all rows, and contrasts are kept", {
  d <- cells_data()
  d$t <- sample(1:12, nrow(d), TRUE)
  d$dose <- factor(c("low", "mid", "high")[1 + d$t %% 3], c("low", "mid", "high"), ordered = TRUE)
  d$arm <- factor(as.character(d$dose), levels(d$dose))
  models <- list(y ~ factor(t) + (1 | g), y ~ ordered(t) + (1 | g), y ~ dose + (1 | g), y ~ arm + (1 | g),
                 y ~ C(arm, contr.sum) * x + (1 | g), y ~ C(factor(h), contr.sum) + (1 | g), y ~ factor(h) + (1 | g),
                 y ~ ordered(-t) + (1 | g), y ~ factor(arm) + (1 | g), y ~ ar1(0 + factor(t) | g),
                 y ~ x + interaction(arm, a %% 2) + (1 | g))
  by_arm <- split(d, d$arm)
  pairs <- list(droplevels(rbind(by_arm$mid, by_arm$high)), droplevels(rbind(by_arm$low, by_arm$mid[1:3, ])))
  pairs[[2L]] <- pairs[[2L]][-(1:3 + nrow(by_arm$low)), ]
  expect_identical(levels(pairs[[2L]]$arm), c("low", "mid"))
  for (parts in list(split(d, d$t %% 2 == 0), rev(split(d, d$t)), pairs)) {
    for (model in models) {
      rows <- suppressMessages(lmm(model, d))
      expect_same_fit(suppressMessages(lmm(model, chunks(parts))), rows)
      sum <- Reduce(`+`, lapply(parts, function(part) cross_products(model, part)))
      expect_same_fit(suppressMessages(lmm(model, sum)), rows)
    }
  }
  reversed <- by_arm
  reversed$mid$arm <- factor(reversed$mid$arm, rev(levels(d$arm)))
  expect_error(lmm(y ~ arm + (1 | g), chunks(reversed)), "`arm` has its levels in a different order in chunk 2",
               class = "lmm_error_data")
  expect_same_fit(lmm(y ~ x + (1 | arm), chunks(reversed)), lmm(y ~ x + (1 | arm), d))
  expect_error(lmm(y ~ dose + (1 | g), chunks(lapply(by_arm, droplevels))), "no chunk has both",
               class = "lmm_error_data")
})

test_that("droplevels() in a formula keeps the order of the levels whatever the order of the chunks", {
  set.seed(1)
  d <- data.frame(f = factor(rep(c("lo", "mid", "hi"), 20), c("lo", "mid", "hi", "none")), g = gl(10, 6), y = rnorm(60))
  rows <- suppressMessages(lmm(y ~ droplevels(f) + (1 | g), d))
  for (parts in list(split(d, d$f, drop = TRUE), rev(split(d, d$f, drop = TRUE)))) {
    fit <- suppressMessages(lmm(y ~ droplevels(f) + (1 | g), chunks(parts)))
    expect_equal(fixef(fit), fixef(rows), tolerance = 1e-8)
  }
})
