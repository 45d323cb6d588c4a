package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/ollama" // part:ollama part:llm
)

func (p *program) configCommand() *cobra.Command {
	var asJSON bool
	show := command("show", "Print the effective configuration and the source of each value, without secrets",
		func(ctx context.Context) error { return p.showConfig(ctx, asJSON) })
	show.Long = "Print the effective configuration and the source of each value, with [REDACTED] for secrets.\n\n" +
		"JSON output is a list of {variable, value, source, secret, live}. SIGHUP applies changes of live variables;\n" +
		"others need a restart. If the configuration is invalid, the valid values are printed, the problems go to\n" +
		"stderr, and the exit code is 2."
	formatFlag(show, &asJSON)
	return group("config", "Inspect the configuration", show)
}

// showConfig prints the settings. Invalid ones have no value, and the error says why.
func (p *program) showConfig(ctx context.Context, asJSON bool) error {
	o, noVault := p.sources(ctx)
	cfg, provenance, err := config.Load[app.Config](ctx, o)
	if provenance == nil {
		return err
	}
	p.complete(provenance.Settings, cfg)
	if printing := p.print(asJSON, provenance.Settings, func(w io.Writer) {
		fmt.Fprintln(w, "VARIABLE\tVALUE\tSOURCE\tCHANGES")
		for _, s := range provenance.Settings {
			changes := "restart"
			if s.Live {
				changes = "live"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Variable, oneLine(s.Value), oneLine(s.Source), changes)
		}
	}); printing != nil {
		return printing
	}
	for _, s := range provenance.Suggestions {
		fmt.Fprintln(p.stderr,
			printable(fmt.Sprintf("%s (%s) is unknown: did you mean %s?", s.Variable, s.Source, s.DidYouMean)))
	}
	return errors.Join(noVault, err)
}

// complete adds what serve does about variables that are not set.
func (p *program) complete(settings []config.Setting, cfg *app.Config) {
	defaults := map[string]string{
		"LOG_FORMAT":      logFormat(cfg.Base, p.stdout),
		"DB_AUTO_MIGRATE": strconv.FormatBool(cfg.Database.Migrates()),
		"OLLAMA_HOST":     ollama.DefaultHost, // part:ollama part:llm
	}
	if cfg.IsDevelopment() {
		defaults["DATABASE_URL"] = "an embedded database in " + dataDir()
		defaults["AUTH_JWT_PRIVATE_KEY"] = "a generated key in " + dataDir()
	} else if cfg.Environment == config.Testing {
		defaults["AUTH_JWT_PRIVATE_KEY"] = "a new generated key"
	}
	if !cfg.Database.URL.IsZero() {
		defaults["DATABASE_LISTEN_URL"] = "that of DATABASE_URL"
	}
	for i, s := range settings {
		if value, ok := defaults[s.Variable]; ok && s.Source == config.SourceUnset {
			settings[i].Value, settings[i].Source = value, config.SourceDefault
		}
	}
}

// oneLine truncates a value for a table.
func oneLine(value string) string {
	const limit = 60
	runes := []rune(strings.ReplaceAll(value, "\n", " "))
	if len(runes) > limit {
		return printable(string(runes[:limit])) + "…"
	}
	return printable(string(runes))
}
