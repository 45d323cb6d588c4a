package env

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/env/spelling"
	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	schemaID      = "env-schema/v1"
	schemaVersion = "1.0"
)

// Schema describes the variables of a dotenv file. It is stored as JSON.
type Schema struct {
	ID        string              `json:"$schema"`
	Version   string              `json:"version"`
	Variables map[string]Variable `json:"variables"`
}

// Variable describes a variable. All rules are optional.
type Variable struct {
	Type          Type     `json:"type"`
	Required      bool     `json:"required,omitzero"`
	Min           *float64 `json:"min,omitzero"` // of an integer, a float, or a duration in seconds
	Max           *float64 `json:"max,omitzero"`
	MinLength     int      `json:"min_length,omitzero"` // in characters
	MaxLength     int      `json:"max_length,omitzero"` // 0 is no limit
	Pattern       string   `json:"pattern,omitzero"`    // regular expression (RE2) that matches the whole value
	AllowedValues []string `json:"allowed_values,omitzero"`
	Protocols     []string `json:"protocols,omitzero"` // allowed schemes of a url
	Description   string   `json:"description,omitzero"`
	Example       string   `json:"example,omitzero"` // not allowed for a secret
}

// Type is the type of a variable.
type Type string

// The types.
const (
	TypeString   Type = "string"
	TypeInteger  Type = "integer"
	TypeFloat    Type = "float"
	TypeBoolean  Type = "boolean"
	TypeURL      Type = "url"
	TypeSecret   Type = "secret"
	TypeEmail    Type = "email"
	TypePath     Type = "path"
	TypeDuration Type = "duration"
)

var types = []Type{
	TypeString, TypeInteger, TypeFloat, TypeBoolean, TypeURL, TypeSecret, TypeEmail, TypePath, TypeDuration,
}

func (t Type) isNumber() bool { return t == TypeInteger || t == TypeFloat || t == TypeDuration }

// phrases completes "must be ..." for each type that a value may fail to have.
var phrases = map[Type]string{
	TypeInteger:  "a whole number",
	TypeFloat:    "a number",
	TypeBoolean:  "true, false, yes, no, on, off, 1 or 0",
	TypeURL:      "a URL with scheme and host",
	TypeEmail:    "an email address",
	TypeDuration: "a duration such as 30s, or a number of seconds",
}

// parse returns the number that a value stands for, if any, and reports whether the value has the
// type. Durations are in seconds.
func (t Type) parse(value string) (number float64, ok bool) {
	switch t {
	case TypeInteger:
		n, err := strconv.ParseInt(value, 10, 64)
		return float64(n), err == nil
	case TypeDuration:
		if d, err := time.ParseDuration(value); err == nil {
			return d.Seconds(), true
		}
		return TypeFloat.parse(value)
	case TypeFloat:
		f, err := strconv.ParseFloat(value, 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	case TypeBoolean:
		return 0, slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "1", "0"}, strings.ToLower(value))
	case TypeURL:
		u, err := url.Parse(value)
		return 0, err == nil && u.Scheme != "" && u.Host != ""
	case TypeEmail:
		a, err := mail.ParseAddress(value)
		return 0, err == nil && a.Address == value
	default: // a dotenv file contains no NUL, so every value is a path
		return 0, true
	}
}

// ReadSchema reads and parses a regular file of at most 1 MiB.
func ReadSchema(path string) (*Schema, error) {
	content, err := dotenv.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseSchema(content)
}

// ParseSchema parses a schema. It rejects unknown and duplicate members, unknown types, and rules
// that contradict each other or do not apply to the type.
func ParseSchema(content []byte) (*Schema, error) {
	var s Schema
	if err := json.Unmarshal(content, &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, withoutText(err)
	}
	if s.Version != schemaVersion {
		return nil, fmt.Errorf("version must be %q", schemaVersion)
	}
	if s.ID != "" && s.ID != schemaID {
		return nil, fmt.Errorf("$schema must be %q", schemaID)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		if err := s.Variables[name].validate(); err != nil {
			return nil, fmt.Errorf("variables.%s: %w", name, err)
		}
	}
	return &s, nil
}

// withoutText returns an error that gives the place of a JSON error but does not quote the
// document.
func withoutText(err error) error {
	name := func(p jsontext.Pointer) string {
		return cmp.Or(strings.Join(slices.Collect(p.Tokens()), "."), "the document")
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("%s is unknown or has the wrong type", name(e.JSONPointer))
	}
	e, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !ok:
		return errors.Sentinel("cannot be read")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("%s is defined twice", name(e.JSONPointer))
	}
	return fmt.Errorf("invalid JSON after byte %d", e.ByteOffset)
}

// validate reports a rule that cannot be met or does not apply to the type.
func (v Variable) validate() error {
	_, err := regexp.Compile(v.Pattern)
	switch {
	case !slices.Contains(types, v.Type):
		return fmt.Errorf("type must be one of %v", types)
	case (v.Min != nil || v.Max != nil) && !v.Type.isNumber():
		return errors.Sentinel("min and max need the type integer, float or duration")
	case len(v.Protocols) > 0 && v.Type != TypeURL:
		return errors.Sentinel("protocols need the type url")
	case v.Example != "" && v.Type == TypeSecret:
		return errors.Sentinel("a secret must not have an example")
	case v.Min != nil && v.Max != nil && *v.Min > *v.Max:
		return errors.Sentinel("min must not be above max")
	case v.MinLength < 0 || v.MaxLength < 0:
		return errors.Sentinel("min_length and max_length must not be negative")
	case v.MaxLength > 0 && v.MinLength > v.MaxLength:
		return errors.Sentinel("min_length must not be above max_length")
	case err != nil:
		return errors.Sentinel("pattern must be a regular expression (RE2)")
	}
	return nil
}

