package app

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Reconfigure takes over what may change while the service runs: see the fields with env-live. cfg has been validated.
func (a *App) Reconfigure(_ context.Context, cfg *Config, change config.Change) error {
	if change.Has("LOG_LEVEL") {
		return logging.SetLevel(cfg.LogLevel)
	}
	return nil
}
