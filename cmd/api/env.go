package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

func (p *program) envCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Work with the variables that configure the service",
		Args:  noArgs,
		RunE:  needsSubcommand,
	}
	cmd.AddCommand(p.envValidateCommand(), p.envSchemaCommand(), p.envDiffCommand(), &cobra.Command{
		Use:   "example",
		Short: "Print a .env.example of every variable, made from the configuration structs",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return writeExample(p.stdout) },
	})
	return cmd
}

// writeExample writes every variable with its description, its rules and its default, commented out: copied to .env it
// changes nothing until somebody edits it.
func writeExample(w io.Writer) error {
	variables, err := config.Describe(&app.Config{})
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Every variable of the service, with its default. Copy this file to .env and uncomment what is to change.\n" +
		"# [secret] and [file]: NAME_FILE may name a file that holds the value. [live]: SIGHUP takes a change over, without a restart.\n")
	for _, v := range variables {
		fmt.Fprintf(&b, "\n# %s\n", describe(v))
		fmt.Fprintf(&b, "#%s=%s\n", v.Name, v.Default)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func describe(v config.Variable) string {
	text := v.Description
	if v.Rule != "" {
		text += " (" + strings.ReplaceAll(v.Rule, "..", " to ") + ")"
	}
	switch {
	case v.Secret:
		text += " [secret]"
	case v.File:
		text += " [file]"
	}
	if v.Live {
		text += " [live]"
	}
	return text
}
