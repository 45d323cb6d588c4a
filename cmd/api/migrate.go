package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/migrations"
)

func (p *program) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Change the schema of the database, safely also when several replicas do at once",
		Args:  noArgs,
		RunE:  needsSubcommand,
	}
	sub := func(name, short string, do func(context.Context, *db.Migrator) error) {
		cmd.AddCommand(&cobra.Command{Use: name, Short: short, Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
			return p.withMigrator(c.Context(), do)
		}})
	}
	sub("up", "Apply what is pending", func(ctx context.Context, m *db.Migrator) error { return m.Up(ctx) })
	sub("down", "Undo the newest migration", func(ctx context.Context, m *db.Migrator) error { return m.Down(ctx) })
	sub("status", "List the migrations and whether they are applied", p.printStatus)
	sub("version", "Print the version of the schema", p.printVersion)
	return cmd
}

func (p *program) withMigrator(ctx context.Context, do func(context.Context, *db.Migrator) error) (err error) {
	cfg, err := p.load(ctx, p.stderr)
	if err != nil {
		return err
	}
	stop, err := provideDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	m, err := db.NewMigrator(ctx, cfg.Database, migrations.Files, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return do(ctx, m)
}

func (p *program) printStatus(ctx context.Context, m *db.Migrator) error {
	list, err := m.Status(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tSTATE\tNAME")
	for _, one := range list {
		state := "pending"
		if one.Applied {
			state = "applied"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", one.Version, state, one.Name)
	}
	return w.Flush()
}

func (p *program) printVersion(ctx context.Context, m *db.Migrator) error {
	v, err := m.Version(ctx)
	if err == nil {
		_, err = fmt.Fprintln(p.stdout, v)
	}
	return err
}
