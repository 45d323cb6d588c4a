// Command api is the service and the commands that operate it. Without arguments it serves.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	// Time zones in the binary, for images without any.
	_ "time/tzdata"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func main() {
	ctx, stop := server.SignalContext(context.Background())
	p := &program{os.Stdin, os.Stdout, os.Stderr, os.LookupEnv, os.Environ()}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is what the commands share: their input and output and the process environment.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool)
	environ        []string // as os.Environ returns it
}

// run runs a command and returns its exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.commands() //nolint:contextcheck // cobra passes ctx to the command that runs
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil || errors.Is(err, errReported):
	case ctx.Err() != nil: // the command was told to stop, which is the reason of every other error
		fmt.Fprintln(p.stderr, "api: stopped:", context.Cause(ctx))
	case !errors.Is(err, db.ErrOpen): // else it has been logged
		fmt.Fprintln(p.stderr, "api:", printable(err.Error()))
	}
	return exitCode(err)
}

func (p *program) commands() *cobra.Command {
	root := command("api", "The service, and the commands to operate it", p.serve)
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		p.serveCommand(), p.migrateCommand(), p.envCommand(), p.configCommand(), p.keysCommand(), p.tokenCommand(),
		p.userCommand(), p.routesCommand(), p.healthcheckCommand(), p.versionCommand(),
	)
	return root
}

// The exit codes of all commands.
const (
	exitOK      = 0
	exitFailure = 1 // the command failed
	exitUsage   = 2 // the configuration or the command line is invalid
)

func exitCode(err error) int {
	_, isUsage := errors.AsType[usageError](err)
	_, isConfig := errors.AsType[*config.Error](err)
	switch {
	case err == nil:
		return exitOK
	case isUsage, isConfig, errors.Is(err, db.ErrBypassesRowSecurity), errors.Is(err, db.ErrOwnsTables),
		errors.Is(err, db.ErrNotMember):
		return exitUsage
	}
	return exitFailure
}

// usageError is an error of the command line.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported ends a command with exitFailure without a message, because its output contains the
// reason.
var errReported = errors.Sentinel("reported")

// command returns a command that takes flags but no arguments.
func command(use, short string, run func(ctx context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context()) },
	}
}

// group returns a command that only contains others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := command(name, short, func(context.Context) error {
		return usage("api %s needs a command (see api %[1]s --help)", name)
	})
	cmd.AddCommand(commands...)
	return cmd
}

// formatFlag adds --format to a command.
func formatFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().Func("format", "output `FORMAT`, text (the default) or json", func(format string) error {
		if format != "text" && format != "json" {
			return errors.Sentinel("must be text or json")
		}
		*asJSON = format == "json"
		return nil
	})
}

// print prints value as JSON, or the text that write writes, with its tab-separated columns
// aligned.
func (p *program) print(asJSON bool, value any, write func(w io.Writer)) error {
	if asJSON {
		return writeJSON(p.stdout, value)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	write(w)
	return w.Flush()
}

// printable escapes what would change a terminal or the order of its text: control characters but
// line breaks, marks of direction, and invisible characters.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
