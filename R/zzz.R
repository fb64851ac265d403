# After all functions are there: see guard.R.
guard_exports(environment())
