# Calls of every exported function and method with wrong arguments, and of every method with damaged fits: see
# README.md. Rscript bench/fuzz.R [--calls=5000] [--damaged=2000] [--seed=1] [--limit=20]

arguments <- function(text = commandArgs(TRUE)) {
  out <- list(calls = 5000, damaged = 2000, seed = 1, limit = 20, worker = "", from = 1, to = 0, log = "")
  for (one in strsplit(sub("^--", "", text), "=", fixed = TRUE)) {
    out[[one[1L]]] <- if (is.numeric(out[[one[1L]]])) as.numeric(one[2L]) else one[2L]
  }
  out
}

# ---- what is called ----

# Objects of each class that has methods.
fixtures <- function() {
  set.seed(1)
  d <- data.frame(g = gl(8, 6), h = gl(3, 1, 48), x = rnorm(48), f = gl(2, 24, labels = c("a", "b")),
                  w = runif(48, 1, 2))
  d$y <- d$x + rnorm(8)[d$g] * d$x + rnorm(8)[d$g] + rnorm(3)[d$h] + rnorm(48)
  d$g <- factor(sample(as.character(d$g)))
  d$t <- ave(seq_len(48), d$g, FUN = seq_along)
  fits <- suppressMessages(list(
    plain = lmm(y ~ x + (1 | g), d), slopes = lmm(y ~ x * f + (x | g), d),
    crossed = lmm(y ~ f + (x || g) + (1 | h), d, weights = w),
    ml = lmm(y ~ x + (1 | g) + (1 | h), d, REML = FALSE), nofixed = lmm(y ~ 0 + (1 | g), d),
    aliased = lmm(y ~ x + I(2 * x) + (1 | g), d),
    norows = lmm(y ~ x + (1 | g), d, control = lmm_control(keep_rows = FALSE)),
    held = lmm(y ~ x + (1 | g), d, fixed = c(sigma = 1)),
    serial = lmm(y ~ x + (1 | h), d, residual = ~ ar1(t | g)), visits = lmm(y ~ f, d, residual = ~ cs(t | g)),
    special = lmm(y ~ x + cs(0 + f | h) + (1 | g), d, fixed = c("cor_cs|h" = 0.5)),
    related = lmm(y ~ x + (1 | g), d, relationship = list(g = 0.5 + diag(0.5, 8, 8) |> named(levels(d$g)))),
    iterative = lmm(y ~ x + (1 | g) + (1 | h), d, control = lmm_control(solver = "iterative")),
    cells = lmm(y ~ x + (1 | g), cross_products(y ~ x + (1 | g), d))))
  p <- fits$plain
  others <- suppressMessages(list(
    VarCorr.lmm_fit = list(VarCorr(p), VarCorr(fits$slopes)),
    ranef.lmm_fit = list(ranef(p), ranef(fits$slopes, condVar = FALSE)),
    coef.lmm_fit = list(coef(p)), summary.lmm_fit = list(summary(p), summary(fits$slopes, ddf = NULL)),
    lmm_profile = list(profile(p)),
    lmm_bootstrap = list(bootstrap(p, nsim = 4, seed = 1)),
    bootstrap_test = list(bootstrap_test(p, update(p, . ~ . - x), nsim = 4, seed = 1)),
    backward.lmm_fit = list(backward(fits$ml)), ems = list(ems(y ~ f + (1 | g), d)), lmm_blocks = list(blocks(p)),
    ranova = list(ranova(p, mixture = TRUE)), rlrt = list(rlrt(p, nsim = 10, seed = 1)),
    variance_components = list(variance_components(p)),
    df_method = list(ddf_method("KR")), logLik = list(logLik(p)),
    coeftest.lmm_fit = if (requireNamespace("lmtest", quietly = TRUE)) list(lmtest::coeftest(p))))
  list(data = d, fits = fits, objects = c(list(lmm_fit = unname(fits)), others, later_fixtures(p, fits, d)))
}

named <- function(K, names) structure(K, dimnames = list(names, names))

