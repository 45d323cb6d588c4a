package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve until SIGTERM or SIGINT, then drain and stop (the default)",
		Args:  noArgs,
		RunE:  p.serve,
	}
}

// serve brings up the database if there is none, then the service, and takes them down in reverse. An end that was asked
// for by a signal is a clean one, also before the service has started.
func (p *program) serve(cmd *cobra.Command, _ []string) (err error) {
	ctx := cmd.Context()
	cfg, err := p.load(ctx, p.stdout)
	if err != nil {
		return err
	}
	defer logging.CaptureStandard(log)() // what libraries log becomes lines like all others
	service, err := app.New(cfg, build().Version)
	if err != nil {
		return err
	}
	stopDatabase := func(context.Context) error { return nil }
	defer func() {
		err = errors.Join(err, service.Close(), stopDatabase(context.WithoutCancel(ctx))) //nolint:contextcheck // must run to its end
		if err != nil {
			log.Error(context.WithoutCancel(ctx), "service_failed", logging.Err(err))
		}
	}()

	if err := service.Listen(ctx); err != nil {
		return err
	}
	stopDatabase, err = provideDatabase(ctx, cfg)
	if err == nil {
		err = provideSigningKey(ctx, cfg)
	}
	if err == nil {
		err = service.Connect(ctx)
	}
	if err != nil && ctx.Err() != nil {
		log.Info(ctx, "service_stopping", logging.String("reason", context.Cause(ctx).Error()))
		return nil
	}
	if err != nil {
		return err
	}
	return service.Run(ctx)
}

// provideDatabase starts the development database where the configuration names none. stop ends it.
func provideDatabase(ctx context.Context, cfg *app.Config) (stop func(context.Context) error, err error) {
	nothing := func(context.Context) error { return nil }
	if !cfg.Database.URL.IsZero() {
		return nothing, nil
	}
	dsn, stop, err := startDatabase(ctx)
	if err != nil {
		return nothing, fmt.Errorf("start a database, since DATABASE_URL names none: %w", err)
	}
	cfg.Database.URL = config.Secret(dsn)
	return stop, nil
}
