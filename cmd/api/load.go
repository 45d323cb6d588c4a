package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// load reads the configuration and sets up logging to w. The caller owns what it returns.
func (p *program) load(ctx context.Context, w io.Writer) (*app.Config, error) {
	_, cfg, err := p.open(ctx, w)
	return cfg, err
}

// open is load for a program that reads its configuration again, from the store.
func (p *program) open(ctx context.Context, w io.Writer) (*config.Store, *app.Config, error) {
	o, err := p.sources(ctx)
	if err != nil {
		return nil, nil, err
	}
	store := config.NewStore(o)
	cfg, err := config.Get[app.Config](ctx, store)
	if cfg == nil {
		return nil, nil, err
	}
	if setup := setUpLogging(cfg, w); setup != nil {
		return nil, nil, setup
	}
	if err != nil {
		config.LogFailed(ctx, log, err)
		return nil, nil, err
	}
	config.LogLoaded(ctx, log, cfg.Base)
	if origins, err := config.Origins[app.Config](ctx, store); err == nil {
		config.LogSuggestions(ctx, log, origins)
	}
	return store, completed(cfg), nil
}

// completed returns a copy of cfg with what follows from other settings.
func completed(cfg *app.Config) *app.Config {
	own := *cfg
	if own.Auth.Issuer == "" {
		own.Auth.Issuer = own.AppName
	}
	return &own
}

// sources says where the configuration comes from: the environment and, where AZURE_KEY_VAULT_URL names one, a key vault. What
// is wrong with that variable is found again, together with everything else, when all of the configuration is read.
func (p *program) sources(ctx context.Context) (config.Options, error) {
	o := config.Options{Lookup: p.lookup, Environ: p.environ}
	vault, _, err := config.Load[keyvault.Config](ctx, o)
	if err != nil || vault.URL == "" {
		return o, nil //nolint:nilerr // see above
	}
	secrets, err := keyvault.New(keyvault.Options{URL: vault.URL})
	if err != nil {
		return o, &config.Error{Problems: []config.Problem{{Variable: "AZURE_KEY_VAULT_URL", Rule: "key_vault", Message: err.Error()}}}
	}
	o.Secrets = secrets
	return o, nil
}

// sampleOneIn is what LOG_SAMPLE leaves of the lines beyond its number.
const sampleOneIn = 100

func setUpLogging(cfg *app.Config, w io.Writer) error {
	format := cfg.LogFormat
	if format == "" && cfg.IsDevelopment() && isTerminal(w) {
		format = "console"
	}
	core, err := logging.NewCore(logging.Options{
		App: cfg.AppName, Environment: string(cfg.Environment), Level: cfg.LogLevel, Format: format, Output: w,
		Sampling: logging.Sampling{First: cfg.LogSample, Thereafter: sampleOneIn},
	})
	if err != nil {
		return err
	}
	logging.SetDefault(core)
	return nil
}

// logToStderr sets logging up for a command that needs no configuration.
func (p *program) logToStderr() error {
	core, err := logging.NewCore(logging.Options{App: "api", Output: p.stderr})
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
