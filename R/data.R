# Help pages of the data sets.

#' Penicillin production
#'
#' Yield of penicillin by four production processes in five blends of corn steep
#' liquor: a randomized complete block design with the blends as blocks.
#'
#' @format A data frame with 20 rows and 3 columns:
#' \describe{
#'   \item{treat}{production process, a factor with levels `A` to `D`}
#'   \item{blend}{blend of raw material, a factor with levels `Blend1` to `Blend5`}
#'   \item{yield}{yield of penicillin}
#' }
#' @source Box, G. E. P., Hunter, W. G. and Hunter, J. S. (1978) *Statistics for
#'   Experimenters*, Wiley. Distributed as `penicillin` in the package 'faraway',
#'   the companion of Faraway, J. J. (2006) *Extending the Linear Model with R*,
#'   Chapman & Hall/CRC.
#' @examples
#' lmm(yield ~ treat + (1 | blend), penicillin)
"penicillin"

#' Brightness of paper pulp
#'
#' Brightness of paper made by four shift operators, five sheets each: a one-way
#' random-effects layout.
#'
#' @format A data frame with 20 rows and 2 columns:
#' \describe{
#'   \item{bright}{brightness of the sheet}
#'   \item{operator}{operator, a factor with levels `a` to `d`}
#' }
#' @source Sheldon, F. (1960) Statistical techniques applied to production
#'   situations. *Industrial and Engineering Chemistry* 52, 507--509. Distributed
#'   as `pulp` in the package 'faraway', the companion of Faraway, J. J. (2006)
#'   *Extending the Linear Model with R*, Chapman & Hall/CRC.
#' @examples
#' lmm(bright ~ 1 + (1 | operator), pulp)
"pulp"

#' Irrigation and variety in a split-plot field trial
#'
#' Eight fields, each under one of four irrigation methods; each field is split
#' between two varieties of the crop.
#'
#' @format A data frame with 16 rows and 4 columns:
#' \describe{
#'   \item{field}{field (whole plot), a factor with levels `f1` to `f8`}
#'   \item{irrigation}{irrigation method, a factor with levels `i1` to `i4`}
#'   \item{variety}{variety of the crop, a factor with levels `v1` and `v2`}
#'   \item{yield}{yield of the half field}
#' }
#' @source Distributed as `irrigation` in the package 'faraway', the companion of
#'   Faraway, J. J. (2006) *Extending the Linear Model with R*, Chapman & Hall/CRC.
#' @examples
#' lmm(yield ~ irrigation * variety + (1 | field), irrigation)
"irrigation"

#' Growth of the skull of rats under testosterone suppression
#'
#' Height of the skull, in pixels of an X-ray picture, of 50 male rats treated from
#' the age of 45 days with a low or a high dose of decapeptyl, which suppresses
#' testosterone, or not treated. Up to seven measurements per rat, 252 in all.
#'
#' @format A data frame with 252 rows and 5 columns:
#' \describe{
#'   \item{Treatment}{a factor with levels `con` (control), `hig` and `low` (dose)}
#'   \item{rat}{number of the rat, a factor with 50 levels}
#'   \item{age}{age in days}
#'   \item{y}{height of the skull in pixels}
#'   \item{t}{`log(1 + (age - 45) / 10)`, the transformed age of the published model}
#' }
#' @source Verdonck, A., De Ridder, L., Verbeke, G., Bourguignon, J. P., Carels, C.,
#'   Kuhn, E. R., Darras, V. and de Zegher, F. (1998) Comparative effects of neonatal
#'   and prepubertal castration on craniofacial growth in rats. *Archives of Oral
#'   Biology* 43, 861--871. Analysed in Verbeke, G. and Molenberghs, G. (2000)
#'   *Linear Mixed Models for Longitudinal Data*, Springer.
#' @examples
#' lmm(y ~ t:Treatment + (1 | rat), rats)
"rats"

#' Water use of young and old trees of two species
#'
#' Water use of 40 trees, ten for each combination of two species and two ages,
#' each measured on 26 days.
#'
#' @format A data frame with 1040 rows and 5 columns:
#' \describe{
#'   \item{species}{a factor with levels `S1` and `S2`}
#'   \item{age}{age group, a factor with levels `A1` (young) and `A2` (old)}
#'   \item{tree}{tree, a factor with levels `T01` to `T72`}
#'   \item{day}{day of the year}
#'   \item{water}{water use, with missing values}
#' }
#' @source Schabenberger, O. and Pierce, F. J. (2001) *Contemporary Statistical
#'   Models for the Plant and Soil Sciences*, CRC Press. Distributed as
#'   `harris.wateruse` in the package 'agridat'.
#' @examples
#' old <- subset(wateruse, age == "A2" & species == "S2" & day != 268)
#' old <- transform(old, ti = day / 100)
#' lmm(water ~ ti + I(ti^2) + (1 + ti + I(ti^2) || tree), old)
"wateruse"

