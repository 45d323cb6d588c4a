package env

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	secretLength   = 32 // characters of a secret, at least
	passwordLength = 16 // characters of a password, at least
)

// databaseProtocols are schemes of databases and brokers, each with what may be written for it.
var databaseProtocols = map[string][]string{
	"postgres": {"postgres", "postgresql"}, "postgresql": {"postgres", "postgresql"}, "mysql": {"mysql"}, "mariadb": {"mariadb"},
	"redis": {"redis", "rediss"}, "rediss": {"redis", "rediss"}, "mongodb": {"mongodb", "mongodb+srv"}, "amqp": {"amqp", "amqps"},
	"amqps": {"amqp", "amqps"}, "nats": {"nats", "tls"}, "https": {"https"}, "http": {"http", "https"},
}

// Infer returns a schema that a file fulfils: every variable with a value is required, and has the type that its name and its
// value look like. It is a first one, for somebody to go over. Nothing of a secret is in it.
func Infer(f *File) *Schema {
	s := &Schema{ID: SchemaID, Version: SchemaVersion, Variables: map[string]Variable{}}
	for e := range f.effective {
		if printable(e.Key) != "" {
			v := infer(e.Key, e.Value)
			if f.holdsSecret(v.Example) {
				v.Example = ""
			}
			s.Variables[e.Key] = v
		}
	}
	return s
}

func infer(name, value string) Variable {
	v := Variable{Type: inferType(name, value), Required: value != ""}
	words := wordsOf(name)
	scheme, _, _ := strings.Cut(value, ":")
	switch v.Type {
	case TypeSecret:
		if least := minSecret(name); utf8.RuneCountInString(value) >= least { // how short a shorter one is stays untold
			v.MinLength = least
		}
		return v
	case TypeURL:
		v.Protocols = databaseProtocols[strings.ToLower(scheme)]
	case TypeInteger:
		if n, _ := v.Type.read(value); slices.Contains(words, "port") && n >= 1 && n <= 65535 {
			v.Min, v.Max = number(1), number(65535)
		}
	case TypeDuration:
		if n, _ := v.Type.read(value); n >= 0 {
			v.Min = number(0)
		}
	default: // the type says all there is to say
	}
	if logging.Redact(value) == value {
		v.Example = value
	}
	return v
}

func number(f float64) *float64 { return &f }

// inferType looks at the name for secrets, which no value tells, and at the value for everything else.
func inferType(name, value string) Type {
	if logging.Sensitive(name) {
		return TypeSecret
	}
	scheme, _, hasScheme := strings.Cut(value, "://")
	_, database := databaseProtocols[strings.ToLower(scheme)]
	fits := func(t Type) bool { _, ok := t.read(value); return ok }
	switch {
	case value == "":
		return TypeString
	case fits(TypeEmail):
		return TypeEmail
	case hasScheme && database && fits(TypeURL):
		return TypeURL
	case strings.HasPrefix(value, "/"), strings.HasPrefix(value, "./"), strings.HasPrefix(value, "../"):
		return TypePath
	case fits(TypeInteger):
		return TypeInteger
	case fits(TypeBoolean):
		return TypeBoolean
	case fits(TypeFloat):
		return TypeFloat
	case fits(TypeDuration):
		return TypeDuration
	}
	return TypeString
}

func wordsOf(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
}

// minSecret returns how many characters the secret of a name has at least. People choose passwords; machines make the rest.
func minSecret(name string) int {
	if slices.ContainsFunc(wordsOf(name), func(w string) bool { return strings.HasPrefix(w, "pass") || w == "pwd" }) {
		return passwordLength
	}
	return secretLength
}
