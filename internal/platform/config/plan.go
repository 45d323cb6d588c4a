package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// plan is what a struct asks for: its variables in the order of its fields, and the structs that check themselves.
type plan struct {
	fields      []*field
	byName      map[string]*field
	validators  []Validator // inner before outer
	errs        []error     // mistakes in the struct, to be mended by a programmer
	environment Environment // where the service runs, once loaded
	path        []reflect.Type
}

// newPlan walks the struct that dst points to. Its error is the programmer's, not the operator's.
func newPlan(dst any) (*plan, error) {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: %T is not a pointer to a struct", dst)
	}
	p := &plan{byName: map[string]*field{}}
	p.walk(v.Elem(), "")
	if err := errors.Join(p.errs...); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return p, nil
}

func (p *plan) walk(v reflect.Value, prefix string) {
	t := v.Type()
	if slices.Contains(p.path, t) {
		p.errs = append(p.errs, fmt.Errorf("%s contains itself", t))
		return
	}
	p.path = append(p.path, t)
	for i := range t.NumField() {
		sf, fv := t.Field(i), v.Field(i)
		if _, tagged := sf.Tag.Lookup(tagName); tagged {
			p.leaf(sf, fv, prefix)
			continue
		}
		if nested, ok := structIn(sf, fv); ok {
			p.walk(nested, prefix+sf.Tag.Get(tagPrefix))
		}
	}
	p.path = p.path[:len(p.path)-1]
	if v.Addr().CanInterface() {
		if validator, ok := v.Addr().Interface().(Validator); ok {
			p.validators = append(p.validators, validator)
		}
	}
}

// leaf notes a variable. A second field of the same variable gets the same value, so the two must agree.
func (p *plan) leaf(sf reflect.StructField, v reflect.Value, prefix string) {
	f, err := newField(sf, prefix)
	where := fmt.Sprintf("%s.%s", p.path[len(p.path)-1], sf.Name)
	switch {
	case err != nil:
		p.errs = append(p.errs, fmt.Errorf("%s: %w", where, err))
		return
	case !v.CanSet():
		p.errs = append(p.errs, fmt.Errorf("%s: the field is not exported", where))
		return
	}
	f.where = where
	if first, ok := p.byName[f.name]; ok {
		if !first.agrees(f) {
			p.errs = append(p.errs, f.disagreement(first))
		}
		first.targets = append(first.targets, v)
		return
	}
	f.targets = []reflect.Value{v}
	p.byName[f.name] = f
	p.fields = append(p.fields, f)
}

// structIn returns the struct that a field without a variable of its own holds. A nil pointer to one that has variables
// is set to a new one; any other pointer is not the configuration's to follow.
func structIn(sf reflect.StructField, v reflect.Value) (reflect.Value, bool) {
	if !sf.IsExported() && !sf.Anonymous {
		return v, false
	}
	if v.Kind() == reflect.Pointer && holdsVariables(v.Type().Elem(), nil) {
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return v.Elem(), !v.IsNil()
	}
	return v, v.Kind() == reflect.Struct
}

func holdsVariables(t reflect.Type, path []reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(path, t) {
		return false
	}
	path = append(path, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		if _, tagged := sf.Tag.Lookup(tagName); tagged || holdsVariables(sf.Type, path) {
			return true
		}
	}
	return false
}

// order is the position of each variable, for sorting. Problems of no variable come first.
func (p *plan) order() map[string]int {
	order := make(map[string]int, len(p.fields))
	for i, f := range p.fields {
		order[f.name] = i + 1
	}
	return order
}
