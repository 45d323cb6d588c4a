package db

import (
	"context"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Reconfigure takes over what may change while the pool is in use, the fields of [Config] with env-live: PoolSize, MaxOverflow
// and SlowQuery. The others stay as they were at the start. cfg has been validated. Connections that a smaller pool has no room
// for are closed when they come back; no statement is disturbed. It is safe for concurrent use.
func (p *Pool) Reconfigure(ctx context.Context, cfg Config) {
	p.SetSlowQuery(cfg.SlowQuery)
	p.resize(cfg)
	p.log.Info(ctx, "pool_reconfigured", logging.Int("pool_size", cfg.PoolSize),
		logging.Int("max_open", cfg.MaxOpen()), logging.Duration("slow_query_ms", cfg.SlowQuery))
}

// SetSlowQuery logs statements that take d or longer as query_slow from now on, those under way included; zero logs none.
func (p *Pool) SetSlowQuery(d time.Duration) { p.slowQuery.Store(int64(d)) }

// resize sets both limits of one configuration, and never none, which is what database/sql takes zero for.
func (p *Pool) resize(cfg Config) {
	p.resizing.Lock()
	defer p.resizing.Unlock()
	p.db.SetMaxOpenConns(max(cfg.MaxOpen(), 1)) // first, since no more can be idle than open
	p.db.SetMaxIdleConns(max(cfg.PoolSize, 1))
}
