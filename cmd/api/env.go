package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func (p *program) envCommand() *cobra.Command {
	return group("env", "Check and compare dotenv files",
		p.envValidateCommand(), p.envSchemaCommand(), p.envDiffCommand(),
		command("example", "Print a .env.example with every variable of the service", p.printExample))
}

func (p *program) envValidateCommand() *cobra.Command {
	var path, schema, level string
	var strict, asJSON bool
	cmd := command("validate --env FILE", "Check a dotenv file against a schema, or against the service's configuration",
		func(ctx context.Context) error { return p.validateEnv(ctx, path, schema, level, strict, asJSON) })
	cmd.Long = "Check the form of a dotenv file, its security at a level, and its variables against a schema or,\n" +
		"without one, against the service's configuration. The exit code is 0 if the file is valid, 1 if it is\n" +
		"invalid (with --strict also if it has warnings), and 2 if a file cannot be read or a flag is wrong."
	cmd.Flags().StringVar(&path, "env", "", "dotenv `FILE` to check")
	cmd.Flags().StringVar(&schema, "schema", "", "schema `FILE`, as written by env schema")
	cmd.Flags().StringVar(&level, "level", string(env.Production), "`LEVEL`: development, staging or production")
	cmd.Flags().BoolVar(&strict, "strict", false, "fail if there are warnings")
	formatFlag(cmd, &asJSON)
	return cmd
}

func (p *program) validateEnv(ctx context.Context, path, schema, level string, strict, asJSON bool) error {
	if err := p.logToStderr(); err != nil {
		return err
	}
	v := env.Validator{}
	var err error
	if v.Level, err = env.ParseLevel(level); err != nil {
		return usage("--level: %w", err)
	}
	file, err := readEnv("--env", path)
	if err != nil {
		return err
	}
	if schema == "" {
		v.Check = checkService(v.Level)
	} else if v.Schema, err = env.ReadSchema(schema); err != nil {
		return usage("--schema: %w", err)
	}
	r := v.Validate(ctx, file)
	err = p.print(asJSON, r, func(w io.Writer) {
		for _, f := range r.Findings {
			fmt.Fprintln(w, printable(f.String()))
		}
		verdict := "valid"
		if !r.Valid {
			verdict = "invalid"
		}
		fmt.Fprintf(w, "%s: %s at level %s: %d variables, %d errors, %d warnings\n",
			printable(r.File), verdict, r.Level, r.Variables, r.Errors, r.Warnings)
	})
	switch {
	case err != nil:
		return err
	case !r.Valid:
		return errReported
	case strict && r.Warnings > 0:
		return errors.Sentinel("--strict: the file has warnings (fix them or omit --strict)")
	}
	return nil
}

// readEnv reads the dotenv file that a flag names.
func readEnv(flag, path string) (*env.File, error) {
	if path == "" {
		return nil, usage("%s is required: name the dotenv file to read", flag)
	}
	file, err := env.ReadFile(path)
	if err != nil {
		return nil, usage("%s: %w", flag, err)
	}
	return file, nil
}

// checkService returns a check that loads the configuration of the service from nothing but the
// file. If the file does not set APP_ENVIRONMENT, that is the level.
func checkService(level env.Level) func(context.Context, *env.File) []env.Finding {
	return func(ctx context.Context, f *env.File) (found []env.Finding) {
		_, provenance, err := config.Load[app.Config](ctx, config.Options{
			Lookup: func(name string) (string, bool) {
				value, ok := f.Lookup(name)
				if name == "APP_ENVIRONMENT" && value == "" {
					return string(level), true
				}
				return value, ok && name != "ENV_FILE"
			},
			Environ: f.Names(),
			// A file in NAME_FILE exists where the service runs, not here. Its variable counts as
			// set.
			ReadFile: func(path string) ([]byte, error) {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			},
		})
		if provenance != nil {
			for _, s := range provenance.Suggestions {
				found = append(found, env.Finding{Variable: s.Variable, Rule: "unknown", Severity: env.SeverityWarning,
					Message: "is unknown: did you mean " + s.DidYouMean + "?"})
			}
		}
		if invalid, ok := errors.AsType[*config.Error](err); ok {
			for _, one := range invalid.Problems {
				if one.Rule != "file" { // see ReadFile
					found = append(found, env.Finding{
						Variable: one.Variable, Rule: one.Rule, Severity: env.SeverityError, Message: one.Message,
					})
				}
			}
		}
		return found
	}
}

