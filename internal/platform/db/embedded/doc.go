// Package embedded runs a PostgreSQL server of its own, for development and tests, without any configuration.
//
//	server, err := embedded.Start(ctx, embedded.Options{Dir: ".data/postgres"})
//	if err != nil {
//		return err
//	}
//	defer server.Stop(context.WithoutCancel(ctx))
//	db, err := sql.Open("postgres", server.DSN("postgres"))
//
// The server binaries are those of the machine, else downloaded ones. The server is a child of this process that listens on a
// free port of the loopback interface only, with a random password. It ends with this process, however that ends: on Linux and
// FreeBSD the kernel sends it the signal for a fast shutdown, elsewhere a small guard process does. What a crash can leave
// behind, a half-made data directory, a lock, a server that is still shutting down, the next start deals with.
//
// PostgreSQL refuses to run as root. When this process is root, the server runs as the owner of the data, which is the user
// postgres, or nobody where there is none. A directory that this user cannot reach, below a private home say, is replaced by
// one in the directory for temporary files, which the log tells.
//
// It is not for production: nothing here makes backups, and a system update may bring another major version.
//
// # Lifting it out
//
// Copy the folder together with errors and logging. It imports lib/pq and fergusstrange/embedded-postgres, which is used to
// download binaries and for nothing else.
package embedded
