package config

import (
	"context"
	"os"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Watch reloads the store for each signal that comes, usually SIGHUP, until ctx ends, and logs config_reloaded or
// config_validation_failed. Signals that come while it reloads are one more reload: give the channel room for one.
func Watch(ctx context.Context, s *Store, signals <-chan os.Signal, log logging.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		change, err := s.Reload(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			LogFailed(ctx, log, err)
		default:
			LogReloaded(ctx, log, change)
		}
	}
}
