# PostgreSQL servers on loopback for the tests: one coordinator and two shards. They live in a temporary directory, and
# end with the tests.

postgres_programs <- function() {
  found <- c(dirname(Sys.which("initdb")), Sys.glob("/usr/lib/postgresql/*/bin"),
             Sys.glob("/usr/local/opt/postgresql*/bin"))
  found <- found[nzchar(found) & file.exists(file.path(found, "initdb"))]
  if (length(found)) rev(found)[1L]
}

# Servers refuse to be run by root: another user does it, if there is one.
as_server_user <- function(command) {
  if (!identical(unname(Sys.info()["effective_user"]), "root")) return(system(command, ignore.stdout = TRUE,
                                                                              ignore.stderr = TRUE))
  system(paste("runuser -u postgres -- sh -c", shQuote(command)), ignore.stdout = TRUE, ignore.stderr = TRUE)
}

start_postgres <- function(count = 3L) {
  bin <- postgres_programs()
  if (is.null(bin) || !requireNamespace("RPostgres", quietly = TRUE)) return(NULL)
  root <- tempfile("postgres")
  dir.create(root)
  Sys.chmod(c(dirname(root), root), "0777", use_umask = FALSE)
  first <- 20000L + Sys.getpid() %% 20000L
  servers <- lapply(seq_len(count), function(k) {
    list(bin = bin, root = root, data = file.path(root, paste0("data", k)), port = first + k)
  })
  for (server in servers) {
    options <- paste0("-p ", server$port, " -c listen_addresses=localhost -c unix_socket_directories=", root,
                      " -c fsync=off -c shared_buffers=16MB")
    started <- as_server_user(paste0(bin, "/initdb -D ", server$data,
                                     " -A trust -U tester --locale=C.UTF-8 -E UTF8 && ", bin, "/pg_ctl -D ",
                                     server$data,
                                     " -w -l ", server$data, ".log -o '", options, "' start"))
    if (started != 0) {
      stop_postgres(servers)
      return(NULL)
    }
  }
  servers
}

stop_postgres <- function(servers) {
  for (server in servers) as_server_user(paste0(server$bin, "/pg_ctl -D ", server$data, " -m immediate stop"))
  unlink(servers[[1L]]$root, recursive = TRUE)
}

connect_postgres <- function(server) {
  DBI::dbConnect(RPostgres::Postgres(), host = "localhost", port = server$port, user = "tester", dbname = "postgres")
}
