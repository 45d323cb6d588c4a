package logging

import (
	"cmp"
	"crypto"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const maxDepth = 10 // of nested lists and objects, cycles included

// value appends v as JSON: by its type, by its methods, or else by its kind. Whatever v does, one
// complete value is appended.
func (l *line) value(v any, depth int) {
	start := len(l.b)
	defer func() {
		if r := recover(); r != nil {
			l.b = l.b[:start]
			l.problem(panicText(r))
		}
	}()
	if err, ok := v.(error); ok { // also a nil pointer, and a type that has other methods
		l.text(err.Error())
		return
	}
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || rv.Kind() == reflect.Pointer && rv.IsNil() {
		l.null()
		return
	}
	if l.byType(v) || l.byMethod(v, depth) {
		return
	}
	if rv.Kind() == reflect.Pointer && rv.Elem().Kind() == reflect.Struct { // the pointer has the struct's methods
		rv = rv.Elem()
	}
	l.byKind(rv, depth)
}

func (l *line) null() { l.b = append(l.b, "null"...) }

// byType appends a value of a type with a form of its own. Some types of the standard library hold
// secrets under names that do not say so. It reports whether v is of such a type.
func (l *line) byType(v any) bool {
	switch v := v.(type) {
	case string:
		l.text(v)
	case time.Time:
		l.time(v)
	case *time.Time:
		l.time(*v)
	case time.Duration:
		l.duration(v)
	case []byte:
		l.bytes(v)
	case json.Number:
		if len(v) <= 64 && strings.IndexAny(string(v), "-0123456789") == 0 && json.Valid([]byte(v)) {
			l.b = append(l.b, v...)
		} else {
			l.text(string(v))
		}
	case url.URL:
		l.text(v.String())
	case *url.URL:
		l.text(v.String())
	case *url.Userinfo:
		text := v.Username()
		if _, ok := v.Password(); ok {
			text += ":" + Redacted
		}
		l.text(text)
	case *http.Request: // headers and body are not for the log
		l.value(map[string]any{"method": v.Method, "host": v.Host, "url": v.URL}, 0)
	case http.Cookie:
		l.text(v.Name + "=" + Redacted)
	case *http.Cookie:
		l.text(v.Name + "=" + Redacted)
	case *pem.Block:
		l.text(string(pem.EncodeToMemory(v)))
	case interface{ Public() crypto.PublicKey }: // a private key
		l.redacted()
	default:
		return false
	}
	return true
}

// byMethod appends the result of MarshalJSON, MarshalText or String, redacted like everything else.
// It reports whether v has one of them that counts.
func (l *line) byMethod(v any, depth int) bool {
	switch m := v.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		if raw, err := json.Marshal(v); err != nil {
			l.problem(err.Error())
		} else {
			l.value(decode(raw), depth)
		}
	case fmt.Stringer:
		if hasElements(reflect.TypeOf(v)) {
			return false
		}
		l.text(m.String())
	default:
		return false
	}
	return true
}

// hasElements reports whether values of type t are better written by their elements than by their
// String method: more is in the line, and more of it is redacted.
func hasElements(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return slices.ContainsFunc(reflect.VisibleFields(t), reflect.StructField.IsExported)
	case reflect.Map, reflect.Slice, reflect.Array:
		return t.Elem().Kind() != reflect.Uint8
	default:
		return false
	}
}

// bytes appends UTF-8 as a string and anything else in base64.
func (l *line) bytes(raw []byte) {
	if utf8.Valid(raw) {
		l.text(string(raw))
		return
	}
	l.quote(base64.StdEncoding.EncodeToString(raw[:min(len(raw), l.maxText)]), len(raw), true)
}

// byKind appends rv by its kind.
func (l *line) byKind(rv reflect.Value, depth int) {
	switch kind := rv.Kind(); {
	case kind == reflect.Bool:
		l.b = strconv.AppendBool(l.b, rv.Bool())
	case rv.CanInt():
		l.b = strconv.AppendInt(l.b, rv.Int(), 10)
	case rv.CanUint():
		l.b = strconv.AppendUint(l.b, rv.Uint(), 10)
	case rv.CanFloat():
		l.float(rv.Float(), rv.Type().Bits())
	case kind == reflect.String:
		l.text(rv.String())
	case rv.CanComplex(), kind == reflect.Chan, kind == reflect.Func, kind == reflect.UnsafePointer:
		l.problem("a " + rv.Type().String() + " has no text")
	case depth >= maxDepth:
		l.text("!TRUNCATED: too deep")
	case kind == reflect.Pointer, kind == reflect.Interface:
		l.nested(rv.Elem(), depth+1)
	case kind == reflect.Struct:
		l.object(structMembers(rv, 0), depth+1)
	case kind != reflect.Array && rv.IsNil():
		l.null()
	case kind == reflect.Map:
		l.object(mapMembers(rv), depth+1)
	case kind == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		l.bytes(rv.Bytes())
	default:
		l.list(rv, depth+1)
	}
}

