package db

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

func orDefault(l logging.Logger) logging.Logger {
	if l.IsZero() {
		return log
	}
	return l
}

// maxIdleTime closes connections that a burst of load has opened.
const maxIdleTime = 5 * time.Minute

// Pool is a pool of connections to one database. It is safe for concurrent use.
type Pool struct {
	db        *sqlx.DB
	probe     *sql.DB       // one connection for health checks, which must not queue behind a full pool
	timeout   time.Duration // of the wait for a connection
	log       logging.Logger
	slowQuery *atomic.Int64 // nanoseconds; shared with the observer of every connection
}

// Options are the parameters of a pool that do not come from its [Config].
type Options struct {
	Log logging.Logger // the zero value is the logger of this package
	// Role is the role with the privileges on the tables. A login that cannot read a table that it
	// can read is refused, and one that owns such a table acts as Role or is refused. Nothing is
	// checked when it is empty or does not exist yet.
	Role string
	// ActAs makes a login that could bypass row security act as Role, which must exist. It is for
	// development, where the service connects as superuser. Otherwise such a login is refused.
	ActAs bool
	// Observe is called when a statement of the pool has ended, with its ctx, for example to record
	// a span. It must not block. It may be nil.
	Observe func(ctx context.Context, s Statement)
}

// Open returns a pool that has connected to its database. It retries with growing pauses for up to
// a minute while the server is starting. It returns [ErrBypassesRowSecurity] for a role that could
// bypass row security, [ErrOwnsTables] and [ErrNotMember] for one that Options.Role excludes.
// Errors match [ErrOpen] and contain no credentials.
func Open(ctx context.Context, cfg Config, o Options) (_ *Pool, err error) {
	o.Log = orDefault(o.Log)
	o.Log.Info(ctx, "pool_initializing",
		logging.Int("pool_size", cfg.PoolSize), logging.String("database", Redact(cfg.URL.Reveal())))
	defer func() { err = openFailed(ctx, o.Log, err) }()
	c, err := loginConnector(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	c.observer.next = o.Observe // of the statements of callers
	p := &Pool{
		db: sqlx.NewDb(sql.OpenDB(c), "postgres"), probe: sql.OpenDB(c),
		timeout: cfg.PoolTimeout, log: o.Log, slowQuery: &c.observer.slow,
	}
	p.configure(cfg)
	p.db.SetConnMaxLifetime(cfg.PoolRecycle)
	p.db.SetConnMaxIdleTime(maxIdleTime)
	p.probe.SetMaxOpenConns(1)
	p.probe.SetConnMaxLifetime(cfg.PoolRecycle)
	if err := p.db.PingContext(ctx); err != nil {
		_ = p.Close()
		return nil, errors.Unavailable(describe(err), "The database pool could not be initialized", retryAfter)
	}
	o.Log.Info(ctx, "pool_initialized",
		logging.Int("max_open", cfg.MaxOpen()), logging.String("role", c.cfg.Runtime["role"]))
	return p, nil
}

// ErrOpen matches every error of [Open], and of [NewMigrator] about the connection. They have been
// logged as pool_initialization_failed, unless ctx was canceled, and need no second report.
var ErrOpen = errors.Sentinel("open the database")

// openFailed marks and logs err.
func openFailed(ctx context.Context, log logging.Logger, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", ErrOpen, err)
	if !errors.Is(ctx.Err(), context.Canceled) {
		log.Error(ctx, "pool_initialization_failed", logging.Err(err))
	}
	return err
}

// Close closes all connections; those in use are closed when they are returned.
func (p *Pool) Close() error { return errors.Join(p.db.Close(), p.probe.Close()) }

// SQL returns the underlying pool for libraries such as a metrics collector. Its statements have no
// tenant and join no transaction of this package.
func (p *Pool) SQL() *sql.DB { return p.db.DB }

// Utilization returns the share of the pool's connections that are in use, from 0 to 1.
func (p *Pool) Utilization() float64 {
	s := p.db.Stats()
	return float64(s.InUse) / float64(s.MaxOpenConnections)
}

// Ping checks that the server answers and that the session may write, on its own connection, so a
// full pool does not delay it. A server that became read-only retires the connections of the pool.
func (p *Pool) Ping(ctx context.Context) error {
	_, err := p.probe.ExecContext(ctx, `do $$ begin
		if current_setting('transaction_read_only')::bool then
			raise read_only_sql_transaction using message = 'the session is read-only';
		end if;
	end $$`)
	if err != nil {
		return fmt.Errorf("ping the database: %w", mapError(ctx, err))
	}
	return nil
}

// CheckSchema returns an error when the schema is older than version, or when the pool's role lacks
// privileges on a table. Tables without any grant are ignored. A newer schema is accepted: during a
// rolling update the old replicas run on, and migrations are written for that.
func (p *Pool) CheckSchema(ctx context.Context, version int64) error {
	const query = `select coalesce(max(version_id), 0), current_user from goose_db_version where is_applied`
	var have int64
	var role string
	err := p.probe.QueryRowContext(ctx, query).Scan(&have, &role)
	switch {
	case err != nil:
		return fmt.Errorf("read the schema version: %w", mapError(ctx, err))
	case have < version:
		return errors.Unavailable(fmt.Errorf("the schema is at version %d and %d is needed", have, version), "", retryAfter)
	case have > version:
		return nil
	}
	return checkPrivileges(ctx, p.probe, role, false)
}

// LogStats logs pool_stats once per interval until ctx ends.
func (p *Pool) LogStats(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s := p.db.Stats()
			p.log.Info(ctx, "pool_stats", logging.Int("open", s.OpenConnections), logging.Int("in_use", s.InUse),
				logging.Int("idle", s.Idle), logging.Int64("wait_count", s.WaitCount), logging.Duration("wait_ms", s.WaitDuration))
		}
	}
}

