// Package db is a PostgreSQL connection pool over sqlx and lib/pq, with transactions, row security
// by tenant, error mapping, LISTEN and migrations.
//
// Stores take a [*Pool] and call [One], [All] and [Exec] with positional SQL. The same calls join
// the transaction in ctx when ctx comes from [Pool.InTx] or [Pool.InTenant], so a store does not
// know whether it runs in one:
//
//	err := pool.InTenant(ctx, func(ctx context.Context) error {
//		id := db.NewID()
//		if _, err := db.Exec(ctx, pool, "insert into things (id) values ($1)", id); err != nil {
//			return fmt.Errorf("insert a thing: %w", err)
//		}
//		return trail.Record(ctx, audit.Entry{Event: "thing_created", TargetID: id.String()})
//	})
//
// The path of that call: InTenant reads the tenant of ctx, InTx retries, acquire waits for a
// connection, conn.BeginTx sends BEGIN and the tenant, Exec runs the statement through
// conn.ExecContext, conn.Commit ends the transaction, mapError turns a failure into an error of the
// service. A query that is a whole transaction takes the way of [ReadOne] and conn.read.
//
// What it adds to database/sql and lib/pq:
//
//   - A wait for a connection ends after DB_POOL_TIMEOUT with SERVICE_UNAVAILABLE.
//   - Statements with arguments are prepared once per connection. A tenant transaction with one
//     statement takes three round trips: BEGIN and the tenant in one message, the statement,
//     COMMIT. [ReadOne] and [ReadAll] take one.
//   - A transaction that the server rolled back at COMMIT is an error. 40001, 40P01 and statements
//     that a migration has outdated are retried.
//   - A connection whose server no longer answers is closed one second after its ctx has ended.
//     That, and a server that has become read-only, replaces all older connections before their
//     next use.
//   - A failure to connect is SERVICE_UNAVAILABLE, whatever the server's reason.
//   - [AfterCommit] delays side effects until the transaction has committed.
//   - [Pool.Listen] receives notifications on its own connection and detects its loss within a
//     second.
//   - [Pool.Reconfigure] changes the size of the pool and the limit for slow statements.
//   - Options.Observe receives every statement with its duration and rows, for spans.
//   - [Migrator] refuses files that were changed after they had been applied.
//   - No password, bound value or constraint detail reaches an error text or a log line.
//
// Named parameters of sqlx are not used: they mangle casts, comments and quoted text.
//
// # Behind PgBouncer
//
// The timeouts of a connection are startup parameters. PgBouncer refuses them unless its
// ignore_startup_parameters names statement_timeout and idle_in_transaction_session_timeout; set
// them with ALTER ROLE then. [Open] notices a pooler that loses prepared statements, as PgBouncer
// does in transaction mode without max_prepared_statements, and sends statements unprepared. Pass
// jsonb arguments as string, not []byte. Migrations hold a session lock and need a DSN of the
// server itself. [Pool.Listen] needs its own session: name the server in DATABASE_LISTEN_URL.
// Without it the listener notices that nothing arrives and logs that setting.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors, internal/platform/logging,
// internal/platform/config, internal/platform/env/dotenv, internal/platform/env/spelling,
// internal/platform/env/strength and, for the tests, internal/platform/platformtest. It imports
// sqlx, lib/pq, goose, cenkalti/backoff, logrus, google/uuid and golang.org/x/sys; its tests import
// testify and rapid. Without the tests, embedded may be left out.
package db
