package app

import (
	"context"
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Reconfigure takes over what may change while the service runs: see the fields with env-live. cfg has been validated. It is
// called after Connect, by one goroutine at a time.
func (a *App) Reconfigure(ctx context.Context, cfg *Config, change config.Change) error {
	var errs []error
	if change.Has("LOG_LEVEL") {
		errs = append(errs, logging.SetLevel(cfg.LogLevel))
	}
	if change.Has("AUTH_JWT_PRIVATE_KEY", "AUTH_JWT_PUBLIC_KEYS") {
		errs = append(errs, a.changeKeys(cfg))
	}
	if change.Has("DB_POOL_SIZE", "DB_MAX_OVERFLOW", "DB_SLOW_QUERY") {
		a.pool.Reconfigure(ctx, cfg.Database)
	}
	a.limits.Store(&cfg.Login)
	return errors.Join(errs...)
}

// changeKeys has new keys sign and verify from now on. Where the configuration has no key to sign with, the one that was made
// up at the start goes on.
func (a *App) changeKeys(cfg *Config) error {
	own := cfg.Auth
	if own.PrivateKey.IsZero() {
		own.PrivateKey = a.config.Auth.PrivateKey
	}
	keys, err := own.KeySet()
	if err != nil {
		return fmt.Errorf("change the signing keys: %w", err)
	}
	a.keys.Swap(keys)
	return nil
}
