package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// load reads the configuration and sets up logging to w.
func (p *program) load(ctx context.Context, w io.Writer) (*app.Config, error) {
	cfg := &app.Config{}
	_, err := config.Load(ctx, cfg, config.Options{Lookup: p.lookup})
	if setup := setUpLogging(cfg, w); setup != nil {
		return nil, setup
	}
	if err != nil {
		config.LogFailed(ctx, log, err)
		return nil, err
	}
	if cfg.Auth.Issuer == "" {
		cfg.Auth.Issuer = cfg.AppName
	}
	config.LogLoaded(ctx, log, cfg.Base)
	return cfg, nil
}

func setUpLogging(cfg *app.Config, w io.Writer) error {
	format := cfg.LogFormat
	if format == "" && cfg.IsDevelopment() && isTerminal(w) {
		format = "console"
	}
	core, err := logging.NewCore(logging.Options{
		App: cfg.AppName, Environment: string(cfg.Environment), Level: cfg.LogLevel, Format: format, Output: w,
	})
	if err != nil {
		return err
	}
	logging.SetDefault(core)
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// noArgs is cobra.NoArgs with the exit code of a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return usageError{err}
	}
	return nil
}
