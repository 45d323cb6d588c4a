package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

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
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from the start, since an early one must not end the process
	defer signal.Stop(hangups)
	store, cfg, err := p.open(ctx, p.stdout)
	if err != nil {
		return err
	}
	defer logging.Flush(nil)
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
	defer watch(ctx, store, hangups, service)()
	return service.Run(ctx)
}

// watch has the service take over what changes in the configuration, on SIGHUP. The function that it returns ends that.
func watch(ctx context.Context, store *config.Store, hangups <-chan os.Signal, service *app.App) (stop func()) {
	store.Subscribe(func(ctx context.Context, change config.Change) {
		cfg, err := config.Get[app.Config](ctx, store)
		if err == nil {
			err = service.Reconfigure(ctx, completed(cfg), change)
		}
		if err != nil {
			log.Error(ctx, "config_change_failed", logging.Err(err))
		}
	})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		config.Watch(ctx, store, hangups, log)
	}()
	return func() {
		cancel()
		<-done
	}
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