# Objects of the classes that came later.
later_fixtures <- function(p, fits, d) {
  cp <- cross_products(y ~ x + (1 | g), d)
  draws <- suppressMessages(posterior(p, draws = 20, seed = 1))
  many <- refit(p, cbind(a = d$y, b = rev(d$y)))
  suppressMessages(list(
    cross_products = list(cp), summary.cross_products = list(summary(cp)),
    lmm_chunks = list(chunks(list(d[1:20, ], d))),
    sql_rows = if (requireNamespace("RSQLite", quietly = TRUE)) {
      con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
      DBI::dbWriteTable(con, "runs", penicillin)
      list(sql_rows(con, "runs"))
    },
    lmm_posterior = list(draws), summary_lmm_posterior = list(summary(draws)),
    posterior_quantity = list(quantity(draws, "icc")), lmm_prior = list(prior_half_t(3, scale = 10)),
    lmm_responses = list(many), summary.lmm_responses = list(summary(many)),
    gauge_rr = list(gauge_rr(lmm(y ~ 1 + (1 | g) + (1 | h), d), part = "g")),
    power_study = list(power_study(~ x + (1 | g), list(`48` = d), c("(Intercept)" = 0, x = 1, g = 1, sigma = 1),
                                   effects = list(x = c(0.2, 1)), nsim = 3, seed = 1)),
    group_influence = list(group_influence(p)), lmm_acf = list(nlme::ACF(fits$serial)),
    lmm_variogram = list(nlme::Variogram(fits$serial)), quantity_table = list(quantity(p, "icc")),
    contest_table = list(contest(p, c(0, 1), joint = FALSE)), lmm_comparison = list(anova(p, fits$ml)),
    lmm_log_likelihood = list(logLik(fits$iterative))))
}

# List of list(name, fun, formals, class): `class` says what the first argument is, NULL for functions that take none.
targets <- function() {
  space <- asNamespace("henderson")
  inner <- c("coef_covariance", "denominator_df", "method_fit", "needs_information", "prepare_method", "row_df",
             "set_options")
  registered <- getNamespaceInfo("henderson", "S3methods")
  methods <- lapply(seq_len(nrow(registered)), function(i) {
    generic <- sub("^.*::", "", registered[i, 1L])
    if (generic %in% inner || registered[i, 2L] == "default") return(NULL)
    found <- generic_of(registered[i, 1L], registered[i, 4L])
    if (is.null(found)) return(NULL)
    list(name = paste(generic, registered[i, 2L], sep = "."), fun = found, class = registered[i, 2L],
         formals = names(formals(get0(paste(generic, registered[i, 2L], sep = "."), space))))
  })
  exported <- lapply(sort(getNamespaceExports(space)), function(name) {
    fun <- getExportedValue("henderson", name)
    if (!identical(environment(fun), space) || any(grepl("^UseMethod", deparse(body(fun))[1L]))) return(NULL)
    first <- names(formals(fun))[1L]
    list(name = name, fun = fun, class = if (isTRUE(first %in% c("fit", "object", "large"))) "lmm_fit",
         formals = names(formals(fun)))
  })
  Filter(Negate(is.null), c(methods, exported))
}

generic_of <- function(generic, package) {
  if (grepl("::", generic, fixed = TRUE)) {
    package <- sub("::.*$", "", generic)
    generic <- sub("^.*::", "", generic)
  }
  if (is.na(package)) package <- "henderson"
  if (!requireNamespace(package, quietly = TRUE)) return(NULL)
  for (home in list(asNamespace(package), asNamespace("henderson"))) {
    found <- get0(generic, envir = home, mode = "function")
    if (!is.null(found) && !grepl(".lmm_fit", generic, fixed = TRUE)) return(found)
  }
}

# ---- wrong arguments ----

wrong_values <- function(fix) {
  setClass("FuzzS4", representation(a = "numeric"), where = globalenv())
  bad_text <- "a\xff\xfe"
  d <- fix$data
  list(NA, NA_integer_, NA_character_, NaN, NULL, Inf, -Inf, -1, 0, 1e300, -1e300, 1e-300, 0.5, 2L, 3,
       .Machine$integer.max, 1e10,
       c(1, 2), c(NA, 1), 1:100, numeric(), character(), logical(), c(TRUE, FALSE), TRUE, FALSE, "", "a", "nonsense",
       c("a", "b"), "\u00e9\u4e2d",
       bad_text, strrep("x", 1e4), list(), list(1, "a"), list(a = 1), quote(x), quote(x + y), quote((1 | g)),
       expression(a), y ~ x, ~ g, ~ nosuch,
       ~ ., y ~ x + (1 | g), y ~ x + (1 | nosuch), a ~ b ~ c, mean, function(...) stop("from a function"), function() 1,
       sum, globalenv(), new.env(),
       emptyenv(), factor("a"), factor(c("a", NA)), factor(), ordered(1:3), Sys.Date(), Sys.time(),
       as.POSIXlt(Sys.time()), as.difftime(1, units = "days"), 1i,
       raw(2), matrix(1:4, 2), matrix(numeric(), 0, 3), array(1:8, c(2, 2, 2)), matrix("a"), d, d[0, ], d[1, ], d["x"],
       data.frame(), as.list(d),
       lm(y ~ x, d), fix$fits$plain, fix$fits$slopes, methods::new("FuzzS4", a = 1), structure(1, class = "foo"),
       structure(list(), class = "lmm_fit"),
       structure(list(), class = c("lmm_fit", "lm")), as.name("g"), c(a = 1), c(x = NA), "KR", "Satterthwaite", "model",
       "x", "(Intercept)", ".sig01", "theta_",
       sqrt, I("a"), numeric_version("1.0"), globalenv, as.table(matrix(1:4, 2)), ts(1:5), diag(2), list(list(list())),
       pairlist(a = 1), baseenv(), TRUE + 0i)
}

