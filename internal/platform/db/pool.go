package db

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// maxIdleTime is how long a connection beyond what the load needs stays open.
const maxIdleTime = 5 * time.Minute

// Pool is a pool of connections to one database. It is safe for concurrent use.
type Pool struct {
	db     *sqlx.DB
	probe  *sql.DB // one connection for health checks, which must not queue behind a full pool
	config Config  // as it was at the start
	log    logging.Logger

	slowQuery *atomic.Int64 // every connection's observer reads it
	resizing  sync.Mutex
}

// Options are what a pool needs beside its [Config].
type Options struct {
	Log logging.Logger // the zero value means the package's own
	// Role is the role to act as where the one that logs in could bypass row security. It is for development, where the
	// service connects as superuser, and must exist. Empty means that such a login is refused.
	Role string
}

// Open returns a pool that has reached its database. It waits with growing pauses, up to [maxWait], for a server that is
// not up yet. It refuses a role that could bypass row security with [ErrBypassesRowSecurity]. Any failure is a
// SERVICE_UNAVAILABLE that names no credentials.
func Open(ctx context.Context, cfg Config, o Options) (_ *Pool, err error) {
	o.Log = own(o.Log)
	o.Log.Info(ctx, "pool_initializing", logging.Int("pool_size", cfg.PoolSize), logging.String("database", Redact(cfg.URL.Reveal())))
	defer func() {
		if err != nil {
			o.Log.Error(ctx, "pool_initialization_failed", logging.Err(err))
		}
	}()
	role, err := actingRole(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	slow := new(atomic.Int64)
	c, err := newConnector(cfg.URL.Reveal(), connectorOptions{
		appName: cfg.AppName, commandTimeout: cfg.CommandTimeout, role: role, observer: observer{log: o.Log, slow: slow},
	})
	if err != nil {
		return nil, err
	}
	p := &Pool{db: sqlx.NewDb(sql.OpenDB(c), "postgres"), probe: sql.OpenDB(c), config: cfg, log: o.Log, slowQuery: slow}
	p.SetSlowQuery(cfg.SlowQuery)
	p.resize(cfg)
	p.db.SetConnMaxLifetime(cfg.PoolRecycle)
	p.db.SetConnMaxIdleTime(maxIdleTime)
	p.probe.SetMaxOpenConns(1)
	p.probe.SetConnMaxLifetime(cfg.PoolRecycle)
	if err := p.db.PingContext(ctx); err != nil {
		_ = p.Close()
		return nil, errors.Unavailable(describe(err), "The database pool could not be initialized", retryAfter)
	}
	o.Log.Info(ctx, "pool_initialized", logging.Int("max_open", cfg.MaxOpen()), logging.String("role", role))
	return p, nil
}

// Close closes every connection, those in use when they come back. Call it when nothing uses the pool any more.
func (p *Pool) Close() error {
	return errors.Join(p.db.Close(), p.probe.Close())
}

// SQL returns the pool below, for a library that needs one, such as a metrics collector. What goes through it has no
// tenant and takes part in no transaction of this package.
func (p *Pool) SQL() *sql.DB { return p.db.DB }
