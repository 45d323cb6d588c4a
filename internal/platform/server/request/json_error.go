package request

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	maxDepth     = 64  // a body that nests deeper has no honest meaning, and costs stack to decode
	maxFieldName = 128 // bytes of a client's own field name that an answer repeats
)

// tooDeep reports whether arrays and objects are nested deeper than maxDepth. It looks at brackets outside of strings
// only; whether the text is JSON at all is for the decoder to say.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}

// explain says which field broke which rule. The decoder's own text is dropped, for it may quote the value.
func explain(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return explainSemantic(semantic)
	}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(syntactic.Err, jsontext.ErrDuplicateName):
		return errors.Invalid(fieldName(syntactic.JSONPointer), "duplicate", "must be there once")
	case ok:
		return errors.Invalid(fieldName(syntactic.JSONPointer), "syntax", "must be valid JSON")
	}
	return errors.Invalid("body", "syntax", "must be one JSON value")
}

func explainSemantic(err *json.SemanticError) error {
	field, want := fieldName(err.JSONPointer), jsonTypeOf(err.GoType)
	switch {
	case errors.Is(err.Err, json.ErrUnknownName):
		return errors.Invalid(field, "unknown", "is not a field of this request")
	case errors.Is(err.Err, strconv.ErrRange):
		return errors.Invalid(field, "range", "is too large or too small")
	case want == aWhole, want.name != "" && !strings.ContainsRune(want.kinds, rune(err.JSONKind)):
		return errors.Invalid(field, "type", "must be "+want.name)
	}
	return errors.Invalid(field, "format", "is not valid")
}

// fieldName turns a JSON pointer (RFC 6901) into the form tags.0.name; the whole value is body.
func fieldName(pointer jsontext.Pointer) string {
	var path []string
	for token := range pointer.Tokens() {
		path = append(path, token)
	}
	name := strings.ToValidUTF8(strings.Join(path, "."), "\uFFFD")
	if name == "" {
		return "body"
	}
	if len(name) > maxFieldName {
		name = strings.ToValidUTF8(name[:maxFieldName], "") + "…"
	}
	return name
}

// jsonType is what JSON has for a Go type. The zero value is that of a type that reads more than one kind of value.
type jsonType struct {
	name  string // as in "must be a string"
	kinds string // the jsontext.Kinds of it
}

var (
	aString  = jsonType{"a string", `"`}
	aNumber  = jsonType{"a number", "0"}
	aWhole   = jsonType{"a whole number", "0"}
	aBoolean = jsonType{"true or false", "tf"}
	anArray  = jsonType{"an array", "["}
	anObject = jsonType{"an object", "{"}
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func jsonTypeOf(t reflect.Type) jsonType {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return jsonType{}
	case reflect.PointerTo(t).Implements(textUnmarshaler): // a UUID, a time
		return aString
	case t == reflect.TypeFor[[]byte](): // base64
		return aString
	}
	switch t.Kind() { //nolint:exhaustive // the other kinds have no type of JSON
	case reflect.String:
		return aString
	case reflect.Bool:
		return aBoolean
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return aWhole
	case reflect.Float32, reflect.Float64:
		return aNumber
	case reflect.Slice, reflect.Array:
		return anArray
	case reflect.Struct, reflect.Map:
		return anObject
	}
	return jsonType{}
}