unknown_names <- c("nonsense", "R", "B", "conf.level", "levels", "leve", "typ", "ddff", "data", "object", "x", "fit",
                   "method", "na.rm", "xlab", "main", "verbose")

# An expression for a wrong argument: a value kept in `scope`, or one that fails (primitives evaluate theirs first).
wrong_argument <- function(scope, values, may_fail = TRUE) {
  if (runif(1) < 0.04 && may_fail) return(quote(stop("thrown by an argument")))
  if (runif(1) < 0.02 && may_fail) return(quote(no_such_variable))
  value <- values[[sample.int(length(values), 1L)]]
  name <- paste0("v", length(ls(scope)) + 1L)
  assign(name, value, scope)
  as.name(name)
}

wrong_call <- function(target, fix, values) {
  scope <- new.env(parent = globalenv())
  list2env(list(f = target$fun, d = fix$data), scope)
  free <- setdiff(target$formals, "...")
  args <- list()
  if (!is.null(target$class)) {
    objects <- fix$objects[[target$class]]
    scope$object <- objects[[sample.int(length(objects), 1L)]]
    args <- list(quote(object))
    free <- free[-1L]
    if (target$fun_first_free && runif(1) < 0.15) args <- list(wrong_argument(scope, values))
  }
  for (name in sample(free, min(length(free),
                                sample(0:3, 1L, prob = c(1, 5, 3, 2))))) {
    args[[name]] <- wrong_argument(scope, values, !is.primitive(target$fun))
  }
  if (is.primitive(target$fun)) return(list(call = as.call(c(quote(f), args)), scope = scope))    # R counts for itself
  if (runif(1) < 0.15) {
    name <- sample(setdiff(unknown_names, c(names(args), target$formals)), 1L)
    args[[name]] <- wrong_argument(scope, values)
  }
  if (runif(1) < 0.08) args <- c(args, list(wrong_argument(scope, values)))
  list(call = as.call(c(quote(f), args)), scope = scope)
}

# ---- damaged fits ----

damages <- list(
  remove = function(x) NULL, text = function(x) "damaged", na = function(x) {
    if (is.atomic(x) && length(x)) replace(x, sample.int(length(x), 1L), NA) else NA
  },
  infinite = function(x) if (is.numeric(x) && length(x)) replace(x, sample.int(length(x), 1L), Inf) else Inf,
  short = function(x) if (length(x) && !is.symbol(x) && !is.function(x) &&
                          !is.environment(x)) x[-length(x)] else list(),
  long = function(x) if (is.vector(x)) c(x, x) else list(x, x),
  negative = function(x) if (is.numeric(x)) -1 - abs(x) else -1,
  list = function(x) list(x), character = function(x) if (is.atomic(x)) as.character(x) else "a",
  huge = function(x) if (is.numeric(x)) x * 1e300 else 1e300,
  empty = function(x) if (is.atomic(x)) x[0] else list(),
  bare = function(x) if (is.atomic(x) || is.list(x)) as.vector(x) else x, fun = function(x) mean,
  turned = function(x) if (is.matrix(x)) t(x) else rev(as.list(x)), env = function(x) new.env(),
  zero = function(x) if (is.numeric(x)) x * 0L else 0)

# A place in the nested list: indices of up to four levels.
random_place <- function(x) {
  place <- integer()
  repeat {
    place <- c(place, sample.int(length(x), 1L))
    x <- x[[place[length(place)]]]
    if (!is.list(x) || !length(x) || length(place) > 3L || runif(1) < 0.2) return(place)
  }
}

