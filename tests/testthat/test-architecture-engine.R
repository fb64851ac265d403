# Rules of vignettes/architecture.Rmd for the C++ engine and its boundary: lengths, and what only converts.

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
  body <- exported_bodies(c("// [[Rcpp::export(rng = false)]]", "SEXP f() {", "  for (int i = 0; i < 3; ++i) g();",
                            "}"))
  expect_length(body, 1L)
  expect_length(grep("\\bfor *\\(", body[[1L]]), 1L)
})