#' Birth weights of calves from five sires
#'
#' Birth weights of the calves of five sires, each mated to a separate group of
#' eight dams: the genetic one-way random-effects layout.
#'
#' @format A data frame with 40 rows and 2 columns:
#' \describe{
#'   \item{sire}{number of the sire, a factor with 5 levels}
#'   \item{bw}{birth weight in pounds}
#' }
#' @source Osborne, J. A., *Mixed Effects Models*, lecture notes of the course
#'   ST 518, North Carolina State University.
#' @examples
#' lmm(bw ~ 1 + (1 | sire), sires)
"sires"

#' Simulated split plot
#'
#' A balanced split plot: whole plots in four randomized complete blocks have the levels of `a`, their halves those of
#' `b`. It has served since 1989 to explain narrow, intermediate and broad inference.
#'
#' @format A data frame with 24 rows and 4 columns:
#' \describe{
#'   \item{block}{block, a factor with levels `1` to `4`}
#'   \item{a}{whole-plot factor with levels `1` to `3`}
#'   \item{b}{subplot factor with levels `1` and `2`}
#'   \item{y}{response}
#' }
#' @source Stroup, W. W. (1989) Predictable functions and prediction space in the mixed model procedure. In
#'   *Applications of Mixed Models in Agriculture and Related Disciplines*, Southern Cooperative Series Bulletin 343,
#'   39--48. Used in the example *Split-Plot Design* of PROC MIXED in the *SAS/STAT User's Guide*.
#' @examples
#' fit <- lmm(y ~ a * b + (1 | block) + (1 | a:block), splitplot)
#' anova(fit, ddf = "containment")
#' predictable(fit, c(1, 0, 0, 0.5, 0, 0))                                   # mean of a1, broad
#' blocks_alike <- list(block = c("1" = 1, "2" = 1, "3" = 1, "4" = 1) / 4)
#' predictable(fit, c(1, 0, 0, 0.5, 0, 0), blocks_alike)                     # intermediate
"splitplot"

#' Measurements in an oven experiment
#'
#' An unbalanced two-way layout, used since 1973 to compare estimates of variance components.
#'
#' @format A data frame with 16 rows and 3 columns:
#' \describe{
#'   \item{a}{fixed factor with levels `1` to `3`}
#'   \item{b}{random factor with levels `1` and `2`}
#'   \item{y}{response}
#' }
#' @source Hemmerle, W. J. and Hartley, H. O. (1973) Computing maximum likelihood estimates for the mixed A.O.V. model
#'   using the W transformation. *Technometrics* 15, 819--831. Used in examples of PROC VARCOMP and PROC MIXED in the
#'   *SAS/STAT User's Guide*.
#' @examples
#' ems(y ~ a + (1 | b) + (1 | a:b), oven, type = 1)
#' variance_components(lmm(y ~ a + (1 | b) + (1 | a:b), oven))
"oven"

#' Heights in four families
#'
#' Heights of 18 persons of four families.
#'
#' @format A data frame with 18 rows and 3 columns:
#' \describe{
#'   \item{family}{family, a factor with levels `1` to `4`}
#'   \item{gender}{a factor with levels `F` and `M`}
#'   \item{height}{height in inches}
#' }
#' @source The introductory example of PROC MIXED in the *SAS/STAT User's Guide*.
#' @examples
#' fit <- lmm(height ~ gender + (1 | family) + (1 | family:gender), heights)
#' anova(fit, ddf = "containment")
"heights"

#' Stability of three batches of a drug
#'
#' Replicate assays of three batches at six ages: a regression on time whose intercept (initial potency) and slope
#' (rate of degradation) vary from batch to batch. The data were simulated.
#'
#' @format A data frame with 84 rows and 3 columns:
#' \describe{
#'   \item{batch}{batch, a factor with levels `1` to `3`}
#'   \item{month}{age in months}
#'   \item{y}{assay in percent of the claim on the label}
#' }
#' @source Obenchain, R. L. (1990) *STABLSIM.EXE, Version 9010*, Eli Lilly and Company, Indianapolis. Used in the
#'   example *Random Coefficients* of PROC MIXED in the *SAS/STAT User's Guide*.
#' @examples
#' fit <- lmm(y ~ month + (month | batch), stability)
#' summary(fit, ddf = "containment")
"stability"
