package config

import (
	"context"
	"os"
	"reflect"
	"strings"
	"time"
)

// Options says where [LoadInto] reads from. The zero value reads the process environment and the .env of the working
// directory.
type Options struct {
	Lookup   func(name string) (value string, ok bool) // the process environment; nil is os.LookupEnv
	Environ  func() []string                           // all of it, for [Provenance.Suggestions]; nil is os.Environ, or none where Lookup is set
	ReadFile func(path string) ([]byte, error)         // nil reads regular files
	Dir      string                                    // where .env is looked for; empty is the working directory
	Secrets  SecretStore                               // asked for secrets that no variable and no file holds; may be nil

	running Environment // where the service runs already, in a reload
}

// SecretStore finds a secret by the name of its variable. It reports false where it has none of that name. It is asked
// for several secrets at a time.
type SecretStore interface {
	Secret(ctx context.Context, name string) (value string, ok bool, err error)
}

// secretsTimeout bounds how long all secrets together may take, so that a dead store cannot hold up a start for ever.
const secretsTimeout = 15 * time.Second

// Load is [LoadInto] for a new T. Where the error is an [*Error], the T holds defaults in the place of what was refused: it
// is good for setting up the logging that tells of it, and for nothing else.
func Load[T any](ctx context.Context, o Options) (*T, *Provenance, error) {
	dst := new(T)
	p, err := LoadInto(ctx, dst, o)
	return dst, p, err
}

// LoadInto fills the struct that dst points to and has it, and every struct inside of it, validate itself.
//
// What an operator did wrong is an [*Error] that lists everything; the [Provenance] is valid then too, but the struct
// must not be used. What a programmer did wrong, in the struct or its tags, is any other error, found before a value is
// read. ctx is for the secret store. Load may run in several goroutines at once, each with a struct of its own.
func LoadInto(ctx context.Context, dst any, o Options) (*Provenance, error) {
	p, err := newPlan(dst)
	if err != nil {
		return nil, err
	}
	return p.load(ctx, o)
}

func (p *plan) load(ctx context.Context, o Options) (*Provenance, error) {
	if o.Lookup == nil {
		o.Lookup = os.LookupEnv
		if o.Environ == nil {
			o.Environ = os.Environ
		}
	}
	if o.ReadFile == nil {
		o.ReadFile = readRegular
	}
	ctx, cancel := context.WithTimeout(ctx, secretsTimeout)
	defer cancel()

	from := make(map[string]string, len(p.fields))
	problems := &Problems{unreadable: map[string]bool{}, source: func(name string) string { return from[name] }}
	s := o.sources(problems)
	s.production = problems.environment == Production || o.running == Production
	p.environment = problems.environment
	s.askStore(ctx, p.fields)
	for _, f := range p.fields {
		from[f.name] = s.load(f)
	}
	for _, v := range p.validators {
		v.Validate(problems)
	}
	provenance := newProvenance(p.fields, from, problems)
	provenance.suggestions = p.suggestions(o.Environ, s.names)
	if list := problems.sorted(p.order()); len(list) > 0 {
		return provenance, &Error{list, provenance.suggestions}
	}
	return provenance, nil
}

// sources opens the layers and finds out which environment this is, which rules depend on.
func (o Options) sources(problems *Problems) *sources {
	process := func(name string) (string, string, bool) {
		value, ok := o.Lookup(name)
		return value, SourceEnvironment, ok
	}
	s := &sources{readFile: o.ReadFile, secrets: o.Secrets, problems: problems}
	file, names := o.dotenvLayer(problems)
	s.layers, s.names = []layer{process, file}, names
	problems.environment = environments[0]
	for _, in := range s.layers {
		if name, _, _ := in(variableEnvironment); name != "" {
			problems.environment = parseEnvironment(name)
			break
		}
	}
	return s
}

// load reads one variable into its fields and returns where the value is from. A field whose value is refused gets the
// default, so that the rules of its struct meet something sensible.
func (s *sources) load(f *field) string {
	text, source, ok := s.find(f)
	if ok {
		if v, valid := s.read(f, text, source); valid {
			f.set(v)
			return source
		}
	}
	if source == SourceUnset && f.required {
		s.problems.fail(Problem{f.name, "required", "is required", ""})
	}
	if f.hasStandard {
		if v, valid := f.decode(f.split(f.standard)); valid {
			f.set(v)
		}
	}
	return source
}

// read turns text into a value and checks it. Each rule that it breaks is a problem.
func (s *sources) read(f *field, text, source string) (reflect.Value, bool) {
	items, valid := f.split(text), true
	if strings.Contains(text, "\x00") {
		s.problems.fail(Problem{f.name, "type", "must not hold a NUL", source})
		return reflect.Value{}, false
	}
	refuse := func(rule, message string) {
		s.problems.fail(Problem{f.name, rule, message, source})
		valid = false
	}
	for _, r := range f.rules {
		if r.text == nil || text == "" || (r.production && !s.production) {
			continue
		}
		fine := true
		for i := range items {
			item, ok := r.text(items[i])
			items[i], fine = item, fine && ok
		}
		if !fine {
			refuse(r.name, r.message)
		}
	}
	v, ok := f.decode(items)
	if !ok {
		if valid { // else a rule has said what is wrong already
			refuse("type", "must be "+format(f.typ))
		}
		return v, false
	}
	for _, r := range f.rules {
		if r.value != nil && !r.value(v) {
			refuse(r.name, r.message)
		}
	}
	return v, valid
}
