// Package embedded runs a PostgreSQL server as a child process, for development and tests, without
// any configuration.
//
//	server, err := embedded.Start(ctx, embedded.Options{Dir: ".data/postgres"})
//	if err != nil {
//		return err
//	}
//	defer server.Stop(context.WithoutCancel(ctx))
//	db, err := sql.Open("postgres", server.DSN("postgres"))
//
// The server binaries are those of the machine, else downloaded ones. The server listens on a free
// port of the loopback interface and has a random password. It ends with this process, even after
// kill -9: a guard process, a shell, sees the end and shuts the server down. The next start cleans
// up after a crash: a half-made data directory, a lock, a server that is still shutting down.
//
// PostgreSQL refuses to run as root. When this process is root, the server runs as the owner of the
// data: the user postgres, or nobody where there is no postgres. When that user cannot reach the
// directory, in a private home for example, a directory in the system's temporary directory
// replaces it, and the log says so.
//
// It is not for production: there are no backups, and a system update may install another major
// version.
//
// # Lifting it out
//
// Copy this folder, internal/platform/errors and internal/platform/logging. It imports lib/pq and
// xi2/xz, and runs on Unix. Its tests import testify and goleak, and run the programs sh and xz.
package embedded
