package logging

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// mapMember is one key of a map and its value.
type mapMember struct {
	name   string // as shown
	secret bool
	kind   reflect.Kind // of the key
	value  reflect.Value
}

// membersOf returns the members of a map by name. Of several keys with one name the first by kind stays, so that the same
// map is always written the same.
func membersOf(rv reflect.Value) []mapMember {
	members := make([]mapMember, 0, rv.Len())
	for it := rv.MapRange(); it.Next(); {
		k := it.Key()
		if k.Kind() == reflect.Interface {
			k = k.Elem()
		}
		name := keyText(k)
		members = append(members, mapMember{shownName(name), sensitive(name), k.Kind(), it.Value()})
	}
	slices.SortFunc(members, func(a, b mapMember) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
	return slices.CompactFunc(members, func(a, b mapMember) bool { return a.name == b.name })
}

func (l *line) mapping(rv reflect.Value, depth int) {
	if rv.IsNil() {
		l.b = append(l.b, "null"...)
		return
	}
	members := membersOf(rv)
	l.b = append(l.b, '{')
	for i, m := range members {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		if l.full() {
			l.b = append(l.b, `"!TRUNCATED":`...)
			l.b = strconv.AppendInt(l.b, int64(len(members)), 10)
			break
		}
		l.member(m.name, m.secret, m.value, depth)
	}
	l.b = append(l.b, '}')
}

func (l *line) member(name string, secret bool, value reflect.Value, depth int) {
	l.text(name)
	l.b = append(l.b, ':')
	if secret {
		l.redacted()
		return
	}
	l.nested(value, depth)
}

// keyText returns the text of a map's key, as encoding/json has it where that has one.
func keyText(k reflect.Value) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = "!ERROR: " + panicked(r)
		}
	}()
	if !k.IsValid() {
		return "null"
	}
	if k.CanInterface() {
		switch v := k.Interface().(type) {
		case string:
			return v
		case Secret:
			return Redacted
		case encoding.TextMarshaler:
			if raw, err := v.MarshalText(); err == nil {
				return string(raw)
			}
		case error:
			text, problem := textOf(v.Error)
			return cmp.Or(problem, text)
		}
	}
	switch k.Kind() {
	case reflect.String:
		return k.String()
	case reflect.Struct, reflect.Array: // their parts have names that may be sensitive; what they point to is left out
		var l line
		l.reset(nil)
		l.nested(k, maxDepth-1)
		return string(l.b)
	case reflect.Pointer:
		return fmt.Sprintf("%s %p", k.Type(), k.UnsafePointer())
	default:
		return fmt.Sprint(k)
	}
}
