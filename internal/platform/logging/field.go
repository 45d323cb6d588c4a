package logging

import (
	"math"
	"time"
)

// Field is a key and its value in a log line. Values of types that have a constructor of their own
// are written without an allocation.
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
	kindFloat
	kindBool
	kindDuration
)

// String returns a string field.
func String(key, value string) Field { return Field{key: key, kind: kindString, text: value} }

// Strings returns a field with a list of strings.
func Strings(key string, value []string) Field { return Field{key: key, any: value} }

// Int returns an integer field.
func Int(key string, value int) Field { return Int64(key, int64(value)) }

// Int64 returns an integer field.
func Int64(key string, value int64) Field {
	return Field{key: key, kind: kindInt, num: uint64(value)} //nolint:gosec // the bits, read back as int64
}

// Float64 returns a number field. JSON has no NaN and no infinities: they become an "!ERROR: …"
// string.
func Float64(key string, value float64) Field {
	return Field{key: key, kind: kindFloat, num: math.Float64bits(value)}
}

// Bool returns a boolean field.
func Bool(key string, value bool) Field {
	f := Field{key: key, kind: kindBool}
	if value {
		f.num = 1
	}
	return f
}

// Duration returns a number field in milliseconds, with microseconds as decimals. Its key should
// end in _ms.
func Duration(key string, value time.Duration) Field {
	return Field{key: key, kind: kindDuration, num: uint64(value)} //nolint:gosec // the bits, read back as Duration
}

// Err returns the field "error" with the text of err, null for nil.
func Err(err error) Field { return Field{key: "error", any: err} }

// Any returns a field of any type, written as JSON by the rules of the package comment. Changing
// the value in another goroutine while it is logged is a data race.
func Any(key string, value any) Field { return Field{key: key, any: value} }
