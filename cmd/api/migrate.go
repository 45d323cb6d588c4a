package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/migrations"
)

func (p *program) migrateCommand() *cobra.Command {
	sub := func(name, short string, do func(context.Context, *db.Migrator) error) *cobra.Command {
		return command(name, short, func(ctx context.Context) error { return p.withMigrator(ctx, do) })
	}
	var dryRun bool
	up := sub("up", "Apply all pending migrations", func(ctx context.Context, m *db.Migrator) error {
		if dryRun {
			return p.printPending(ctx, m)
		}
		return p.change(app.Migrate)(ctx, m)
	})
	up.Flags().BoolVar(&dryRun, "dry-run", false, "print the SQL instead of running it")
	return group("migrate", "Change the database schema; safe while other replicas start",
		up,
		sub("down", "Revert the last migration",
			p.change(func(ctx context.Context, m *db.Migrator) error { return m.Down(ctx) })),
		sub("status", "List the migrations and whether they are applied, or were changed since", p.printMigrations),
		sub("version", "Print the schema version of the database", p.printSchemaVersion))
}

// change runs do and prints what it has done.
func (p *program) change(do func(context.Context, *db.Migrator) error) func(context.Context, *db.Migrator) error {
	return func(ctx context.Context, m *db.Migrator) error {
		before, err := m.Version(ctx)
		if err != nil {
			return err
		}
		if err := do(ctx, m); err != nil {
			return err
		}
		after, err := m.Version(ctx)
		switch {
		case err != nil:
			return err
		case before == after:
			_, err = fmt.Fprintf(p.stdout, "nothing to do: the schema is at version %d\n", after)
		default:
			_, err = fmt.Fprintf(p.stdout, "the schema is at version %d; it was at %d\n", after, before)
		}
		return err
	}
}

func (p *program) withMigrator(ctx context.Context, do func(context.Context, *db.Migrator) error) error {
	database := func(c *app.DatabaseConfig) *app.DatabaseConfig { return c }
	return withDatabase(ctx, p, database, func(cfg *app.DatabaseConfig) error {
		m, err := db.NewMigrator(ctx, cfg.Database, migrations.Files, log)
		if err != nil {
			return err
		}
		return errors.Join(do(ctx, m), m.Close())
	})
}

// withDatabase calls do with the settings T, which contain those of the database; it reads no others,
// such as the signing key. If no database is configured, the development database runs meanwhile.
func withDatabase[T any](
	ctx context.Context, p *program, database func(*T) *app.DatabaseConfig, do func(*T) error,
) error {
	r, err := open(ctx, p, p.stderr, func(c *T) config.Base { return database(c).Base })
	if err != nil {
		return err
	}
	cfg := new(*r.Get())
	stop, err := provideDatabase(ctx, database(cfg))
	if err != nil {
		return err
	}
	err = do(cfg)
	return errors.Join(err, stop(context.WithoutCancel(ctx)))
}

// printPending prints what migrate up would run, as SQL that can be read or given to psql.
func (p *program) printPending(ctx context.Context, m *db.Migrator) error {
	pending, err := m.Pending(ctx)
	if err != nil {
		return err
	}
	for _, one := range pending {
		text, err := fs.ReadFile(migrations.Files, one.Name)
		if err != nil {
			return fmt.Errorf("read the migration %s: %w", one.Name, err)
		}
		_, up, _ := strings.Cut(string(text), "-- +goose Up\n")
		up, _, _ = strings.Cut(up, "-- +goose Down\n")
		if _, err := fmt.Fprintf(p.stdout, "-- %s\n%s\n", one.Name, strings.TrimSpace(up)); err != nil {
			return err
		}
	}
	if len(pending) == 0 {
		_, err = fmt.Fprintln(p.stdout, "-- nothing to do")
	}
	return err
}

func (p *program) printMigrations(ctx context.Context, m *db.Migrator) error {
	list, err := m.Status(ctx)
	if err != nil {
		return err
	}
	return p.print(false, nil, func(w io.Writer) {
		fmt.Fprintln(w, "VERSION\tSTATE\tNAME")
		for _, one := range list {
			state := "pending"
			switch {
			case one.Changed:
				state = "changed"
			case one.Applied:
				state = "applied"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\n", one.Version, state, one.Name)
		}
	})
}

func (p *program) printSchemaVersion(ctx context.Context, m *db.Migrator) error {
	v, err := m.Version(ctx)
	if err == nil {
		_, err = fmt.Fprintln(p.stdout, v)
	}
	return err
}
