// Package db is the service's PostgreSQL: a pool over sqlx and lib/pq that behaves under load and failure, transactions
// that report what COMMIT said, row security by tenant, errors mapped to the service's own, and migrations.
//
// Stores take a [*Pool] and call [One], [All] and [Exec] with positional SQL. The same calls take part in a transaction
// when ctx comes from [Pool.InTx] or [Pool.InTenant], so a store does not know whether it runs in one:
//
//	err := pool.InTenant(ctx, func(ctx context.Context) error {
//		if err := notes.Insert(ctx, n); err != nil {
//			return err
//		}
//		return audit.Record(ctx, "note_created", n.ID)
//	})
//
// What it adds to database/sql and lib/pq:
//
//   - A wait for a connection ends after DB_POOL_TIMEOUT with SERVICE_UNAVAILABLE.
//   - Statements with arguments are prepared once a connection, and a tenant transaction with one statement takes three
//     round trips: BEGIN and SET LOCAL in one message, the statement, COMMIT.
//   - A transaction that the server rolled back at COMMIT is an error; 40001 and 40P01 are retried within a budget.
//   - A connection to a server that no longer answers is given up soon after its ctx has ended.
//   - What must not happen unless a transaction has committed is handed to [AfterCommit].
//   - [Listen] hears notifications on a connection of its own, finds out within a second that it is lost, and says so.
//   - The size of the pool and the limit for slow statements change while it runs, with [Pool.Reconfigure].
//   - No password, bound value or constraint detail reaches an error text or a log line.
//
// Named parameters of sqlx are not used: they mangle casts, comments and quoted text.
//
// # Behind PgBouncer
//
// The timeouts of a connection are startup parameters, which PgBouncer refuses unless its ignore_startup_parameters names
// statement_timeout and idle_in_transaction_session_timeout; set them with ALTER ROLE then. In transaction pooling mode
// before PgBouncer 1.21, add binary_parameters=yes to DATABASE_URL: statements then go in one unprepared round trip. Give
// jsonb arguments as string, not []byte. Migrations take a lock of the session and [Listen] needs a session of its own, so
// both need a DSN that leads straight to the server.
//
// # Lifting it out
//
// Copy the folder without its sub-folder embedded, which is a database server for development, and the packages errors,
// logging, config and env/dotenv. It needs sqlx, lib/pq, goose and cenkalti/backoff; its tests need platformtest.
package db
