// Command api is the service and the tools to run it. Without arguments, or with serve, it serves.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	// Time zones in the binary, for images that have none.
	_ "time/tzdata"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// The exit codes of every command.
const (
	exitOK      = 0
	exitFailure = 1 // it went wrong at run time
	exitUsage   = 2 // bad configuration or usage: nothing was tried
)

func main() {
	ctx, stop := server.SignalContext(context.Background())
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv, os.Environ)
	stop()
	os.Exit(code)
}

// program is what the commands share: where they write and where the configuration comes from.
type program struct {
	stdout, stderr io.Writer
	lookup         func(string) (string, bool)
	environ        func() []string // may be nil
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, lookup func(string) (string, bool), environ func() []string) int {
	p := &program{stdout, stderr, lookup, environ}
	root := &cobra.Command{
		Use:           "api",
		Short:         "The service, and the tools to run it",
		Args:          noArgs,
		RunE:          p.serve,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	//nolint:contextcheck // cobra hands the ctx of ExecuteContext to the command that runs
	root.AddCommand(p.serveCommand(), p.migrateCommand(), p.envCommand(), p.configCommand(), p.keysCommand(), p.tokenCommand(), p.userCommand(),
		p.routesCommand(), p.healthcheckCommand(), p.versionCommand())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })

	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if _, quiet := errors.AsType[quietError](err); !quiet {
		fmt.Fprintln(stderr, "api:", err)
	}
	return exitCode(err)
}

// needsSubcommand is what a command does that is only there to hold others.
func needsSubcommand(cmd *cobra.Command, _ []string) error {
	return usageError{fmt.Errorf("%s needs a command: see %s --help", cmd.CommandPath(), cmd.CommandPath())}
}

// usageError marks an error of the command line.
type usageError struct{ error }

// quietError marks an error that the output of a command has told already.
type quietError struct{ error }

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return exitUsage
	}
	if errors.Is(err, db.ErrBypassesRowSecurity) {
		return exitUsage
	}
	return exitFailure
}
