package env

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// SchemaID and SchemaVersion are what a schema file says of itself.
const (
	SchemaID      = "env-schema/v1"
	SchemaVersion = "1.0"
)

// Schema says what a dotenv file has to hold.
type Schema struct {
	ID        string              `json:"$schema"`
	Version   string              `json:"version"`
	Variables map[string]Variable `json:"variables"`
}

// Variable says what one variable has to be. The rules beside the type are optional.
type Variable struct {
	Type          Type     `json:"type"`
	Required      bool     `json:"required,omitzero"`
	Min           *float64 `json:"min,omitzero"` // of an integer, a float, or a duration in seconds
	Max           *float64 `json:"max,omitzero"`
	MinLength     int      `json:"min_length,omitzero"` // in characters
	MaxLength     int      `json:"max_length,omitzero"`
	Pattern       string   `json:"pattern,omitzero"` // a regular expression (RE2) for the whole value
	AllowedValues []string `json:"allowed_values,omitzero"`
	Protocols     []string `json:"protocols,omitzero"` // schemes that a url may have
	Description   string   `json:"description,omitzero"`
	Example       string   `json:"example,omitzero"` // never a secret's
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

var types = []Type{TypeString, TypeInteger, TypeFloat, TypeBoolean, TypeURL, TypeSecret, TypeEmail, TypePath, TypeDuration}

// ReadSchema reads a schema. It refuses unknown members, members that are there twice, types and rules that make no sense; the
// error says where.
func ReadSchema(r io.Reader) (*Schema, error) {
	var s Schema
	if err := json.UnmarshalRead(io.LimitReader(r, maxFile), &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read the schema: %w", place(err))
	}
	if s.Version != SchemaVersion {
		return nil, fmt.Errorf("read the schema: version must be %q", SchemaVersion)
	}
	if s.ID != "" && s.ID != SchemaID {
		return nil, fmt.Errorf("read the schema: $schema must be %q", SchemaID)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		if err := s.Variables[name].check(); err != nil {
			return nil, fmt.Errorf("read the schema: variables.%s: %w", name, err)
		}
	}
	return &s, nil
}

// ReadSchemaFile is [ReadSchema] for a regular file of up to 1 MiB.
func ReadSchemaFile(path string) (*Schema, error) {
	content, _, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return ReadSchema(bytes.NewReader(content))
}

// place names where in a document an error is, without the text that is there.
func place(err error) error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("%s is unknown or of the wrong type", pointer(e.JSONPointer))
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Errorf("%s is there twice", pointer(e.JSONPointer))
		}
		return fmt.Errorf("not well-formed JSON after byte %d", e.ByteOffset)
	}
	return errors.Sentinel("it cannot be read")
}

func pointer(p jsontext.Pointer) string {
	var names []string
	for name := range p.Tokens() {
		names = append(names, name)
	}
	if len(names) == 0 {
		return "the document"
	}
	return strings.Join(names, ".")
}

func (v Variable) check() error {
	switch {
	case !slices.Contains(types, v.Type):
		return fmt.Errorf("type must be one of %v", types)
	case (v.Min != nil || v.Max != nil) && !v.Type.isNumber():
		return errors.Sentinel("min and max are for an integer, a float or a duration")
	case len(v.Protocols) > 0 && v.Type != TypeURL:
		return errors.Sentinel("protocols are for a url")
	case v.Example != "" && v.Type == TypeSecret:
		return errors.Sentinel("a secret has no example")
	case v.Min != nil && v.Max != nil && *v.Min > *v.Max:
		return errors.Sentinel("min is above max")
	case v.MinLength < 0 || v.MaxLength < 0:
		return errors.Sentinel("lengths must not be negative")
	case v.MaxLength > 0 && v.MinLength > v.MaxLength:
		return errors.Sentinel("min_length is above max_length")
	}
	if _, err := whole(v.Pattern); err != nil {
		return errors.Sentinel("pattern is not a regular expression (RE2)")
	}
	return nil
}

// Write writes the schema as indented JSON, the variables by name.
func (s *Schema) Write(w io.Writer) error {
	var b bytes.Buffer
	if err := json.MarshalWrite(&b, s, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	b.WriteByte('\n')
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	return nil
}
