package main

import (
	"cmp"
	"context"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// load reads the configuration and sets up logging to w. The result is a copy that the caller may
// change.
func (p *program) load(ctx context.Context, w io.Writer) (*app.Config, error) {
	r, err := p.open(ctx, w)
	if err != nil {
		return nil, err
	}
	return new(*r.Get()), nil
}

// open is load for a command that reloads its configuration.
func (p *program) open(ctx context.Context, w io.Writer) (*config.Reloader[app.Config], error) {
	return open(ctx, p, w, func(c *app.Config) config.Base { return c.Base })
}

// open loads the configuration T and sets up logging to w.
func open[T any](ctx context.Context, p *program, w io.Writer, base func(*T) config.Base) (*config.Reloader[T], error) {
	o, err := p.sources(ctx)
	if err != nil {
		return nil, err
	}
	r, provenance, err := config.NewReloader[T](ctx, o)
	if r == nil {
		return nil, err
	}
	if setup := setUpLogging(base(r.Get()), w); setup != nil {
		return nil, setup
	}
	if err != nil {
		config.LogFailed(ctx, log, err)
		return nil, err
	}
	log.Info(ctx, "config_loaded", logging.String("app_name", base(r.Get()).AppName))
	config.LogSuggestions(ctx, log, provenance.Suggestions)
	return r, nil
}

// sources returns the sources of the configuration: the environment and, if AZURE_KEY_VAULT_URL is
// set, a key vault. An invalid URL is reported when the whole configuration is loaded, together
// with all other problems.
func (p *program) sources(ctx context.Context) (config.Options, error) {
	o := config.Options{Lookup: p.lookup, Environ: p.environ}
	type result struct {
		content []byte
		err     error
	}
	read := map[string]result{}
	o.ReadFile = func(path string) ([]byte, error) {
		content, err := dotenv.ReadFile(path)
		read[path] = result{content, err}
		return content, err
	}
	vault, _, err := config.Load[keyvault.Config](ctx, o)
	// ENV_FILE may be a pipe, which can be read once: the next load takes what this one has read.
	o.ReadFile = func(path string) ([]byte, error) {
		if r, ok := read[path]; ok {
			delete(read, path)
			return r.content, r.err
		}
		return dotenv.ReadFile(path)
	}
	if err != nil || vault.URL == "" {
		return o, nil //nolint:nilerr // reported later
	}
	secrets, err := keyvault.New(keyvault.Options{URL: vault.URL})
	if err != nil {
		problem := config.Problem{Variable: "AZURE_KEY_VAULT_URL", Rule: "key_vault", Message: err.Error()}
		return o, &config.Error{Problems: []config.Problem{problem}}
	}
	o.Secrets = secrets
	return o, nil
}

func setUpLogging(cfg config.Base, w io.Writer) error {
	core, err := logging.NewCore(logging.Options{
		App: cfg.AppName, Environment: string(cfg.Environment), Level: cfg.LogLevel, Format: logFormat(cfg, w), Output: w,
		LineLimit: int(cfg.LogLine),
		Sample:    cfg.LogSample,
	})
	if err != nil {
		return err
	}
	logging.SetDefault(core)
	return nil
}

// logFormat returns the format of the lines that go to w.
func logFormat(cfg config.Base, w io.Writer) string {
	if cfg.LogFormat == "" && cfg.IsDevelopment() && isTerminal(w) {
		return "console"
	}
	return cmp.Or(cfg.LogFormat, "json")
}

// logToStderr sets up logging for a command that needs no configuration and prints its own results:
// below level error only with LOG_LEVEL.
func (p *program) logToStderr() error {
	level, _ := p.lookup("LOG_LEVEL")
	core, err := logging.NewCore(logging.Options{App: "api", Output: p.stderr, Level: cmp.Or(level, "error")})
	if err != nil {
		return usage("LOG_LEVEL: %w", err)
	}
	logging.SetDefault(core)
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
