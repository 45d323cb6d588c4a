package app

import (
	"context"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/migrations"
)

// databaseRole is the role that the migrations create, with the privileges that the service needs.
const databaseRole = "app_role"

// openDatabase migrates the database if configured, and opens it. Outside of development and testing
// a login with too many privileges is refused before the migrations change anything.
func openDatabase(ctx context.Context, cfg *DatabaseConfig) (*db.Pool, error) {
	options := db.Options{Role: databaseRole, ActAs: cfg.trusting()}
	if cfg.Database.Migrates() {
		if !cfg.trusting() {
			if err := db.CheckLogin(ctx, cfg.Database, options); err != nil {
				return nil, err
			}
		}
		if err := migrate(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return db.Open(ctx, cfg.Database, options)
}

func migrate(ctx context.Context, cfg *DatabaseConfig) error {
	m, err := db.NewMigrator(ctx, cfg.Database, migrations.Files, logging.Logger{})
	if err != nil {
		return err
	}
	return errors.Join(Migrate(ctx, m), m.Close())
}

// Migrate applies the pending migrations and checks that the service may use the tables.
func Migrate(ctx context.Context, m *db.Migrator) error {
	if err := m.Up(ctx); err != nil {
		return err
	}
	return m.CheckPrivileges(ctx, databaseRole)
}

// WithOperator calls do with an operator on the database of cfg.
func WithOperator(ctx context.Context, cfg *AccountConfig, do func(*identity.Operator) error) (err error) {
	passwords, err := auth.NewPasswords(cfg.Passwords)
	if err != nil {
		return fmt.Errorf("make the password hasher: %w", err)
	}
	pool, err := openDatabase(ctx, &cfg.DatabaseConfig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	trail := audit.NewTrail(pool)
	// The command opens no sessions, so it needs neither keys nor lifetimes.
	revocations := auth.NewRevocations(session.Lookup(pool))
	sessions := session.NewService(pool, nil, trail, revocations, session.Config{}, maxLeeway)
	return do(identity.NewOperator(pool, passwords, sessions, trail))
}

// maxLeeway is the maximum of AUTH_LEEWAY.
const maxLeeway = time.Minute