// nested appends a value inside another one. Methods of its pointer count where it has an address.
func (l *line) nested(rv reflect.Value, depth int) {
	switch {
	case !rv.IsValid():
		l.null()
	case !rv.CanInterface():
		l.byKind(rv, depth)
	case rv.CanAddr() && rv.Kind() == reflect.Struct:
		l.value(rv.Addr().Interface(), depth)
	default:
		l.value(rv.Interface(), depth)
	}
}

func (l *line) list(rv reflect.Value, depth int) {
	l.b = append(l.b, '[')
	for i := range rv.Len() {
		l.comma(i)
		if l.full() {
			l.text(fmt.Sprintf("!TRUNCATED: %d elements", rv.Len()))
			break
		}
		l.nested(rv.Index(i), depth)
	}
	l.b = append(l.b, ']')
}

// comma separates the i-th element from the one before it.
func (l *line) comma(i int) {
	if i > 0 {
		l.b = append(l.b, ',')
	}
}

// member is a member of an object: a field of a struct, or a key of a map with its value.
type member struct {
	name   string // as written
	secret bool
	value  reflect.Value
}

func (l *line) object(members []member, depth int) {
	l.b = append(l.b, '{')
	for i, m := range members {
		l.comma(i)
		if l.full() {
			l.b = fmt.Appendf(l.b, `"!TRUNCATED":%d`, len(members))
			break
		}
		l.text(m.name)
		l.b = append(l.b, ':')
		if m.secret && !harmlessValue(m.name, m.value) {
			l.redacted()
		} else {
			l.nested(m.value, depth)
		}
	}
	l.b = append(l.b, '}')
}

// mapMembers returns the members of a map, sorted, each name once.
func mapMembers(rv reflect.Value) []member {
	members := make([]member, 0, rv.Len())
	for key, value := range rv.Seq2() {
		name := keyText(key)
		members = append(members, member{safeName(name), Sensitive(name), value})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(members, func(a, b member) bool { return a.name == b.name })
}

// keyText returns the text of a map's key: a string as it is, other keys as a line has them.
func keyText(k reflect.Value) string {
	if k.Kind() == reflect.Interface {
		k = k.Elem()
	}
	if k.IsValid() && k.Type() == reflect.TypeFor[string]() {
		return k.String()
	}
	l := newLine(defaultLine)
	defer l.release()
	l.nested(k, maxDepth-1)
	if text, ok := decode(l.b).(string); ok {
		return text
	}
	return string(l.b)
}

// structMembers returns the fields of a struct that encoding/json would write, under their names
// there, followed by those of the structs embedded in it.
func structMembers(rv reflect.Value, embeddings int) (members []member) {
	var promoted []member
	for f, value := range rv.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		inner := reflect.Indirect(value)
		embedded := f.Anonymous && inner.Kind() == reflect.Struct
		switch {
		case tag == "-", !f.IsExported() && !embedded, strings.Contains(options, "omit") && value.IsZero():
		case embedded && name == "":
			if embeddings < maxDepth { // a struct may embed a pointer to itself
				promoted = append(promoted, structMembers(inner, embeddings+1)...)
			}
		default:
			name = cmp.Or(name, f.Name)
			members = append(members, member{name, Sensitive(name) || Sensitive(f.Name), value})
		}
	}
	for _, p := range promoted {
		if !slices.ContainsFunc(members, func(m member) bool { return m.name == p.name }) {
			members = append(members, p)
		}
	}
	return members
}

// panicText describes a recovered value. Of values that may refer to themselves only the type is
// given: printing them would not end.
func panicText(r any) string {
	switch r.(type) {
	case error, fmt.Stringer, string:
		return fmt.Sprintf("panic: %v", r)
	default:
		return fmt.Sprintf("panic: a %T", r)
	}
}