func (p *program) envSchemaCommand() *cobra.Command {
	var from, out string
	var overwrite bool
	cmd := command("schema --from FILE --out FILE", "Write a draft of a schema for a dotenv file, without secrets",
		func(context.Context) error { return p.inferSchema(from, out, overwrite) })
	cmd.Flags().StringVar(&from, "from", "", "dotenv `FILE` to read")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to write")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace an existing file")
	return cmd
}

func (p *program) inferSchema(from, out string, overwrite bool) error {
	file, err := readComplete("--from", from)
	if err != nil {
		return err
	}
	if out == "" {
		return usage("--out is required: name the file to write the schema to")
	}
	if sameFile(from, out) {
		return usage("--out must not be the file of --from: it would be replaced")
	}
	schema := env.Infer(file)
	var text bytes.Buffer
	if err := writeJSON(&text, schema); err != nil {
		return err
	}
	write, mode := writeFile, fs.FileMode(0o644)
	if overwrite {
		write = os.WriteFile
	}
	if err := write(out, text.Bytes(), mode); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w (use --overwrite to replace it)", err)
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d variables\n", printable(out), len(schema.Variables))
	return err
}

func sameFile(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

// readComplete is readEnv for commands whose result would be wrong without the lines that have
// syntax errors.
func readComplete(flag, path string) (*env.File, error) {
	file, err := readEnv(flag, path)
	if err != nil {
		return nil, err
	}
	if err := file.Err(); err != nil {
		return nil, usage("%s: %w", flag, err)
	}
	return file, nil
}

func (p *program) envDiffCommand() *cobra.Command {
	var path1, path2 string
	var unmasked, fail, asJSON bool
	cmd := command("diff --env1 FILE --env2 FILE", "Print what a second dotenv file lacks, adds and changes",
		func(context.Context) error { return p.diffEnv(path1, path2, unmasked, fail, asJSON) })
	cmd.Flags().StringVar(&path1, "env1", "", "first dotenv `FILE`")
	cmd.Flags().StringVar(&path2, "env2", "", "second dotenv `FILE`, the target")
	cmd.Flags().BoolVar(&unmasked, "no-mask", false, "print secrets instead of ***")
	cmd.Flags().BoolVar(&fail, "fail-on-diff", false, "exit with 1 if the files differ")
	formatFlag(cmd, &asJSON)
	return cmd
}

func (p *program) diffEnv(path1, path2 string, unmasked, fail, asJSON bool) error {
	first, err := readComplete("--env1", path1)
	if err != nil {
		return err
	}
	second, err := readComplete("--env2", path2)
	if err != nil {
		return err
	}
	d := env.Compare(first, second, unmasked)
	err = p.print(asJSON, d, func(w io.Writer) { fmt.Fprint(w, printable(d.String())) })
	if err == nil && fail && !d.Empty() {
		return errReported
	}
	return err
}

// printExample prints every variable with its description, rule and default. All are commented out,
// so that a copy changes nothing until somebody edits it.
func (p *program) printExample(context.Context) error {
	variables, err := config.Describe[app.Config]()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# All variables of the service with their defaults. Copy this file to .env and uncomment what\n" +
		"# you change. [secret], [file]: NAME_FILE may name a file that holds the value. [live]: SIGHUP\n" +
		"# applies a change without a restart. .env is read in development and testing only. ENV_FILE, set in\n" +
		"# the process environment, names another file, for any environment; it may be a pipe, as in\n" +
		"# ENV_FILE=<(sops -d secrets.env).\n")
	for _, v := range variables {
		fmt.Fprintf(&b, "\n# %s\n#%s=%s\n", describe(v), v.Name, v.Default)
	}
	_, err = io.WriteString(p.stdout, b.String())
	return err
}

func describe(v config.Variable) string {
	text := v.Description
	if v.Rule != "" {
		text += " (" + v.Rule + ")"
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
