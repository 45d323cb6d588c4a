package config

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The variables that decide what else is read.
const (
	variableEnvironment = "APP_ENVIRONMENT"
	variableEnvFile     = "ENV_FILE"

	defaultEnvFile = ".env"
)

// environments lists those that APP_ENVIRONMENT may name; the first is the default.
var environments = []Environment{Development, Staging, Production, Testing}

// parseEnvironment returns the environment of this name in any case, or "".
func parseEnvironment(name string) Environment {
	i := slices.IndexFunc(environments, func(e Environment) bool { return strings.EqualFold(string(e), strings.TrimSpace(name)) })
	if i < 0 {
		return ""
	}
	return environments[i]
}

// readsDotenv reports whether a .env that nobody asked for is read.
func (e Environment) readsDotenv() bool { return e == Development || e == Testing }

// dotenvLayer returns the layer of the dotenv file, which knows nothing where there is no such file, and the names in it. The process
// environment is left as it is.
//
// A .env is for developers: it is read in development and testing. As it is what decides that where the process
// environment says nothing, one that names another environment is a mistake, which must not start a service in
// development that was meant to be in production. The file that ENV_FILE names is read in any case.
func (o Options) dotenvLayer(problems *Problems) (layer, []Suggestion) {
	path, _ := o.Lookup(variableEnvFile)
	named := path != ""
	inherited, _ := o.Lookup(variableEnvironment)
	if !named {
		path = filepath.Join(o.Dir, defaultEnvFile)
	}
	none := func(string) (string, string, bool) { return "", "", false }
	if !named && inherited != "" && !parseEnvironment(inherited).readsDotenv() {
		return none, nil
	}
	content, err := o.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return none, nil
	case err != nil:
		problems.fail(Problem{variableEnvFile, "file", "the dotenv file " + reason(err), ""})
		return none, nil
	}
	file, names := o.parseDotenv(path, content, problems)
	if own, source, _ := file(variableEnvironment); !named && inherited == "" {
		if e := parseEnvironment(own); e != "" && !e.readsDotenv() {
			message := "a .env is for development and testing; set it in the process environment, or name the file in ENV_FILE"
			problems.fail(Problem{variableEnvironment, "source", message, source})
		}
	}
	return file, names
}

func (o Options) parseDotenv(path string, content []byte, problems *Problems) (layer, []Suggestion) {
	entries, err := dotenv.Parse(content, dotenv.Options{Expand: o.Lookup})
	if all, ok := errors.AsType[dotenv.Errors](err); ok {
		for _, e := range all {
			source := fmt.Sprintf("%s line %d, column %d", path, e.Line, e.Column)
			problems.fail(Problem{variableEnvFile, e.Rule, e.Message, source})
		}
	}
	last := make(map[string]dotenv.Entry, len(entries))
	names := make([]Suggestion, len(entries))
	for i, e := range entries {
		last[e.Key] = e
		names[i] = Suggestion{Variable: e.Key, Source: fmt.Sprintf("%s line %d", path, e.Line)}
	}
	return func(name string) (string, string, bool) {
		e, ok := last[name]
		return e.Value, fmt.Sprintf("%s line %d", path, e.Line), ok && e.HasValue
	}, names
}
