package config

import (
	"context"
	"os"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Watch reloads the store for each signal that comes, usually SIGHUP, until ctx ends, and logs config_reloaded or
// config_validation_failed, and what [LogSuggestions] writes. Signals that come while it reloads are one more reload; give the
// channel room for one at least. It returns too when the channel is closed.
func Watch(ctx context.Context, s *Store, signals <-chan os.Signal, log logging.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-signals:
			if !open {
				return
			}
		}
		for len(signals) > 0 { // they all ask for the same
			<-signals
		}
		change, err := s.Reload(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			LogFailed(ctx, log, err)
		default:
			LogReloaded(ctx, log, change)
			logSuggestions(ctx, log, s.suggestions())
		}
	}
}