// Reconfigure applies the reloadable fields of a validated cfg: PoolSize, MaxOverflow and
// SlowQuery. Connections beyond a smaller size are closed when they are returned; no statement is
// interrupted.
func (p *Pool) Reconfigure(ctx context.Context, cfg Config) {
	p.configure(cfg)
	p.log.Info(ctx, "pool_reconfigured", logging.Int("pool_size", cfg.PoolSize),
		logging.Int("max_open", cfg.MaxOpen()), logging.Duration("slow_query_ms", cfg.SlowQuery))
}

func (p *Pool) configure(cfg Config) {
	p.slowQuery.Store(int64(cfg.SlowQuery))
	p.db.SetMaxOpenConns(max(cfg.MaxOpen(), 1)) // database/sql takes zero for no limit
	p.db.SetMaxIdleConns(max(cfg.PoolSize, 1))
}

var errPoolTimeout = errors.Sentinel("no database connection became free in time")

// maxBroken is the number of broken connections that one call tries before it fails, as in
// database/sql.
const maxBroken = 3

// withConn calls use with a connection of the pool, and again with another one when use returns
// [driver.ErrBadConn]: nothing was sent then. Waiting for each is limited by DB_POOL_TIMEOUT and
// use is not, so the wait has a ctx of its own: database/sql knows one ctx for the wait and the
// statement.
func (p *Pool) withConn(ctx context.Context, use func(*sqlx.Conn) error) error {
	for try := 1; ; try++ {
		conn, err := p.acquire(ctx)
		if err != nil {
			return err
		}
		err = func() error {
			defer conn.Close() //nolint:errcheck // returns it to the pool, also when use panics
			return use(conn)
		}()
		if try == maxBroken || !isBadConn(err) {
			return err
		}
	}
}

func (p *Pool) acquire(ctx context.Context) (*sqlx.Conn, error) {
	wait, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	conn, err := p.db.Connx(wait)
	// A deadline of the caller that passes while it waits means a full pool as well, not a slow
	// statement.
	if err != nil && errors.Is(wait.Err(), context.DeadlineExceeded) {
		return nil, errors.Overloaded(errPoolTimeout, retryAfter)
	}
	return conn, err
}
