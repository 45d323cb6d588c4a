package logging

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// structField is one field of a struct type as the log shows it.
type structField struct {
	index     []int
	name      string
	secret    bool
	omitEmpty bool
}

var plans sync.Map // reflect.Type to []structField; bounded by the types of the program

// planOf returns the fields of a struct type that encoding/json would write, with their names there.
func planOf(t reflect.Type) []structField {
	if plan, ok := plans.Load(t); ok {
		return plan.([]structField) //nolint:errcheck,forcetypeassert // only planOf stores
	}
	plan, _ := plans.LoadOrStore(t, makePlan(t))
	return plan.([]structField) //nolint:errcheck,forcetypeassert // only planOf stores
}

func makePlan(t reflect.Type) []structField {
	var plan []structField
	named := make(map[string]bool)
	closed := make(map[string]bool) // embedded structs whose fields are not promoted: they have a name, or are left out
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		path := indexPath(f.Index)
		switch {
		case closed[indexPath(f.Index[:len(f.Index)-1])]:
			closed[path] = true
			continue
		case f.Tag.Get("json") == "-":
			closed[path] = true
			continue
		case f.Anonymous && name == "" && isStruct(f.Type):
			continue // its fields come by themselves
		case !f.IsExported() && (!f.Anonymous || f.Type.Kind() != reflect.Struct):
			closed[path] = f.Anonymous
			continue
		}
		closed[path] = f.Anonymous
		if name == "" {
			name = f.Name
		}
		if named[name] {
			continue
		}
		named[name] = true
		plan = append(plan, structField{
			index:     f.Index,
			name:      name,
			secret:    sensitive(name) || sensitive(f.Name),
			omitEmpty: strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"),
		})
	}
	return plan
}

func indexPath(index []int) string {
	var b []byte
	for _, i := range index {
		b = append(strconv.AppendInt(b, int64(i), 10), '.')
	}
	return string(b)
}

func isStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

func (l *line) structure(rv reflect.Value, depth int) {
	l.b = append(l.b, '{')
	first := true
	for _, f := range planOf(rv.Type()) {
		value, err := rv.FieldByIndexErr(f.index)
		if err != nil || f.omitEmpty && isEmpty(value) { // the error is a nil embedded pointer
			continue
		}
		if !first {
			l.b = append(l.b, ',')
		}
		first = false
		if l.full() {
			l.b = append(l.b, `"!TRUNCATED":true`...)
			break
		}
		l.member(f.name, f.secret, value, depth)
	}
	l.b = append(l.b, '}')
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}
