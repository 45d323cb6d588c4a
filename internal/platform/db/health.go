package db

import (
	"context"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Ping asks the server whether it answers, on a connection of its own, so that a full pool does not make it wait.
func (p *Pool) Ping(ctx context.Context) error {
	if err := p.probe.PingContext(ctx); err != nil {
		return fmt.Errorf("ping the database: %w", mapError(ctx, err))
	}
	return nil
}

// CheckSchema returns an error when the schema is older than version, which is what this build was made for. A newer one
// is fine: during a rolling update the old replicas go on, and migrations are written so that they can.
func (p *Pool) CheckSchema(ctx context.Context, version int64) error {
	var have int64
	err := p.probe.QueryRowContext(ctx, `select coalesce(max(version_id), 0) from goose_db_version where is_applied`).Scan(&have)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", mapError(ctx, err))
	}
	if have < version {
		return errors.Unavailable(fmt.Errorf("the schema is at version %d and %d is needed", have, version), "", retryAfter)
	}
	return nil
}

// LogStats logs pool_stats once every interval until ctx ends.
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