damaged_fit <- function(fix) {
  fit <- fix$fits[[sample.int(length(fix$fits), 1L)]]
  whole <- unclass(fit)
  kind <- runif(1)
  if (kind < 0.12) return(foreign_fit(fit, fix))
  for (k in seq_len(sample(1:2, 1L, prob = c(4, 1)))) {
    place <- tryCatch(random_place(whole), error = function(e) 1L)
    new <- if (runif(1) < 0.15) tryCatch(unclass(fix$fits[[sample.int(length(fix$fits),
                                                                      1L)]])[[place]], error = function(e) NULL)
           else tryCatch(damages[[sample.int(length(damages), 1L)]](whole[[place]]), error = function(e) NULL)
    whole <- tryCatch({
      whole[[place]] <- new
      whole
    }, error = function(e) whole)
  }
  structure(whole, class = "lmm_fit")
}

foreign_fit <- function(fit, fix) {
  version <- function(value) structure(replace(unclass(fit), "version", list(value)), class = "lmm_fit")
  sample(list(structure(list(), class = "lmm_fit"), structure(1:3, class = "lmm_fit"),
              structure("a", class = "lmm_fit"), structure(new.env(), class = "lmm_fit"),
              structure(lm(y ~ x, fix$data), class = "lmm_fit"), structure(function() 1, class = "lmm_fit"),
              version("99.0"), version(NULL), version("x"),
              version(NA), version(1), version("0.0.1"), structure(unclass(fit)[1:4], class = "lmm_fit"),
              structure(rev(unclass(fit)), class = "lmm_fit"),
              structure(unclass(fit), class = c("lmm_fit", "lm")), structure(unname(unclass(fit)), class = "lmm_fit"),
              structure(lapply(unclass(fit), function(x) NULL), class = "lmm_fit"),
              structure(as.pairlist(unclass(fit)), class = "lmm_fit")), 1L)[[1L]]
}

damaged_call <- function(target, fix) {
  scope <- new.env(parent = globalenv())
  list2env(list(f = target$fun, d = fix$data, object = damaged_fit(fix)), scope)
  needed <- list(contest = quote(c(0, 1)), predictable = quote(c(0, 1)), getME = "ALL", refit = quote(d$y),
                 predict = NULL, update = quote(. ~ .))
  extra <- needed[[sub("[.]lmm_fit$", "", target$name)]]
  args <- c(list(quote(object)), if (!is.null(extra)) list(extra))
  small <- intersect(c("nsim"), target$formals)
  if (length(small)) args$nsim <- 3
  if (target$name %in% c("bootstrap_test",
                         "anova.lmm_fit") && runif(1) < 0.7) args <- append(args, list(quote(object)), 1L)
  if (target$name == "quantity") args <- append(args, "icc", 1L)
  if (target$name == "predict.lmm_fit" && runif(1) < 0.5) args$newdata <- quote(d)
  list(call = as.call(c(quote(f), args)), scope = scope)
}

# ---- one process ----

outcome_of <- function(made, limit) {
  warned <- NULL
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  sink(nullfile())
  on.exit(sink(), add = TRUE)
  setTimeLimit(elapsed = limit, transient = TRUE)
  on.exit(setTimeLimit(), add = TRUE)
  result <- tryCatch(withCallingHandlers({
    value <- eval(made$call, made$scope)
    if (runif(1) < 0.3) print(value)
    "ok"
  }, warning = function(w) {
    if (!inherits(w, "lmm_condition")) warned <<- conditionMessage(w)
    tryInvokeRestart("muffleWarning")
  }, message = function(m) tryInvokeRestart("muffleMessage")), error = identity)
  setTimeLimit()
  kind <- if (identical(result, "ok")) "ok"
          else if (grepl("reached elapsed time limit", conditionMessage(result))) "limit"
          else if (inherits(result, "lmm_error_internal")) "internal"
          else if (inherits(result, "lmm_error")) "refused"
          else if (is_of_r(result)) "dispatch" else "raw"
  text <- if (kind %in% c("raw", "internal", "limit")) conditionMessage(result) else ""
  list(kind = kind, text = text, warned = warned)
}

# R itself refuses a call before a method of ours has it: arguments that the generic lacks, no method for an object.
is_of_r <- function(e) {
  call <- conditionCall(e)
  is.call(call) && (identical(call[[1L]], as.name("f")) || identical(call[[1L]], as.name("UseMethod")))
}

shown_call <- function(made) {
  parts <- vapply(as.list(made$call)[-1L], function(e) {
    value <- if (is.symbol(e)) get0(as.character(e), made$scope) else e
    paste(substr(paste(tryCatch(deparse(value, nlines = 2L), error = function(e) "?"), collapse = " "), 1L, 60L))
  }, "")
  names <- names(made$call)[-1L]
  if (is.null(names)) names <- character(length(parts))
  paste(ifelse(nzchar(names), paste0(names, " = "), ""), parts, sep = "", collapse = ", ")
}

