package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// dataDir is where development keeps its database and its signing key. Delete it to start afresh.
const dataDir = ".data"

// provideSigningKey makes a key where the configuration has none, which it may only in development and testing. In
// development the key is kept, so that tokens outlive a restart; where it cannot be written they do not.
func provideSigningKey(ctx context.Context, cfg *app.Config) error {
	if !cfg.Auth.PrivateKey.IsZero() {
		return nil
	}
	alg, err := auth.ParseAlgorithm(cfg.Auth.Algorithm)
	if err != nil {
		return err
	}
	path := filepath.Join(dataDir, "signing-key-"+string(alg)+".pem")
	if text, err := os.ReadFile(path); err == nil && cfg.IsDevelopment() {
		if _, err := auth.ParsePrivateKey(text); err != nil {
			return fmt.Errorf("read the development signing key %s (delete it to get a new one): %w", path, err)
		}
		cfg.Auth.PrivateKey = config.Secret(text)
		return nil
	}
	key, err := auth.GenerateKey(alg)
	if err != nil {
		return fmt.Errorf("generate a development signing key: %w", err)
	}
	text, err := auth.MarshalPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the development signing key: %w", err)
	}
	cfg.Auth.PrivateKey = config.Secret(text)
	if !cfg.IsDevelopment() {
		return nil
	}
	if err := errors.Join(os.MkdirAll(dataDir, 0o755), os.WriteFile(path, text, 0o600)); err != nil {
		log.Warn(ctx, "signing_key_not_kept", logging.Err(err))
	}
	return nil
}
