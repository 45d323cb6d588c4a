package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The struct tags. The first three are those of cleanenv.
const (
	tagName        = "env"
	tagDefault     = "env-default"
	tagDescription = "env-description"
	tagRule        = "env-rule"
	tagEmpty       = "env-empty"
	tagLive        = "env-live"
	tagFile        = "env-file"
)

// unsupportedTags are tags of cleanenv that would be ignored here.
var unsupportedTags = []string{"env-required", "env-separator", "env-layout", "env-prefix", "env-upd"}

const separator = "," // between the items of a list

// field is a variable and the struct fields that hold its value.
type field struct {
	name        string
	description string
	standard    string // default, "" for none
	rule        rule
	allowEmpty  bool // an empty variable is an empty value
	live        bool // a reload applies a change
	allowFile   bool // NAME_FILE is read although the field is not a Secret
	tag         reflect.StructTag
	typ         reflect.Type // of the value; the struct field may be a pointer to it
	where       string       // struct field, for errors in tags
	targets     []reflect.Value
	value       reflect.Value // as read, before any Validate; not valid if there is none
}

func newField(sf reflect.StructField) (*field, error) {
	f := &field{
		name:        sf.Tag.Get(tagName),
		description: sf.Tag.Get(tagDescription),
		standard:    sf.Tag.Get(tagDefault),
		tag:         sf.Tag,
		typ:         sf.Type,
	}
	if f.typ.Kind() == reflect.Pointer {
		f.typ = f.typ.Elem()
	}
	if f.name == "" || strings.ContainsAny(f.name, ", =\x00") {
		return nil, fmt.Errorf(`env:"NAME" must have exactly one name`)
	}
	if !isList(f.typ) && !slices.Contains(supportedKinds, f.typ.Kind()) {
		return nil, fmt.Errorf("type %s is not supported", f.typ)
	}
	for _, tag := range unsupportedTags {
		if strings.Contains(string(sf.Tag), tag+":") { // faster than Lookup
			return nil, fmt.Errorf("tag %s is not supported", tag)
		}
	}
	for _, flag := range []struct {
		tag, value string
		set        *bool
	}{{tagEmpty, "allow", &f.allowEmpty}, {tagLive, "true", &f.live}, {tagFile, "allow", &f.allowFile}} {
		value, ok := sf.Tag.Lookup(flag.tag)
		if ok && value != flag.value {
			return nil, fmt.Errorf("tag %s must be %q or absent", flag.tag, flag.value)
		}
		*flag.set = ok
	}
	if f.allowEmpty && !isList(f.typ) && f.typ.Kind() != reflect.String {
		return nil, fmt.Errorf("tag %s requires a string or a list", tagEmpty)
	}
	return f, f.parseRule(sf.Tag.Get(tagRule))
}

func (f *field) secret() bool { return f.typ == secretType }

// inFile reports whether NAME_FILE may name a file that holds the value.
func (f *field) inFile() bool { return f.secret() || f.allowFile }

// counts reports whether text is a value. A set but empty variable counts as unset, because many
// tools that set variables cannot unset them.
func (f *field) counts(text string) bool {
	return f.allowEmpty || text != "" && (f.typ.Kind() == reflect.String || strings.TrimSpace(text) != "")
}

// set assigns the value to every struct field of the variable.
func (f *field) set(v reflect.Value) {
	f.value = v
	for _, target := range f.targets {
		if target.Kind() == reflect.Pointer {
			target.Set(reflect.New(f.typ))
			target = target.Elem()
		}
		target.Set(v)
	}
}

// Validator is implemented by structs that check themselves after all fields are read, inner
// structs before outer ones. Validate calls report for each problem with the variable, the rule as
// a word for programs, and a message for people that follows the variable's name and never contains
// the value. It may also set fields that follow from others.
type Validator interface {
	Validate(report func(variable, rule, message string))
}

// plan is a struct's variables in the order of its fields, and its validators.
type plan struct {
	fields     []*field
	byName     map[string]*field
	validators []Validator
	errs       []error
}

// newPlan collects the variables of a struct. The error is a mistake in the struct or its tags.
func newPlan(v reflect.Value) (*plan, error) {
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: %s is not a struct", v.Type())
	}
	p := &plan{byName: map[string]*field{}}
	p.addStruct(v)
	if err := errors.Join(p.errs...); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return p, nil
}

func (p *plan) addStruct(v reflect.Value) {
	for sf, fv := range v.Fields() {
		if _, tagged := sf.Tag.Lookup(tagName); tagged {
			p.addField(sf, fv, fmt.Sprintf("%s.%s", v.Type(), sf.Name))
		} else if fv.Kind() == reflect.Struct && (sf.IsExported() || sf.Anonymous) {
			p.addStruct(fv)
		}
	}
	if v.Addr().CanInterface() {
		if validator, ok := v.Addr().Interface().(Validator); ok {
			p.validators = append(p.validators, validator)
		}
	}
}

// addField adds a variable. Several struct fields may hold the same variable if their tags and
// types are equal.
func (p *plan) addField(sf reflect.StructField, v reflect.Value, where string) {
	f, err := newField(sf)
	switch {
	case err != nil:
		p.errs = append(p.errs, fmt.Errorf("%s: %w", where, err))
		return
	case !v.CanSet():
		p.errs = append(p.errs, fmt.Errorf("%s: the field is not exported", where))
		return
	}
	first := p.byName[f.name]
	if first == nil {
		first, f.where = f, where
		p.byName[f.name] = f
		p.fields = append(p.fields, f)
	} else if first.typ != f.typ || first.tag != f.tag {
		p.errs = append(p.errs, fmt.Errorf("%s: type or tags of %s differ from those of %s", where, f.name, first.where))
	}
	first.targets = append(first.targets, v)
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	bytesType    = reflect.TypeFor[Bytes]()
)

var supportedKinds = []reflect.Kind{
	reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
	reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
	reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
}

func isList(t reflect.Type) bool { return t == reflect.TypeFor[[]string]() }

// format describes the text of a value, for messages.
func format(t reflect.Type) string {
	switch v := reflect.Zero(t); {
	case t == durationType:
		return "a duration such as 30s, or a number of seconds"
	case t == bytesType:
		return "a size such as 512KiB or 10MB"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case v.CanFloat():
		return "a number"
	case v.CanInt():
		return "a whole number"
	case v.CanUint():
		return fmt.Sprintf("a whole number between 0 and %d", ^uint64(0)>>(64-t.Bits()))
	}
	return "text"
}
