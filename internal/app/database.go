package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/migrations"
)

// databaseRole is the role that the migrations create.
const databaseRole = "app_role"

// actAs returns the role that the service acts as where it logs in as a superuser, which is in development and testing only.
func actAs(cfg *Config) string {
	if cfg.trusting() {
		return databaseRole
	}
	return ""
}

// openDatabase migrates and opens. In development the migrations make the role that the pool then acts as; elsewhere a role
// that row security does not bind is refused before it changes anything.
func openDatabase(ctx context.Context, cfg *Config) (*db.Pool, error) {
	options := db.Options{Role: actAs(cfg)}
	if cfg.trusting() {
		if err := migrate(ctx, cfg); err != nil {
			return nil, err
		}
		return db.Open(ctx, cfg.Database, options)
	}
	pool, err := db.Open(ctx, cfg.Database, options)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, cfg); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// migrate applies the migrations where the configuration says so.
func migrate(ctx context.Context, cfg *Config) error {
	if !cfg.Database.Migrates() {
		return nil
	}
	m, err := db.NewMigrator(ctx, cfg.Database, migrations.Files, logging.Logger{})
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}

// VerifyAccount notes that an account is that of its email's owner, in the audit trail of the system too; see [account.Store.Verify].
// It returns the id of the user.
func VerifyAccount(ctx context.Context, cfg *Config, email string) (id uuid.UUID, err error) {
	pool, err := openDatabase(ctx, cfg)
	if err != nil {
		return id, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	trail := audit.NewRecorder(pool) //nolint:contextcheck // there is no sink whose ctx it could be
	err = pool.InTx(ctx, func(ctx context.Context) error {
		var isNew bool
		if id, isNew, err = account.NewStore(pool).Verify(ctx, email); err != nil || !isNew {
			return err
		}
		return trail.Record(ctx, audit.Entry{
			Event: "account_verified", TargetType: "user", TargetID: id.String(), Reason: "command_line",
		})
	})
	return id, err
}
