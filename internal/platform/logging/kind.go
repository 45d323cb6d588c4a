package logging

import (
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
)

// kind appends rv by what it is made of.
func (l *line) kind(rv reflect.Value, depth int) {
	switch rv.Kind() {
	case reflect.Bool:
		l.b = strconv.AppendBool(l.b, rv.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		l.b = strconv.AppendInt(l.b, rv.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		l.b = strconv.AppendUint(l.b, rv.Uint(), 10)
	case reflect.Float32:
		l.float(rv.Float(), 32)
	case reflect.Float64:
		l.float(rv.Float(), 64)
	case reflect.String:
		l.text(rv.String())
	case reflect.Complex64, reflect.Complex128:
		l.text(fmt.Sprint(rv.Complex()))
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
		if depth >= maxDepth {
			l.b = append(l.b, `"!TRUNCATED: too deep"`...)
			return
		}
		l.parts(rv, depth+1)
	case reflect.Invalid:
		l.b = append(l.b, "null"...)
	default: // a channel, a function, an unsafe pointer
		l.problem("a " + rv.Type().String() + " has no text")
	}
}

func (l *line) parts(rv reflect.Value, depth int) {
	switch rv.Kind() {
	case reflect.Pointer, reflect.Interface:
		l.nested(rv.Elem(), depth)
	case reflect.Struct:
		l.structure(rv, depth)
	case reflect.Map:
		l.mapping(rv, depth)
	default:
		l.list(rv, depth)
	}
}

// nested appends a value inside another one. The methods of its pointer count too, where it has an address.
func (l *line) nested(rv reflect.Value, depth int) {
	switch {
	case !rv.IsValid():
		l.b = append(l.b, "null"...)
	case !rv.CanInterface():
		l.kind(rv, depth)
	case rv.CanAddr() && rv.Kind() == reflect.Struct:
		if v := rv.Addr().Interface(); speaks(v) {
			l.value(v, depth)
			return
		}
		l.kind(rv, depth)
	default:
		l.value(rv.Interface(), depth)
	}
}

// speaks reports whether a pointer to a struct has a method that says what to write.
func speaks(v any) bool {
	switch v := v.(type) {
	case error, json.Marshaler, encoding.TextMarshaler, *http.Request, *url.URL, *http.Cookie, *pem.Block, keyPair:
		return true
	case fmt.Stringer:
		return !hasParts(reflect.TypeOf(v))
	}
	return false
}

func (l *line) list(rv reflect.Value, depth int) {
	if rv.Kind() == reflect.Slice && rv.IsNil() {
		l.b = append(l.b, "null"...)
		return
	}
	if rv.Type().Elem().Kind() == reflect.Uint8 && rv.Type().Elem().NumMethod() == 0 {
		l.octets(rv)
		return
	}
	l.b = append(l.b, '[')
	for i := range rv.Len() {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		if l.full() {
			l.truncated(rv.Len())
			break
		}
		l.nested(rv.Index(i), depth)
	}
	l.b = append(l.b, ']')
}

// octets appends a named byte slice like a []byte and an array, mostly a hash or an id, in hexadecimal.
func (l *line) octets(rv reflect.Value) {
	if rv.Kind() == reflect.Slice {
		l.bytes(rv.Bytes())
		return
	}
	raw := make([]byte, min(rv.Len(), maxText))
	for i := range raw {
		raw[i] = byte(rv.Index(i).Uint()) //nolint:gosec // the element is a byte
	}
	if len(raw) <= 64 {
		l.text(hex.EncodeToString(raw))
		return
	}
	l.text(base64.StdEncoding.EncodeToString(raw))
}
