package config

import (
	"encoding"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Provenance says what each variable is and where its value came from. It is immutable and safe for concurrent use.
type Provenance struct {
	settings    []Setting
	suggestions []Suggestion
}

// Setting is the effective value of one variable.
type Setting struct {
	Variable string `json:"variable"`
	Value    string `json:"value"`  // for people; a secret is [REDACTED]; empty where there is none or it was refused
	Source   string `json:"source"` // one of the Source constants, "file /run/secrets/x", or ".env line 3"
	Secret   bool   `json:"secret"`
	Live     bool   `json:"live"` // a reload takes a change of it over; else it needs a restart
}

// All yields the settings in the order of the struct's fields.
func (p *Provenance) All() iter.Seq[Setting] { return slices.Values(p.settings) }

// Suggestions returns the variables that are set and that no field names, but that look like a field's misspelt, in the order
// of their names. They are ignored like all unknown variables; somebody should look at them.
func (p *Provenance) Suggestions() []Suggestion { return slices.Clone(p.suggestions) }

// Source returns where the value of a variable came from, or "" for a variable that the struct does not have.
func (p *Provenance) Source(variable string) string {
	for _, s := range p.settings {
		if s.Variable == variable {
			return s.Source
		}
	}
	return ""
}

func newProvenance(fields []*field, from map[string]string, problems *Problems) *Provenance {
	p := &Provenance{settings: make([]Setting, len(fields))}
	for i, f := range fields {
		v, source := f.targets[0], from[f.name]
		if source == SourceUnset && !v.IsZero() {
			source = SourceDerived
		}
		p.settings[i] = Setting{Variable: f.name, Source: source, Secret: f.secret(), Live: f.live}
		if problems.Readable(f.name) {
			p.settings[i].Value = display(v, f.separator)
		}
	}
	return p
}

// display writes a value much as a variable would hold it, without passwords.
func display(v reflect.Value, separator string) string {
	switch value := v.Interface().(type) {
	case Secret:
		if value == "" {
			return ""
		}
		return value.String()
	case time.Duration:
		return shorten(value)
	case encoding.TextMarshaler:
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return ""
		}
		if text, err := value.MarshalText(); err == nil {
			return logging.Redact(string(text))
		}
	case fmt.Stringer:
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return ""
		}
		return logging.Redact(value.String())
	case []byte:
		return logging.Redact(string(value))
	}
	switch {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return display(v.Elem(), separator)
	case v.Type() == urlType:
		u := reflect.New(urlType)
		u.Elem().Set(v)
		return display(u, separator)
	case isList(v.Type()):
		items := make([]string, v.Len())
		for i := range items {
			items[i] = display(v.Index(i), separator)
		}
		return strings.Join(items, separator)
	case isMap(v.Type()):
		var items []string
		for key, item := range v.Seq2() {
			items = append(items, display(key, separator)+":"+display(item, separator))
		}
		slices.Sort(items)
		return strings.Join(items, separator)
	}
	return logging.Redact(fmt.Sprint(v.Interface()))
}

// shorten writes a duration without the zero units at its end: 1h, not 1h0m0s.
func shorten(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
