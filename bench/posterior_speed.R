# posterior() beside 'MCMCglmm' under the same priors: Rscript bench/posterior_speed.R [--runs=3] [CASE ...]
#
# Both sides run in one process and take turns. A figure is the least bulk effective size (Vehtari et al. 2021) of all
# variance parameters in one chain per second of CPU time (one thread), set-up included; the peer keeps every iteration
# after a burn-in of 1000 that is not counted against it. Also printed: how far posterior means are apart, in Monte
# Carlo standard errors.

library(henderson)
if (!requireNamespace("MCMCglmm", quietly = TRUE)) stop("needs package 'MCMCglmm'", call. = FALSE)

arguments <- commandArgs(TRUE)
runs <- as.integer(c(sub("--runs=", "", grep("^--runs=", arguments, value = TRUE)), 3)[1L])
wanted <- arguments[!startsWith(arguments, "--")]
ess_bulk <- henderson:::ess_bulk
ess_mean <- henderson:::ess_mean
peer_data <- function(name) {
  space <- new.env()
  utils::data(list = name, package = "lme4", envir = space)
  space[[name]]
}

weak <- list(V = 1, nu = 0.002)
cases <- list(
  penicillin = list(fit = lmm(yield ~ treat + (1 | blend), penicillin), draws = 1e5,
                    prior = prior_inverse_wishart(1, 0.002), fixed = yield ~ treat, random = ~ blend,
                    peer = list(R = weak, G = list(G1 = weak)), data = penicillin, iterations = 20000),
  sleepstudy_matched = list(fit = lmm(Reaction ~ Days + (Days | Subject), peer_data("sleepstudy")), draws = 4e5,
                            prior = list(prior_inverse_wishart(diag(c(600, 35)), 3),
                                         residual = prior_inverse_wishart(1, 0.002)), fixed = Reaction ~ Days,
                            random = ~ us(1 + Days):Subject,
                            peer = list(R = weak, G = list(G1 = list(V = diag(c(600, 35)), nu = 3))),
                            data = peer_data("sleepstudy"),
                            iterations = 20000),
  sleepstudy_unit = list(fit = lmm(Reaction ~ Days + (Days | Subject), peer_data("sleepstudy")), draws = 1e5,
                         prior = list(prior_inverse_wishart(diag(2), 3), residual = prior_inverse_wishart(1, 0.002)),
                         fixed = Reaction ~ Days,
                         random = ~ us(1 + Days):Subject,
                         peer = list(R = weak, G = list(G1 = list(V = diag(2), nu = 3))),
                         data = peer_data("sleepstudy"),
                         iterations = 50000),
  crossed = list(fit = lmm(diameter ~ 1 + (1 | plate) + (1 | sample), peer_data("Penicillin")), draws = 2e5,
                 prior = prior_inverse_wishart(1, 0.002),
                 fixed = diameter ~ 1, random = ~ plate + sample, peer = list(R = weak, G = list(G1 = weak, G2 = weak)),
                 data = peer_data("Penicillin"), iterations = 20000),
  singular = list(fit = suppressMessages(lmm(Yield ~ 1 + (1 | Batch), peer_data("Dyestuff2"))), draws = 1e5,
                  prior = prior_inverse_wishart(1, 0.1), fixed = Yield ~ 1,
                  random = ~ Batch, peer = list(R = list(V = 1, nu = 0.1), G = list(G1 = list(V = 1, nu = 0.1))),
                  data = peer_data("Dyestuff2"), iterations = 50000))
