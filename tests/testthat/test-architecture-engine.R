# Rules of vignettes/architecture.Rmd for the C++ engine and its boundary: lengths, regimes, limits, what only converts.

source_file <- function(...) {
  root <- test_path("..", "..")
  skip_if(!dir.exists(file.path(root, "src")), "needs the source tree")
  file.path(root, ...)
}

engine_files <- function() {
  files <- list.files(source_file(c("src/engine", "inst/include/henderson")), "\\.[ch]pp$", recursive = TRUE,
                      full.names = TRUE)
  files[basename(dirname(files)) != "engine"]      # those that only join others
}

boundary_files <- function() list.files(source_file("src"), "^engine_.*\\.cpp$", full.names = TRUE)

# Without comments, directives, and the contents of strings and characters.
plain_code <- function(lines) {
  lines <- sub("//.*", "", gsub("\"([^\"\\\\]|\\\\.)*\"|'([^'\\\\]|\\\\.)'", "\"\"", lines))
  sub("^\\s*#.*", "", lines)
}

# Does what stands before an opening brace begin a function?
begins_function <- function(head) {
  grepl("\\)\\s*(const|noexcept|override|final|->[^()]*|\\s)*(:[^:].*)?$", head) &&
    !grepl("^\\s*(if|else|for|while|switch|do|catch|return|namespace|struct|class|enum|union)\\b", head) &&
    !grepl("=|\\[", sub("\\(.*", "", head))
}

# Lines of each function, from its head to its closing brace.
function_lines <- function(lines) {
  text <- plain_code(lines)
  pieces <- regmatches(text, gregexpr("[{};]|[^{};]+", text))
  line <- rep(seq_along(text), lengths(pieces))
  pieces <- unlist(pieces)
  head <- ""
  begun <- 0L
  open <- list()
  out <- stats::setNames(integer(), character())
  for (k in seq_along(pieces)) {
    piece <- pieces[k]
    if (piece == "{") {
      open <- c(open, list(list(head = head, begun = begun)))
    } else if (piece == "}") {
      last <- open[[length(open)]]
      open <- open[-length(open)]
      if (begins_function(last$head)) out[trimws(last$head)] <- line[k] - last$begun + 1L
    } else if (piece != ";") {
      if (!nzchar(trimws(head)) && nzchar(trimws(piece))) begun <- line[k]
      head <- paste(head, piece)
    }
    if (piece %in% c("{", "}", ";")) head <- ""
  }
  out
}

test_that("functions of the engine and its boundary have at most 60 lines", {
  files <- c(engine_files(), list.files(source_file("src"), "\\.(cpp|h)$", full.names = TRUE))
  for (file in files[basename(files) != "RcppExports.cpp"]) {
    lengths <- function_lines(readLines(file, warn = FALSE))
    expect_identical(names(lengths)[lengths > 60L], character(), label = basename(file))
  }
})

# Lines of a set of files that match, as "file: line".
matching <- function(files, pattern) {
  unlist(lapply(files, function(file) {
    found <- grep(pattern, plain_code(readLines(file, warn = FALSE)), value = TRUE, perl = TRUE)
    if (length(found)) paste0(basename(file), ": ", trimws(found))
  }))
}

by_flag <- "rest\\.columns\\(\\) *(>|==|!=) *0|\\b(problem_?|pr_?)\\.root\\b|holds_alternative<(?!Rooted>|OneFactor>)"
asked <- "holds_alternative|get_if<Rooted>"

test_that("how a likelihood is computed is a type, and no flag is asked for it", {
  expect_null(matching(engine_files(), sub("\\|holds.*", "", by_flag)))
  expect_null(matching(boundary_files(), by_flag))
  asking <- unique(sub(":.*", "", matching(engine_files(), asked)))
  expect_setequal(asking, c("problem.hpp", "problem.cpp", "gradient.cpp", "effect_draws.cpp"))
})

# Widths of blocks and batches, counts of steps and samples change no method.
widths <- paste0("k(Batch|Leaf|Depth|Height|Width|Strip|SharedRows|QrPanel|Lanes|LaneNumbers|BlocksPerThread|Levels|",
                 "FewLevels|FewRows|MostDirections)\\b")

test_that("sizes at which another method is taken stand in limits.hpp", {
  files <- engine_files()
  files <- files[basename(files) != "limits.hpp"]
  found <- matching(files, "constexpr (Index|std::int64_t) k[A-Z]")
  expect_identical(grep(widths, found, value = TRUE, invert = TRUE), character())
  sizes <- "(columns|levels|rows|effects|entries)(\\(\\))? *[<>]=? *[0-9]{3,}\\b"
  expect_null(matching(files, sizes))
})

test_that("what is unknown is std::nullopt, not -1 or a large number", {
  headers <- grep("\\.hpp$", engine_files(), value = TRUE)
  expect_identical(matching(headers, "^\\s+(int|Index|double) \\w+ = -1;|1e300"), "layout.hpp: int lead = -1;")
})

# Two types of one name in one namespace are one type to the linker, which takes the destructor of either.
test_that("no two headers define types of the same name", {
  headers <- grep("\\.hpp$", engine_files(), value = TRUE)
  defined <- unlist(lapply(headers, function(file) {
    lines <- readLines(file, warn = FALSE)
    found <- regmatches(lines, regexpr("^(struct|class|enum class) \\w+(?=[^;]*\\{)", lines, perl = TRUE))
    inner <- grep("^namespace [a-z]+ \\{", setdiff(lines, "namespace henderson {"), value = TRUE)
    paste0(inner[length(inner) > 0L][1L], sub(".* ", "", found), recycle0 = TRUE)
  }))
  expect_identical(defined[duplicated(defined)], character())
})

# The bodies of exported functions.
exported_bodies <- function(lines) {
  at <- grep("^// \\[\\[Rcpp::export", lines)
  ends <- grep("^}|^\\w.*}$", lines)
  lapply(at, function(i) lines[i:min(ends[ends > i])])
}

test_that("exported functions of the boundary convert and call, without loops or algebra", {
  pattern <- "\\b(for|while) *\\(|\\.(transpose|solve|squaredNorm|triangularView|cwiseProduct|dot)\\("
  for (file in boundary_files()) {
    for (body in exported_bodies(readLines(file, warn = FALSE))) {
      expect_identical(grep(pattern, plain_code(body), value = TRUE), character(), label = basename(file))
    }
  }
})

test_that("the rules above see what breaks them", {
  long <- c("int f(int x) {", rep("  x += 1;", 60), "  return x;", "}",
            "struct A {", "  int g() const { return 1; }", "};")
  expect_identical(unname(function_lines(long)), c(63L, 1L))
  file <- tempfile(fileext = ".cpp")
  on.exit(unlink(file))
  writeLines(c("if (problem.rest.columns() > 0) return;", "// rest.columns() == 0", "if (levels > 2000) return;"), file)
  expect_length(matching(file, by_flag), 1L)
  expect_length(matching(file, "levels *> *[0-9]{3,}"), 1L)
  body <- exported_bodies(c("// [[Rcpp::export(rng = false)]]", "SEXP f() {", "  for (int i = 0; i < 3; ++i) g();",
                            "}"))
  expect_length(body, 1L)
  expect_length(grep("\\bfor *\\(", body[[1L]]), 1L)
})
