// Package request reads requests strictly: a body is one JSON value with known fields only, a query
// parameter appears once and in one form. An invalid request is an [errors.CodeValidation] that
// names the field and the rule, never the value.
//
//	var in struct {
//		Title string `json:"title"`
//	}
//	if err := request.JSON(c, &in); err != nil {
//		return err
//	}
//	var check request.Check
//	check.Text("title", in.Title, 1, 200)
//	return check.Err()
//
// Echo's Bind mixes path, query and body, ignores unknown fields, and matches names in any case.
//
// # Lifting it out
//
// Copy the folder and internal/platform/errors. It imports echo/v4, google/uuid and
// go-json-experiment/json, and for its tests testify and goleak.
package request

import (
	"bytes"
	"cmp"
	"encoding"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	maxDepth = 64   // deeper bodies have no use and cost stack to decode
	maxItems = 1000 // of one array; more would cost many times the size of the body to decode
)

// JSON decodes the body of the request into dst, a pointer. The body is one JSON value (RFC 8259,
// and I-JSON, RFC 7493, where that is stricter) of the type application/json. The error names
// the field for an unknown or repeated field, a field in another case, a wrong type, invalid UTF-8,
// nesting deeper than 64, an array of more than 1000 elements and anything after the value. Another
// media type is a 415, also application/merge-patch+json (RFC 7396), where null deletes a field. A
// body over the limit of the server is a 413.
//
// If UnmarshalText or UnmarshalJSON of a type returns an [errors.Invalid], JSON reports it under the
// name of the field; see [Date].
//
// JSON null leaves a field at its zero value, as if it were absent; [Check] says what is required.
func JSON(c echo.Context, dst any) error {
	r := c.Request()
	if r.Body == nil || r.Body == http.NoBody {
		return errors.Invalid("body", "required", "must be a JSON value")
	}
	if err := checkMediaType(r); err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body) // the server limits its size
	switch {
	case err != nil:
		return readError(err)
	case len(bytes.TrimSpace(body)) == 0:
		return errors.Invalid("body", "required", "must be a JSON value")
	}
	if err := checkShape(body); err != nil {
		return err
	}
	if err = json.Unmarshal(body, dst, json.RejectUnknownMembers(true)); err != nil {
		return decodeError(err)
	}
	return nil
}

// NoFields checks the body of a request that has no fields. It may be missing.
func NoFields(c echo.Context) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	return JSON(c, new(struct{}))
}

func checkMediaType(r *http.Request) error {
	h := r.Header
	for encoding := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return errors.New(errors.CodeUnsupportedMediaType, "The request body must not be compressed")
		}
	}
	media, parameters, err := mime.ParseMediaType(strings.Join(h.Values("Content-Type"), ","))
	if err != nil || media != "application/json" {
		return errors.New(errors.CodeUnsupportedMediaType, "The request body must be application/json")
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return errors.New(errors.CodeUnsupportedMediaType, "The charset of the request body must be utf-8")
	}
	return nil
}

func readError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("read the request body: %w", err) // errors.From returns a 413 for it
	}
	if own, ok := errors.AsType[*errors.Error](err); ok { // of a middleware that limits bodies
		return own
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errors.Wrap(err, errors.CodeRequestTimeout, "")
	}
	for _, gone := range []error{io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return errors.Wrap(err, errors.CodeClientClosedRequest, "")
		}
	}
	return errors.Invalid("body", "format", "must have valid HTTP framing") // a malformed chunk
}

// checkShape checks maxDepth and maxItems before anything is decoded. It counts brackets and commas
// outside of strings; the decoder finds out whether the text is JSON.
func checkShape(body []byte) error {
	depth, quoted := 0, false
	var items [maxDepth + 1]int // by depth; of an object they stay negative
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return errors.Invalid("body", "max_depth", fmt.Sprintf("must not be nested deeper than %d", maxDepth))
			}
			items[depth] = 1
			if b == '{' {
				items[depth] = math.MinInt
			}
		case b == '}' || b == ']':
			depth = max(depth-1, 0)
		case b == ',':
			if items[depth]++; items[depth] > maxItems {
				return errors.Invalid(fieldAt(body[:i]), "max_items", fmt.Sprintf("must have at most %d items", maxItems))
			}
		}
	}
	return nil
}

// fieldAt returns the name of the array that begins in text and does not end there.
func fieldAt(text []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.ReadToken(); err != nil {
			return fieldName(d.StackPointer().Parent())
		}
	}
}

// decodeError replaces an error of the decoder, whose text may quote the value.
func decodeError(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		field, want := fieldName(semantic.JSONPointer), jsonTypeOf(semantic.GoType)
		var own Check
		own.Include(field, semantic.Err)
		switch {
		case own.Err() != nil:
			return own.Err()
		case errors.Is(semantic.Err, json.ErrUnknownName):
			return errors.Invalid(field, "unknown", "is not a field of this request")
		case errors.Is(semantic.Err, strconv.ErrRange):
			return errors.Invalid(field, "range", "is too large or too small")
		case want == wholeNumber, want.name != "" && !strings.ContainsRune(want.kinds, rune(semantic.JSONKind)):
			return errors.Invalid(field, "type", "must be "+want.name)
		case semantic.GoType == reflect.TypeFor[time.Time]():
			return errors.Invalid(field, "time", "must be a time of RFC 3339 such as 2026-01-31T12:00:00Z")
		case semantic.GoType == reflect.TypeFor[uuid.UUID]():
			return errors.Invalid(field, "uuid", mustBeUUID)
		}
		return errors.Invalid(field, "format", "is not valid")
	}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(syntactic.Err, jsontext.ErrDuplicateName):
		return errors.Invalid(fieldName(syntactic.JSONPointer), "duplicate", "must appear once")
	case ok:
		return errors.Invalid(fieldName(syntactic.JSONPointer), "syntax", "must be valid JSON")
	}
	return errors.Invalid("body", "syntax", "must be one JSON value")
}

// fieldName converts a JSON pointer (RFC 6901) to the form tags.0.name; the whole value is body.
func fieldName(pointer jsontext.Pointer) string {
	return cmp.Or(shortName(strings.Join(slices.Collect(pointer.Tokens()), ".")), "body")
}

// shortName returns what a response repeats of an unknown name.
func shortName(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) > 128 {
		name = strings.ToValidUTF8(name[:128], "") + "…"
	}
	return name
}

// jsonType is the JSON type of a Go type. It is zero for a Go type that accepts several.
type jsonType struct {
	name  string // as in "must be a string"
	kinds string // every jsontext.Kind of the type
}

var wholeNumber = jsonType{"a whole number", "0"}

func jsonTypeOf(t reflect.Type) jsonType {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return jsonType{}
	}
	pointer := reflect.PointerTo(t)
	switch kind := t.Kind(); {
	case pointer.Implements(reflect.TypeFor[json.Unmarshaler]()),
		pointer.Implements(reflect.TypeFor[json.UnmarshalerFrom]()):
		return jsonType{}
	case kind == reflect.String,
		t == reflect.TypeFor[[]byte](),                                  // base64
		pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()): // a UUID, a time
		return jsonType{"a string", `"`}
	case kind == reflect.Bool:
		return jsonType{"true or false", "tf"}
	case reflect.Int <= kind && kind <= reflect.Uint64:
		return wholeNumber
	case kind == reflect.Float32, kind == reflect.Float64:
		return jsonType{"a number", "0"}
	case kind == reflect.Slice, kind == reflect.Array:
		return jsonType{"an array", "["}
	case kind == reflect.Struct, kind == reflect.Map:
		return jsonType{"an object", "{"}
	}
	return jsonType{}
}
