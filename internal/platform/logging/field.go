package logging

import (
	"math"
	"time"
)

// Field is one key and its value in a log line. Make one with the functions of this package. A value of a type that has a
// function of its own is written without an allocation.
type Field struct {
	key  string
	text string
	any  any
	num  uint64
	kind kind
}

type kind uint8

const (
	kindAny kind = iota
	kindString
	kindInt
	kindUint
	kindFloat
	kindBool
	kindDuration
	kindError
)

// String returns a text field.
func String(key, value string) Field { return Field{key: key, kind: kindString, text: value} }

// Strings returns a field that holds a list of texts.
func Strings(key string, value []string) Field { return Field{key: key, any: value} }

// Int returns a whole number field.
func Int(key string, value int) Field { return Int64(key, int64(value)) }

// Int64 returns a whole number field.
func Int64(key string, value int64) Field {
	return Field{key: key, kind: kindInt, num: uint64(value)} //nolint:gosec // bits kept as they are, read back as int64
}

// Uint64 returns a whole number field.
func Uint64(key string, value uint64) Field { return Field{key: key, kind: kindUint, num: value} }

// Float64 returns a number field. NaN and the infinities, which JSON lacks, are written as an "!ERROR: …" text.
func Float64(key string, value float64) Field {
	return Field{key: key, kind: kindFloat, num: math.Float64bits(value)}
}

// Bool returns a true or false field.
func Bool(key string, value bool) Field {
	f := Field{key: key, kind: kindBool}
	if value {
		f.num = 1
	}
	return f
}

// Duration returns a number field of milliseconds, with microseconds as decimals. A key that ends in _ms says so.
func Duration(key string, value time.Duration) Field {
	return Field{key: key, kind: kindDuration, num: uint64(value)} //nolint:gosec // bits kept as they are, read back as Duration
}

// Time returns a field that holds an instant: RFC 3339, UTC, nanoseconds.
func Time(key string, value time.Time) Field { return Field{key: key, any: value} }

// Err returns the field "error" with the text of err, null for nil.
func Err(err error) Field {
	if err == nil {
		return Field{key: "error"}
	}
	return Field{key: "error", kind: kindError, any: err}
}

// Any returns a field of any type: it is written as JSON by the rules of the package comment. A value that is changed by
// another goroutine while it is logged is a data race, as with any reader.
func Any(key string, value any) Field { return Field{key: key, any: value} }

// value returns what the field holds as an ordinary value, for hooks and other formatters.
func (f *Field) value() any {
	switch f.kind {
	case kindString:
		return f.text
	case kindInt:
		return int64(f.num) //nolint:gosec // the bits of an int64
	case kindUint:
		return f.num
	case kindFloat:
		return math.Float64frombits(f.num)
	case kindBool:
		return f.num == 1
	case kindDuration:
		return time.Duration(f.num) //nolint:gosec // the bits of a Duration
	default:
		return f.any
	}
}
