// Package retention deletes what has expired, for all tenants: sessions, revocations, idempotency
// keys, counters and addresses of logins, and ended API keys. How long those of tenants are kept is in
// the migration that defines the function retention_sweep: the service itself may delete the rows of
// one tenant only.
//
// Requests never depend on the deletion: they ignore expired rows.
package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

const (
	interval = time.Minute
	batch    = 1000 // rows of a table in one transaction
)

// Run calls [Sweep] now and every minute until ctx ends, and logs retention_completed when rows were
// deleted. All replicas may run it.
func Run(ctx context.Context, pool *db.Pool) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		start := time.Now()
		deleted, err := Sweep(ctx, pool)
		if len(deleted) > 0 {
			fields := []logging.Field{logging.Duration("duration_ms", time.Since(start))}
			for name, n := range deleted {
				fields = append(fields, logging.Int64(name, n))
			}
			log.Info(ctx, "retention_completed", fields...)
		}
		if err != nil && ctx.Err() == nil {
			log.Error(ctx, "retention_failed", logging.Err(err))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// Sweep deletes all expired rows in batches and returns the number for each kind of which there were
// any, also with an error. It ends early when another replica is at it. Each batch is one
// transaction, which skips rows that are in use.
func Sweep(ctx context.Context, pool *db.Pool) (map[string]int64, error) {
	deleted := map[string]int64{}
	for {
		list, err := db.All[struct {
			Name    string `db:"name"`
			Deleted int64  `db:"deleted"`
		}](ctx, pool, `
			with a as (
				delete from login_addresses where (account, network) in (
					select account, network from login_addresses where last_at < now() - interval '90 days'
					limit $1 for update skip locked) returning 1
			)
			select name, deleted from retention_sweep($1::integer)
			union all select name, deleted from llm_sweep($1::integer) -- part:llm
			union all select 'login_addresses', count(*) from a`, batch)
		if err != nil {
			return deleted, fmt.Errorf("delete expired rows: %w", err)
		}
		full := false
		for _, l := range list {
			if l.Deleted > 0 {
				deleted[l.Name] += l.Deleted
			}
			full = full || l.Deleted == batch
		}
		if !full {
			return deleted, nil
		}
	}
}
