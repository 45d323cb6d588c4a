package main

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// validation is what the flags of env validate say.
type validation struct {
	file, schema, level string
	strict              bool
	as                  format
}

// errInvalid ends a command whose result says already what is wrong.
var errInvalid = quietError{errors.Sentinel("the file is not valid")}

// errStrict ends a command whose result says that the file is valid, and so does not say why it ends with 1.
var errStrict = errors.Sentinel("the file has warnings, which --strict takes for errors")

func (p *program) envValidateCommand() *cobra.Command {
	var v validation
	cmd := &cobra.Command{
		Use:   "validate --env FILE",
		Short: "Check a dotenv file against a schema, or against the configuration of this service",
		Long: "Check a dotenv file: its form, its safety at a level, and its variables against a schema or, without one, against the\n" +
			"configuration of this service. Exit 0 where it is valid, 1 where it is not (or has a warning, with --strict), 2 for a\n" +
			"file or a flag that cannot be used.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.validateEnv(cmd.Context(), v) },
	}
	cmd.Flags().StringVar(&v.file, "env", "", "the dotenv file")
	cmd.Flags().StringVar(&v.schema, "schema", "", "a schema, as env schema writes it")
	cmd.Flags().StringVar(&v.level, "level", string(env.Production), "development, staging or production")
	cmd.Flags().BoolVar(&v.strict, "strict", false, "take warnings for errors")
	v.as.flag(cmd)
	return cmd
}

func (p *program) validateEnv(ctx context.Context, v validation) error {
	if err := p.logToStderr(); err != nil {
		return err
	}
	level, err := env.ParseLevel(v.level)
	if err != nil {
		return usageError{fmt.Errorf("--level: %w", err)}
	}
	file, err := readEnv("--env", v.file)
	if err != nil {
		return err
	}
	validator := env.Validator{Level: level}
	if v.schema == "" {
		validator.Check = serviceCheck(level)
	} else if validator.Schema, err = env.ReadSchemaFile(v.schema); err != nil {
		return usageError{err}
	}
	result := validator.Validate(ctx, file)
	if err := p.printResult(result, v.as); err != nil {
		return err
	}
	switch {
	case !result.Valid():
		return errInvalid
	case v.strict && result.Count(env.SeverityWarning) > 0:
		return errStrict
	}
	return nil
}

// readEnv reads the dotenv file that a flag names.
func readEnv(flag, path string) (*env.File, error) {
	if path == "" {
		return nil, usageError{fmt.Errorf("%s is required: the dotenv file to read", flag)}
	}
	file, err := env.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	return file, nil
}

// readWhole is readEnv for commands whose answer would be wrong if lines were left out.
func readWhole(flag, path string) (*env.File, error) {
	file, err := readEnv(flag, path)
	if err != nil {
		return nil, err
	}
	if err := file.Err(); err != nil {
		return nil, usageError{fmt.Errorf("read %s: %w", path, err)}
	}
	return file, nil
}

func (p *program) printResult(r env.Result, as format) error {
	if as == formatJSON {
		return p.printJSON(struct {
			env.Result
			Valid    bool `json:"valid"`
			Errors   int  `json:"errors"`
			Warnings int  `json:"warnings"`
		}{r, r.Valid(), r.Count(env.SeverityError), r.Count(env.SeverityWarning)})
	}
	for _, f := range r.Findings {
		fmt.Fprintln(p.stdout, f)
	}
	verdict := "valid"
	if !r.Valid() {
		verdict = "not valid"
	}
	_, err := fmt.Fprintf(p.stdout, "%s: %s: %d variables, %d errors, %d warnings\n",
		r.File, verdict, r.Variables, r.Count(env.SeverityError), r.Count(env.SeverityWarning))
	return err
}

// serviceCheck reads the configuration of the service from nothing but the variables of a file. Where the file does not say
// which environment it is for, it is that of the level.
func serviceCheck(level env.Level) env.Check {
	return func(ctx context.Context, f *env.File) []env.Problem {
		_, origins, err := config.Load[app.Config](ctx, config.Options{
			Lookup: func(name string) (string, bool) {
				value, ok := f.Lookup(name)
				if name == "APP_ENVIRONMENT" && value == "" {
					return string(level), true
				}
				return value, ok && name != "ENV_FILE"
			},
			Environ:  f.Names,
			ReadFile: noFile,
		})
		var problems []env.Problem
		if origins != nil {
			for _, s := range origins.Suggestions() {
				message := "is not known: did you mean " + s.DidYouMean + "?"
				problems = append(problems, env.Problem{Variable: s.Variable, Rule: env.RuleUnknown, Message: message, Severity: env.SeverityWarning})
			}
		}
		invalid, ok := errors.AsType[*config.Error](err)
		if !ok {
			return problems
		}
		for _, one := range invalid.Problems {
			if one.Rule == "file" { // see noFile
				continue
			}
			problems = append(problems, env.Problem{Variable: one.Variable, Rule: one.Rule, Message: one.Message})
		}
		return problems
	}
}

// noFile stands for every file: what NAME_FILE names is there where the service runs, not here, and counts as set.
func noFile(path string) ([]byte, error) {
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}
