package config

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/env/spelling"
	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Provenance says what was read from where.
type Provenance struct {
	Settings    []Setting    // in the order of the struct's fields
	Suggestions []Suggestion // in the order of the names
}

// Setting is the value of one variable.
type Setting struct {
	Variable string `json:"variable"`
	Value    string `json:"value"`  // after Validate; [REDACTED] for a secret, empty if there is none or it is invalid
	Source   string `json:"source"` // see [SourceEnvironment]
	Secret   bool   `json:"secret"`
	Live     bool   `json:"live"` // a reload applies a change; other variables need a restart
}

func newProvenance(fields []*field, found *problems) *Provenance {
	p := &Provenance{Settings: make([]Setting, len(fields))}
	for i, f := range fields {
		p.Settings[i] = Setting{Variable: f.name, Source: found.texts[f.name].source, Secret: f.secret(), Live: f.live}
		if v := f.effective(); v.IsValid() && !found.invalid[f.name] {
			p.Settings[i].Value = display(f.name, v)
			if p.Settings[i].Source == SourceUnset {
				p.Settings[i].Source = SourceDefault // set by Validate
			}
		}
	}
	return p
}

// effective returns the value after Validate, which may have set one of several struct fields; it is
// not valid if there is none.
func (f *field) effective() reflect.Value {
	for _, target := range f.targets {
		if !target.IsZero() {
			return reflect.Indirect(target)
		}
	}
	return f.value
}

// shortDuration removes trailing zero units: 1h, not 1h0m0s.
var shortDuration = strings.NewReplacer("h0m0s", "h", "m0s", "m")

// display formats a value as a variable would hold it, with secrets redacted, also those whose field
// should be a Secret.
func display(name string, v reflect.Value) string {
	text := fmt.Sprint(v.Interface()) // [REDACTED] for a Secret
	switch value := v.Interface().(type) {
	case []string:
		text = strings.Join(value, separator)
	case time.Duration:
		text = shortDuration.Replace(text)
	}
	if text = logging.Redact(text); strength.Suspect(name, text) {
		return logging.Redacted
	}
	return text
}

// Variable describes one variable of a struct.
type Variable struct {
	Name        string
	Default     string // empty for none, and for a secret
	Description string
	Rule        string // rule of the tag, for people: "between 1 and 100"
	Secret      bool   // also read from the secret store
	File        bool   // also read from the file that NAME_FILE names
	Live        bool   // a reload applies a change; other variables need a restart
}

// Describe returns the variables of the struct T in the order of its fields, without reading
// anything. The error is a mistake in T or its tags.
func Describe[T any]() ([]Variable, error) {
	p, err := newPlan(reflect.ValueOf(new(T)).Elem())
	if err != nil {
		return nil, err
	}
	variables := make([]Variable, len(p.fields))
	for i, f := range p.fields {
		v := Variable{Name: f.name, Description: f.description, Secret: f.secret(), File: f.inFile(), Live: f.live}
		if !v.Secret {
			v.Default = f.standard
			v.Rule = strings.TrimPrefix(f.rule.message, "must be ")
		}
		variables[i] = v
	}
	return variables, nil
}

// Suggestion is a variable that is set but unknown, with the known variable that may be meant. It
// is ignored like all unknown variables.
type Suggestion struct {
	Variable   string
	Source     string // [SourceEnvironment], or a line of the dotenv file
	DidYouMean string
}

// serviceLink matches the variables that Kubernetes sets for each service of a namespace. A service
// named database makes DATABASE_PORT=tcp://10.0.0.1:5432 and DATABASE_SERVICE_HOST.
var serviceLink = regexp.MustCompile(`^[A-Z0-9_]+_(?:SERVICE_HOST=|SERVICE_PORT(?:_[A-Z0-9_]+)?=\d|` +
	`PORT(?:_\d+_(?:TCP|UDP|SCTP))?=(?:tcp|udp|sctp)://|PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)=)`)

// maxUnknown bounds how many unknown variables are compared with the known ones.
const maxUnknown = 1000

// suggestions returns the unknown variables of the process environment and the dotenv file that
// have the prefix of a known variable, up to the first underscore, and a similar name.
func (p *plan) suggestions(environ []string, file []Suggestion) (similar []Suggestion) {
	prefixes := map[string]bool{}
	for _, f := range p.fields {
		if prefix, _, ok := strings.Cut(f.name, "_"); ok {
			prefixes[prefix] = true
		}
	}
	seen := map[string]bool{variableEnvFile: true}
	compare := func(name, source string) {
		prefix, _, ok := strings.Cut(name, "_")
		if seen[name] || !ok || !prefixes[prefix] || p.knows(name) || len(seen) > maxUnknown {
			return
		}
		seen[name] = true
		if meant := p.nearest(name); meant != "" {
			similar = append(similar, Suggestion{name, source, meant})
		}
	}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !serviceLink.MatchString(entry) {
			compare(name, SourceEnvironment)
		}
	}
	for _, one := range file {
		compare(one.Variable, one.Source)
	}
	slices.SortFunc(similar, func(a, b Suggestion) int { return cmp.Compare(a.Variable, b.Variable) })
	return similar
}

func (p *plan) knows(name string) bool {
	if p.byName[name] != nil {
		return true
	}
	base, isFile := strings.CutSuffix(name, fileSuffix)
	f := p.byName[base]
	return isFile && f != nil && f.inFile()
}

// nearest returns the known name that is most similar, "" if none is similar enough.
func (p *plan) nearest(name string) string {
	return spelling.Nearest(name, func(yield func(string) bool) {
		for _, f := range p.fields {
			if !yield(f.name) || f.inFile() && !yield(f.name+fileSuffix) {
				return
			}
		}
	})
}

// LogFailed logs the event config_validation_failed for an error of [Load] or [Reloader.Reload]
// with the names of the variables, and the suggestions, because a missing variable may be
// misspelled.
func LogFailed(ctx context.Context, log logging.Logger, err error, more ...logging.Field) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{}
	}
	fields := append(more, logging.Err(err), logging.Strings("fields", e.Variables()))
	log.Error(ctx, "config_validation_failed", fields...)
	LogSuggestions(ctx, log, e.Suggestions)
}

// LogSuggestions logs the event config_variable_unknown for each suggestion, at warning.
func LogSuggestions(ctx context.Context, log logging.Logger, list []Suggestion) {
	for _, one := range list {
		log.Warn(ctx, "config_variable_unknown", logging.String("variable", one.Variable),
			logging.String("source", one.Source), logging.String("did_you_mean", one.DidYouMean))
	}
}
