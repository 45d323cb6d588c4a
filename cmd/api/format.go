package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// format is the value of --format. The zero value is text.
type format string

const formatJSON format = "json"

var errFormat = errors.Sentinel("must be text or json")

var _ pflag.Value = (*format)(nil)

// flag adds --format to a command.
func (f *format) flag(cmd *cobra.Command) { cmd.Flags().Var(f, "format", "text or json") }

// String returns the name of the format.
func (f *format) String() string {
	if *f == formatJSON {
		return string(formatJSON)
	}
	return "text"
}

// Set reads it.
func (f *format) Set(text string) error {
	switch text {
	case "text":
		*f = ""
	case string(formatJSON):
		*f = formatJSON
	default:
		return errFormat
	}
	return nil
}

// Type names what it takes, for the help.
func (*format) Type() string { return "FORMAT" }

// printJSON prints a value for programs to read.
func (p *program) printJSON(value any) error {
	e := json.NewEncoder(p.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