# Blue tits of a pedigree (data of 'MCMCglmm'), parents before their offspring.
bird_data <- function(name) {
  space <- new.env()
  utils::data(list = name, package = "MCMCglmm", envir = space)
  space[[name]]
}
if ("animals" %in% wanted) {
  birds <- bird_data("BTdata")
  parents <- bird_data("BTped")
  relatives <- henderson::pedigree(parents$animal, parents$sire, parents$dam)
  cases$animals <- list(fit = lmm(tarsus ~ sex + (1 | animal) + (1 | fosternest), birds,
                                  relationship = list(animal = relatives)), draws = 20000,
                        prior = prior_inverse_wishart(0.3, 3), fixed = tarsus ~ sex, random = ~ animal + fosternest,
                        peer = list(R = list(V = 0.3, nu = 3), G = list(G1 = list(V = 0.3, nu = 3),
                                                                       G2 = list(V = 0.3, nu = 3))),
                        data = birds, iterations = 4000, pedigree = parents)
}
if ("insteval" %in% wanted) {
  cases$insteval <- list(fit = lmm(y ~ 1 + (1 | s) + (1 | d) + (1 | dept), peer_data("InstEval")), draws = 4000,
                         prior = prior_inverse_wishart(1, 0.002), fixed = y ~ 1,
                         random = ~ s + d + dept, peer = list(R = weak, G = list(G1 = weak, G2 = weak, G3 = weak)),
                         data = peer_data("InstEval"), iterations = 200, burnin = 50)
}
if (length(wanted)) cases <- cases[wanted]

seconds <- function(expr) {
  began <- proc.time()
  value <- expr
  used <- proc.time() - began
  list(value = value, time = used[["user.self"]] + used[["sys.self"]])
}

# Variances and covariances of our draws in the order of the peer's columns.
own_variances <- function(case, draws) {
  frame <- as.data.frame(draws)
  sd <- as.matrix(frame[grep("^sd__", names(frame))])
  if (!any(startsWith(names(frame), "cor__"))) return(cbind(sd^2, frame$sigma^2))
  cov <- frame[[grep("^cor__", names(frame))]] * sd[, 1L] * sd[, 2L]
  cbind(sd[, 1L]^2, cov, cov, sd[, 2L]^2, frame$sigma^2)
}

run_case <- function(name, case) {
  burnin <- if (is.null(case$burnin)) 1000 else case$burnin
  ratios <- vapply(seq_len(runs), function(run) {
    gc()
    own <- seconds(posterior(case$fit, case$draws, case$prior, chains = 1, random = FALSE, seed = run,
                             threads = 1))
    ours <- own_variances(case, own$value)
    gc()
    set.seed(run)
    peer <- seconds(MCMCglmm::MCMCglmm(case$fixed, random = case$random, data = case$data, prior = case$peer,
                                       pedigree = case$pedigree,
                                       nitt = case$iterations + burnin, burnin = burnin, thin = 1,
                                       verbose = FALSE))
    theirs <- as.matrix(peer$value$VCV)
    theirs <- theirs[, !duplicated(colnames(theirs)) | TRUE, drop = FALSE]
    least <- function(M) min(apply(M, 2L, function(x) ess_bulk(matrix(x))))
    share <- case$iterations / (case$iterations + burnin)
    one <- least(ours)
    two <- least(theirs)
    error <- function(M) apply(M, 2L, function(x) stats::sd(x) / sqrt(ess_mean(matrix(x))))
    z <- (colMeans(log(abs(ours))) - colMeans(log(abs(theirs)))) / sqrt(error(log(abs(ours)))^2 +
                                                                        error(log(abs(theirs)))^2)
    cat(sprintf(paste("%-20s ours %6.2f s, ess %8.0f of %d, %9.0f per s | peer %6.2f s, ess %7.0f of %d, %8.1f per s",
                      "| ratio %7.1f | largest z of means of logs %.1f\n"), name, own$time, one,
                case$draws, one / own$time, peer$time, two, case$iterations, two / (peer$time * share),
                one / own$time / (two / (peer$time * share)), max(abs(z))))
    one / own$time / (two / (peer$time * share))
  }, 0)
  cat(sprintf("%-20s median ratio %.1f\n", name, stats::median(ratios)))
}

for (name in names(cases)) run_case(name, cases[[name]])
