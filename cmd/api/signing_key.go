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
	if !cfg.IsDevelopment() {
		return newSigningKey(alg, &cfg.Auth.PrivateKey)
	}
	path := filepath.Join(dataDir, "signing-key-"+string(alg)+".pem")
	kept, err := os.ReadFile(path) //nolint:gosec // a fixed path
	if err == nil {
		if _, err := auth.ParsePrivateKey(kept); err != nil {
			return fmt.Errorf("read the development signing key %s (delete it to get a new one): %w", path, err)
		}
		cfg.Auth.PrivateKey = config.Secret(kept)
		return nil
	}
	if err := newSigningKey(alg, &cfg.Auth.PrivateKey); err != nil {
		return err
	}
	if err := keep(path, cfg.Auth.PrivateKey); err != nil {
		log.Warn(ctx, "signing_key_not_kept", logging.Err(err))
	}
	return nil
}

func newSigningKey(alg auth.Algorithm, to *config.Secret) error {
	key, err := auth.GenerateKey(alg)
	if err != nil {
		return fmt.Errorf("generate a signing key: %w", err)
	}
	text, err := auth.MarshalPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the signing key: %w", err)
	}
	*to = config.Secret(text)
	return nil
}

func keep(path string, key config.Secret) error {
	// The database beside it may run as another user, who has to pass.
	return errors.Join(os.MkdirAll(dataDir, 0o755), os.WriteFile(path, []byte(key.Reveal()), 0o600)) //nolint:gosec // see above
}
