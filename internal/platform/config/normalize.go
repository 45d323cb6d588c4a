package config

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// split cuts the text of a variable into what its rules are checked on: the items of a list, trimmed and without the
// empty ones, or the whole text.
func (f *field) split(text string) []string {
	if !isList(f.typ) && !isMap(f.typ) {
		return []string{text}
	}
	var items []string
	for item := range strings.SplitSeq(text, f.separator) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// normalize rewrites one item into the form that cleanenv reads as we mean it. It reports false where the text cannot be
// a value of the type.
func (f *field) normalize(item string) (string, bool) {
	if !isMap(f.typ) {
		return normalize(itemType(f.typ), item)
	}
	key, value, found := strings.Cut(item, ":")
	key, okKey := normalize(f.typ.Key(), strings.TrimSpace(key))
	value, okValue := normalize(f.typ.Elem(), strings.TrimSpace(value))
	return key + ":" + value, found && okKey && okValue
}

func normalize(t reflect.Type, text string) (string, bool) {
	if knownStruct(t) {
		return strings.TrimSpace(text), true
	}
	if readsItself(t) {
		return text, true
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolean(strings.TrimSpace(text)), true
	case reflect.Float32, reflect.Float64:
		text = strings.TrimSpace(text)
		n, err := strconv.ParseFloat(text, 64)
		return text, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t == durationType {
			return duration(strings.TrimSpace(text)), true
		}
		return whole(strings.TrimSpace(text))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return whole(strings.TrimSpace(text))
	default:
		return text, true
	}
}

// boolean adds the words of other ecosystems to those of strconv.ParseBool.
func boolean(text string) string {
	switch strings.ToLower(text) {
	case "yes", "on":
		return "true"
	case "no", "off":
		return "false"
	}
	return strings.ToLower(text)
}

// duration adds the unit to a bare number, which is in seconds.
func duration(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsFunc(text, unicode.IsLetter) {
		return text + "s"
	}
	return text
}

// whole admits decimal digits only. cleanenv would read 010 as eight, and 0x10 and 1_000 as numbers.
func whole(text string) (string, bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == text {
		digits = strings.TrimPrefix(text, "+")
	}
	if digits == "" || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0", true
	}
	if text[0] == '-' {
		return "-" + digits, true
	}
	return digits, true
}

// decode reads the items that split gave. It reports false where they are not a value of the field's type.
func (f *field) decode(items []string) (reflect.Value, bool) {
	clean := make([]string, len(items))
	for i, item := range items {
		var ok bool
		if clean[i], ok = f.normalize(item); !ok {
			return reflect.Value{}, false
		}
	}
	return decode(f.typ, strings.Join(clean, f.separator), f.separator, f.layout)
}
