package config

import (
	"context"
	"reflect"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Secret is a string that prints as [REDACTED]; Reveal returns its value. A field of this type may
// also be read from a file (NAME_FILE) or from the secret store.
type Secret = logging.Secret

// Base holds the settings that every package may need. Each package's Config may embed it: a
// variable is read once, however many structs have a field for it.
type Base struct {
	AppName     string      `env:"APP_NAME" env-default:"netrun-service" env-description:"name of the service in logs and tokens"`
	Environment Environment `env:"APP_ENVIRONMENT" env-default:"development" env-rule:"oneof=development staging production testing" env-description:"environment that the service runs in"`
	Debug       bool        `env:"APP_DEBUG" env-default:"false" env-description:"debug mode; refused in production"`
	LogLevel    string      `env:"LOG_LEVEL" env-default:"info" env-rule:"oneof=debug info warning error critical" env-live:"true" env-description:"minimum level of logged events"`
	LogFormat   string      `env:"LOG_FORMAT" env-rule:"oneof=json console" env-description:"format of log lines; when empty, console on a terminal in development, else json"`
	LogSample   int         `env:"LOG_SAMPLE" env-default:"0" env-rule:"range=0..1000000" env-description:"lines per second of one event below level error before only one in 100 is written; 0 disables sampling"`
	LogLine     Bytes       `env:"LOG_LINE_LIMIT" env-default:"16000" env-rule:"range=4000B..64KiB" env-description:"maximum size of a log line; Docker splits lines at 16KiB"`
}

// Environment is the deployment environment.
type Environment string

// The values of APP_ENVIRONMENT, which may be written in any case.
const (
	Development Environment = "development"
	Staging     Environment = "staging"
	Production  Environment = "production"
	Testing     Environment = "testing"
)

// IsDevelopment reports whether the service runs on a developer's machine.
func (b Base) IsDevelopment() bool { return b.Environment == Development }

// IsProduction reports whether the service runs in production.
func (b Base) IsProduction() bool { return b.Environment == Production }

// Validate reports APP_DEBUG in production.
func (b *Base) Validate(report func(variable, rule, message string)) {
	if b.Debug && b.IsProduction() {
		report("APP_DEBUG", "production", "must be off in production")
	}
}

// Options says where [Load] reads from. The zero value reads the process environment and .env in
// the working directory.
type Options struct {
	Lookup   func(name string) (value string, ok bool) // process environment; nil is os.LookupEnv
	Environ  []string                                  // process environment as os.Environ returns it, for suggestions
	ReadFile func(path string) ([]byte, error)         // nil is dotenv.ReadFile
	Dir      string                                    // directory of .env; empty is the working directory
	Secrets  SecretStore                               // nil is none
}

// SecretStore returns a secret by the name of its variable, and false if it has no such secret.
// Secret is called from several goroutines at once and must return when ctx ends.
type SecretStore interface {
	Secret(ctx context.Context, variable string) (value string, ok bool, err error)
}

// Load reads, converts and validates the struct T. ctx is for the secret store.
//
// An [*Error] lists everything that an operator has to correct. It comes with the provenance, and
// with a T that holds defaults in place of invalid values: use it to set up logging, and for
// nothing else. Any other error is a mistake in T or its tags, found before anything is read.
func Load[T any](ctx context.Context, o Options) (*T, *Provenance, error) {
	l, err := load[T](ctx, o)
	return l.value, l.provenance, err
}

// loaded is a configuration together with what is needed to compare it with a later one.
type loaded[T any] struct {
	value      *T
	plan       *plan
	texts      map[string]text
	provenance *Provenance
}

func load[T any](ctx context.Context, o Options) (loaded[T], error) {
	l := loaded[T]{value: new(T)}
	var err error
	if l.plan, err = newPlan(reflect.ValueOf(l.value).Elem()); err != nil {
		return loaded[T]{}, err
	}
	found := &problems{}
	s := newSources(o, found)
	l.texts = s.read(ctx, l.plan.fields)
	l.provenance, err = l.plan.fill(l.texts, found)
	l.provenance.Suggestions = l.plan.suggestions(o.Environ, s.names)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Suggestions = l.provenance.Suggestions
	}
	return l, err
}

// fill converts the texts, assigns them to the fields and runs the validators. found holds the
// problems of the sources.
func (p *plan) fill(texts map[string]text, found *problems) (*Provenance, error) {
	found.texts = texts
	production := texts[variableEnvironment].environment() == Production
	for _, f := range p.fields {
		f.fill(texts[f.name], production, found)
	}
	for _, v := range p.validators {
		v.Validate(found.add)
	}
	return newProvenance(p.fields, found), found.err(p.fields)
}

// fill sets the field to its text, or to the default if the text is invalid, so that validators see
// a plausible value.
func (f *field) fill(t text, production bool, found *problems) {
	v, ok := reflect.Value{}, false
	if t.ok {
		v, ok = f.parse(t, production, found)
	}
	if !ok && f.standard != "" {
		v, ok = f.convert(f.standard)
	}
	if ok {
		f.set(v)
	}
}
