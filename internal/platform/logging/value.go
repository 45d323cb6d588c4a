package logging

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

const maxDepth = 10 // of lists and objects in each other, which also ends cycles

// safeValue appends v as JSON. Whatever v does, one complete value is appended.
func (l *line) safeValue(v any) {
	start := len(l.b)
	defer func() {
		if r := recover(); r != nil {
			l.b = l.b[:start]
			l.problem(panicked(r))
		}
	}()
	l.value(v, 0)
}

func (l *line) value(v any, depth int) {
	switch v := v.(type) {
	case nil:
		l.b = append(l.b, "null"...)
	case string:
		l.text(v)
	case bool:
		l.b = strconv.AppendBool(l.b, v)
	case int:
		l.b = strconv.AppendInt(l.b, int64(v), 10)
	case float64:
		l.float(v, 64)
	case float32:
		l.float(float64(v), 32)
	case time.Time:
		l.instant(v)
	case time.Duration:
		l.duration(v)
	case []string:
		l.strings(v)
	case Secret:
		l.redacted()
	case encoded:
		l.b = append(l.b, v...)
	case error: // its text, also where it could marshal
		l.called(textOf(v.Error))
	case []byte:
		l.bytes(v)
	case json.RawMessage:
		l.json(v, depth, "json.RawMessage")
	case url.URL:
		l.text(v.String())
	default:
		l.methods(v, depth)
	}
}

// methods appends what v says of itself, else what it is made of.
func (l *line) methods(v any, depth int) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && rv.IsNil() {
		l.b = append(l.b, "null"...)
		return
	}
	if l.private(v) {
		return
	}
	switch v := v.(type) {
	case *time.Time:
		l.instant(*v)
	case *http.Request:
		l.request(v)
	case *url.URL:
		l.text(v.String())
	case json.Marshaler:
		if raw, problem := bytesOf(v.MarshalJSON); problem != "" {
			l.problem(problem)
		} else {
			l.json(raw, depth, fmt.Sprintf("%T", v))
		}
	case encoding.TextMarshaler:
		raw, problem := bytesOf(v.MarshalText)
		l.called(string(raw), problem)
	case fmt.Stringer:
		if hasParts(rv.Type()) {
			l.kind(rv, depth)
			return
		}
		l.called(textOf(v.String))
	default:
		l.kind(rv, depth)
	}
}

// hasParts reports whether a value of t says more, and is redacted better, by its parts than by its String method.
func hasParts(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return len(planOf(t)) > 0
	case reflect.Map, reflect.Slice, reflect.Array:
		return t.Elem().Kind() != reflect.Uint8
	default:
		return false
	}
}

// called appends what a method of a foreign type came to.
func (l *line) called(text, problem string) {
	if problem != "" {
		l.problem(problem)
		return
	}
	l.text(text)
}

func (l *line) instant(t time.Time) { l.text(t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00")) }

func (l *line) strings(list []string) {
	l.b = append(l.b, '[')
	for i, s := range list {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		if l.full() {
			l.truncated(len(list))
			break
		}
		l.text(s)
	}
	l.b = append(l.b, ']')
}

// bytes appends text as text and anything else as base64.
func (l *line) bytes(raw []byte) {
	if utf8.Valid(raw) {
		l.text(string(raw[:min(len(raw), maxText+lookahead)]))
		return
	}
	const most = maxText / 4 * 3
	if len(raw) > most {
		l.text(base64.StdEncoding.EncodeToString(raw[:most-most/8]) + "…[truncated, " + strconv.Itoa(len(raw)) + " bytes]")
		return
	}
	l.text(base64.StdEncoding.EncodeToString(raw))
}

// request appends what tells one request from another. The headers and the body are not for the log.
func (l *line) request(r *http.Request) {
	target := ""
	if r.URL != nil {
		target = r.URL.String()
	}
	l.b = append(l.b, `{"method":`...)
	l.text(r.Method)
	l.b = append(l.b, `,"host":`...)
	l.text(r.Host)
	l.b = append(l.b, `,"url":`...)
	l.text(target)
	l.b = append(l.b, '}')
}

// truncated appends the note that stands for the rest of a list of size elements.
func (l *line) truncated(size int) {
	l.b = append(l.b, `"!TRUNCATED: `...)
	l.b = strconv.AppendInt(l.b, int64(size), 10)
	l.b = append(l.b, ` elements"`...)
}
