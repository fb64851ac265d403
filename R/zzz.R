# After all functions are there: see guard.R.
guard_doors(environment())