clean <- function(text) gsub("[\t\n\r]+", " ", iconv(text, "", "ASCII", sub = "?"))

work <- function(options) {
  suppressMessages(library(henderson))
  fix <- fixtures()
  all <- targets()
  values <- wrong_values(fix)
  lacking <- setdiff(unlist(lapply(all, `[[`, "class")), names(fix$objects))
  if (length(lacking)) stop("fixtures() has no object of class ", paste(lacking, collapse = ", "), call. = FALSE)
  log <- file(options$log, "a")
  for (i in options$from:options$to) {
    set.seed(options$seed * 1e6 + i)
    chosen <- all
    if (options$worker == "damaged") chosen <- Filter(function(t) identical(t$class, "lmm_fit"), all)
    target <- chosen[[sample.int(length(chosen), 1L)]]
    target$fun_first_free <- target$name %in% getNamespaceExports("henderson")
    cat("start", i, target$name, "\n", file = log, sep = "\t")
    flush(log)
    made <- if (options$worker == "damaged") damaged_call(target, fix) else wrong_call(target, fix, values)
    out <- outcome_of(made, options$limit)
    shown <- if (out$kind %in% c("ok", "refused") &&
                 is.null(out$warned)) "" else tryCatch(shown_call(made), error = function(e) "?")
    cat("end", i, target$name, out$kind, clean(out$text), clean(paste(out$warned)), clean(shown), "\n", file = log,
        sep = "\t")
    flush(log)
  }
}

# ---- all of them ----

# Processes of 250 calls; one that ends or hangs is started again behind the call that did it.
run <- function(worker, count, options) {
  log <- tempfile()
  script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  from <- 1
  lost <- character()
  while (from <= count) {
    to <- min(from + 249, count)
    status <- suppressWarnings(system2(file.path(R.home("bin"), "Rscript"),
                                       c(script, paste0("--worker=", worker), paste0("--from=", from),
                                         paste0("--to=", to),
      paste0("--seed=", options$seed), paste0("--limit=", options$limit), paste0("--log=", log)), stdout = FALSE,
      stderr = FALSE,
      timeout = 120 + 250 * options$limit / 4))
    if (!file.exists(log)) stop("no process starts: see bench/fuzz.R --worker=wrong --from=1 --to=1", call. = FALSE)
    last <- utils::tail(readLines(log), 1L)
    done <- as.numeric(strsplit(last, "\t")[[1L]][2L])
    if (startsWith(last, "start")) lost <- c(lost, paste(if (status == 124) "hang" else "crash", last))
    from <- if (status == 0 && !startsWith(last, "start")) to + 1 else done + 1
  }
  lines <- strsplit(grep("^end", readLines(log), value = TRUE), "\t")
  field <- function(k) vapply(lines, function(line) if (length(line) >= k) line[k] else "", "")
  list(calls = data.frame(call = as.numeric(field(2L)), name = field(3L), kind = field(4L), text = field(5L),
                          warned = field(6L), shown = field(7L)),
       lost = lost)
}

report <- function(title, found) {
  calls <- found$calls
  cat("\n", title, ": ", nrow(calls) + length(found$lost), " calls\n", sep = "")
  print(table(factor(calls$kind, c("ok", "refused", "internal", "raw", "dispatch", "limit"))))
  cat("crashes and hangs:", length(found$lost), "\nwarnings of other packages:", sum(nzchar(calls$warned)), "\n")
  writeLines(found$lost)
  bad <- calls[calls$kind %in% c("raw", "internal", "limit") | nzchar(calls$warned), ]
  if (nrow(bad)) {
    print(table(bad$name, ifelse(bad$kind %in% c("ok", "refused"), "warning", bad$kind)))
    cat(sprintf("%d %s(%s)\n   %s: %s %s", bad$call, bad$name, bad$shown, bad$kind, bad$text,
                ifelse(nzchar(bad$warned), paste("[warning:", bad$warned, "]"), "")), sep = "\n")
  }
  !length(found$lost) && !any(calls$kind == "raw")
}

options <- arguments()
if (nzchar(options$worker)) {
  work(options)
} else {
  good <- c(if (options$calls) report("wrong arguments", run("wrong", options$calls, options)),
            if (options$damaged) report("damaged fits", run("damaged", options$damaged, options)))
  quit(status = !all(good))
}
