# Three small published analyses from start to end. Run by `make demo`.

library(henderson)

heading <- function(text) cat("\n", strrep("=", 78), "\n", text, "\n", strrep("=", 78), "\n\n", sep = "")

show_fit <- function(fit) {
  print(summary(fit))
  cat("\nVariance components:\n")
  print(VarCorr(fit))
  cat("\nPredicted random effects:\n")
  print(ranef(fit))
}

heading("Paper pulp: does brightness vary between the operators?  One-way random effects")
show_fit(lmm(bright ~ 1 + (1 | operator), data = pulp))

heading("Penicillin: four processes in five blends.  Randomized blocks")
show_fit(lmm(yield ~ treat + (1 | blend), data = penicillin))

heading("Irrigation: four methods on fields, two varieties within fields.  Split plot")
show_fit(lmm(yield ~ irrigation * variety + (1 | field), data = irrigation))