// check validates the variables of a file. A variable that is not in the schema is a warning.
func (s *Schema) check(f *File) (found []Finding) {
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		v, e := s.Variables[name], f.entry(name)
		report := func(rule, format string, args ...any) {
			found = append(found, f.finding(e, SeverityError, rule, fmt.Sprintf(format, args...)))
		}
		switch {
		case e.Value != "":
			v.check(e.Value, report)
		case v.Required:
			report("required", "is required")
		}
	}
	for e := range f.effective {
		if _, ok := s.Variables[e.Key]; ok || !safeName.MatchString(e.Key) {
			continue
		}
		message := "is not in the schema"
		if meant := spelling.Nearest(e.Key, maps.Keys(s.Variables)); meant != "" {
			message += ": did you mean " + meant + "?"
		}
		found = append(found, f.finding(e, SeverityWarning, "unknown", message))
	}
	return found
}

// check reports the rules that a value breaks; if it does not have the type, only that.
func (v Variable) check(value string, report func(rule, format string, args ...any)) {
	number, ok := v.Type.parse(value)
	if !ok {
		report("type", "must be %s", phrases[v.Type])
		return
	}
	if v.Min != nil && number < *v.Min {
		report("range", "must be at least %s", strconv.FormatFloat(*v.Min, 'f', -1, 64))
	}
	if v.Max != nil && number > *v.Max {
		report("range", "must be at most %s", strconv.FormatFloat(*v.Max, 'f', -1, 64))
	}
	n := utf8.RuneCountInString(value)
	if n < v.MinLength {
		report("min_length", "must have at least %d characters", v.MinLength)
	}
	if v.MaxLength > 0 && n > v.MaxLength {
		report("max_length", "must have at most %d characters", v.MaxLength)
	}
	if matches, err := regexp.MatchString(`^(?:`+v.Pattern+`)\z`, value); v.Pattern != "" && (err != nil || !matches) {
		report("pattern", "must match the pattern in the schema")
	}
	if len(v.AllowedValues) > 0 && !slices.Contains(v.AllowedValues, value) {
		report("allowed_values", "must be one of the %d allowed values", len(v.AllowedValues))
	}
	if len(v.Protocols) > 0 && !slices.Contains(v.Protocols, scheme(value)) {
		report("protocols", "must begin with one of: %s", strings.Join(v.Protocols, ", "))
	}
}

func scheme(url string) string {
	before, _, _ := strings.Cut(url, ":")
	return strings.ToLower(before)
}

// protocols lists the schemes of databases, brokers and the web, each with the schemes that may
// replace it.
var protocols = map[string][]string{
	"postgres": {"postgres", "postgresql"}, "postgresql": {"postgres", "postgresql"},
	"mysql": {"mysql"}, "mariadb": {"mariadb"}, "mongodb": {"mongodb", "mongodb+srv"},
	"redis": {"redis", "rediss"}, "rediss": {"redis", "rediss"},
	"amqp": {"amqp", "amqps"}, "amqps": {"amqp", "amqps"}, "nats": {"nats", "tls"},
	"http": {"http", "https"}, "https": {"https"},
}

// Infer returns a schema that the file satisfies, as a draft to edit. Variables with a value are
// required, and types are guessed from names and values. The schema reveals nothing about secrets.
func Infer(f *File) *Schema {
	s := &Schema{ID: schemaID, Version: schemaVersion, Variables: map[string]Variable{}}
	for e := range f.effective {
		if !safeName.MatchString(e.Key) {
			continue
		}
		v := infer(e.Key, e.Value)
		if v.Type != TypeSecret && !hides(e.Key, e.Value) && !f.containsSecret(e.Value) {
			v.Example = e.Value
		}
		s.Variables[e.Key] = v
	}
	return s
}

func infer(name, value string) Variable {
	v := Variable{Type: inferType(name, value), Required: value != ""}
	n, _ := v.Type.parse(value)
	switch v.Type {
	case TypeSecret:
		// A shorter secret gets no rule, since that would reveal its length.
		if least := minSecretLength(name); utf8.RuneCountInString(value) >= least {
			v.MinLength = least
		}
	case TypeURL:
		v.Protocols = protocols[scheme(value)]
	case TypeInteger:
		if lowest, highest := 1.0, 65535.0; slices.Contains(words(name), "port") && n >= lowest && n <= highest {
			v.Min, v.Max = &lowest, &highest
		}
	case TypeDuration:
		if n >= 0 {
			v.Min = new(float64)
		}
	default: // no rules
	}
	return v
}

// inferType recognizes secrets by their name and all other types by the value.
func inferType(name, value string) Type {
	switch {
	case isSecret(name, value):
		return TypeSecret
	case value == "":
		return TypeString
	case strings.HasPrefix(value, "/"), strings.HasPrefix(value, "./"), strings.HasPrefix(value, "../"):
		return TypePath
	}
	for _, t := range []Type{TypeEmail, TypeInteger, TypeBoolean, TypeFloat, TypeDuration} {
		if _, ok := t.parse(value); ok {
			return t
		}
	}
	if _, ok := TypeURL.parse(value); ok && protocols[scheme(value)] != nil {
		return TypeURL
	}
	return TypeString
}

func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), isSeparator)
}

func isSeparator(r rune) bool { return strings.ContainsRune("_-.", r) }

// minSecretLength returns the minimum length of a secret in characters. People choose passwords,
// machines generate all other secrets.
func minSecretLength(name string) int {
	for _, word := range words(name) {
		if strings.HasPrefix(word, "pass") || word == "pwd" {
			return 16
		}
	}
	return strength.MinLength
}
