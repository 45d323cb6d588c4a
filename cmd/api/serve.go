package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve until SIGTERM or SIGINT, then drain and stop (the default)",
		Args:  noArgs,
		RunE:  p.serve,
	}
}

// serve brings up the database if there is none, then the service, and takes them down in reverse.
func (p *program) serve(cmd *cobra.Command, _ []string) (err error) {
	ctx := cmd.Context()
	cfg, err := p.load(ctx, p.stdout)
	if err != nil {
		return err
	}
	stop, err := provideDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	if err := provideSigningKey(ctx, cfg); err != nil {
		return err
	}
	service, err := app.New(ctx, cfg, build().Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	return service.Run(ctx)
}

// provideDatabase starts the development database where the configuration names none. stop ends it.
func provideDatabase(ctx context.Context, cfg *app.Config) (stop func(context.Context) error, err error) {
	if !cfg.Database.URL.IsZero() {
		return func(context.Context) error { return nil }, nil
	}
	dsn, stop, err := startDatabase(ctx)
	if err != nil {
		return nil, fmt.Errorf("provide a database: %w", err)
	}
	cfg.Database.URL = config.Secret(dsn)
	return stop, nil
}
