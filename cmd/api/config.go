package main

import (
	"fmt"
	"slices"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		Args:  noArgs,
		RunE:  needsSubcommand,
	}
	var as format
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the effective configuration and where each value came from, without secrets",
		Long: "Print the effective configuration and where each value came from, with [REDACTED] for secrets.\n\n" +
			"As JSON it is a list of {variable, value, source, secret, live}. Live is what SIGHUP takes over without a restart. Where the\n" +
			"configuration is not valid, what could be read is printed, the problems go to stderr, and the exit code is 2.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.showConfig(cmd, as) },
	}
	as.flag(show)
	cmd.AddCommand(show)
	return cmd
}

// showConfig prints the settings, also where some are not valid: those have no value then, and the error says why.
func (p *program) showConfig(cmd *cobra.Command, as format) error {
	o, noVault := p.sources(cmd.Context())
	_, origins, err := config.Load[app.Config](cmd.Context(), o)
	if origins == nil {
		return err
	}
	if printing := p.printSettings(slices.Collect(origins.All()), as); printing != nil {
		return printing
	}
	for _, s := range origins.Suggestions() {
		fmt.Fprintf(p.stderr, "%s (%s) is not known: did you mean %s?\n", s.Variable, s.Source, s.DidYouMean)
	}
	return errors.Join(noVault, err)
}

func (p *program) printSettings(settings []config.Setting, as format) error {
	if as == formatJSON {
		return p.printJSON(settings)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VARIABLE\tVALUE\tSOURCE\tCHANGES")
	for _, s := range settings {
		changes := "restart"
		if s.Live {
			changes = "live"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Variable, oneLine(s.Value), s.Source, changes)
	}
	return w.Flush()
}

// oneLine keeps a value in its cell of a table.
func oneLine(value string) string {
	const most = 60
	runes := []rune(value)
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = ' '
		}
	}
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}
