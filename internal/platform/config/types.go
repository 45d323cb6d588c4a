package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"time"

	"github.com/ilyakaznacheev/cleanenv"
)

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	timeType     = reflect.TypeFor[time.Time]()
	urlType      = reflect.TypeFor[url.URL]()
	locationType = reflect.TypeFor[*time.Location]()

	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	setterType      = reflect.TypeFor[cleanenv.Setter]()
)

// valueType returns what a field holds, without the pointer that tells an unset variable from a zero value.
func valueType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer && t != locationType {
		return t.Elem()
	}
	return t
}

// readsItself reports whether a type brings its own way of reading text.
func readsItself(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(unmarshalerType) || pointer.Implements(setterType)
}

// knownStruct reports whether cleanenv reads the type although it is a struct, or a pointer to one.
func knownStruct(t reflect.Type) bool { return t == timeType || t == urlType || t == locationType }

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 && !readsItself(t)
}

func isMap(t reflect.Type) bool { return t.Kind() == reflect.Map && !readsItself(t) }

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func mayBeEmpty(t reflect.Type) bool {
	return (t.Kind() == reflect.String || isBytes(t) || isList(t) || isMap(t)) && !readsItself(t)
}

// itemType is the type of what a list holds, or the type itself.
func itemType(t reflect.Type) reflect.Type {
	if isList(t) {
		return t.Elem()
	}
	return t
}

// supported reports whether a variable can be read into the type. Lists of secrets are not supported: an item of a list
// would pass through the environment.
func supported(t reflect.Type) bool {
	switch {
	case isList(t):
		return t.Elem() != secretType && scalar(t.Elem())
	case isMap(t):
		return t.Elem() != secretType && scalar(t.Key()) && scalar(t.Elem())
	}
	return scalar(t) || isBytes(t)
}

func scalar(t reflect.Type) bool {
	if knownStruct(t) || readsItself(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}

var formats = map[reflect.Type]string{
	secretType:                      "text",
	durationType:                    "a duration such as 30s, or a number of seconds",
	timeType:                        "a time in the layout of the field, RFC 3339 if it names none",
	urlType:                         "a URL",
	locationType:                    "the name of a time zone, such as Europe/Berlin",
	reflect.TypeFor[Bytes]():        "a size such as 512KiB or 10MB",
	reflect.TypeFor[netip.Prefix](): "a network such as 10.0.0.0/8",
	reflect.TypeFor[netip.Addr]():   "an IP address",
}

// format says for people how a value of the type is written.
func format(t reflect.Type) string {
	if text, ok := formats[t]; ok {
		return text
	}
	switch {
	case isList(t):
		return "a list, each item " + format(t.Elem())
	case isMap(t):
		return "a list of name:value pairs"
	case readsItself(t):
		return "a valid " + t.Name()
	}
	switch v := reflect.Zero(t); {
	case t.Kind() == reflect.Bool:
		return "true or false"
	case v.CanFloat():
		return "a number"
	case v.CanInt() && t.Bits() < 64:
		most := int64(1)<<(t.Bits()-1) - 1
		return fmt.Sprintf("a whole number in %d..%d", -most-1, most)
	case v.CanUint() && t.Bits() < 64:
		return fmt.Sprintf("a whole number in 0..%d", uint64(1)<<t.Bits()-1)
	case v.CanInt():
		return "a whole number"
	case v.CanUint():
		return "a whole number, not negative"
	}
	return "text without a NUL"
}
