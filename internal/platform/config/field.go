package config

import (
	"fmt"
	"reflect"
	"strings"
)

// The tags. The first seven are cleanenv's own.
const (
	tagName        = "env"
	tagDefault     = "env-default"
	tagDescription = "env-description"
	tagSeparator   = "env-separator"
	tagLayout      = "env-layout"
	tagPrefix      = "env-prefix"
	tagRequired    = "env-required" // refused
	tagRule        = "env-rule"
	tagEmpty       = "env-empty"
	tagLive        = "env-live"
	tagFile        = "env-file"
)

const defaultSeparator = ","

// field is one variable and all the struct fields that hold it.
type field struct {
	name        string
	description string
	standard    string // the default
	hasStandard bool
	separator   string
	layout      string
	ruleText    string
	rules       []rule
	required    bool
	allowEmpty  bool
	live        bool         // a change takes effect without a restart
	allowFile   bool         // may be read from the file that NAME_FILE names, though it is no secret
	typ         reflect.Type // the type of the value; a field may be a pointer to it
	where       string       // the struct field, for messages to programmers
	targets     []reflect.Value
	value       reflect.Value // what was read, or the default; not valid where there is neither
}

func newField(sf reflect.StructField, prefix string) (*field, error) {
	f := &field{
		name:        prefix + sf.Tag.Get(tagName),
		description: sf.Tag.Get(tagDescription),
		separator:   defaultSeparator,
		layout:      sf.Tag.Get(tagLayout),
		ruleText:    sf.Tag.Get(tagRule),
		typ:         valueType(sf.Type),
	}
	f.standard, f.hasStandard = sf.Tag.Lookup(tagDefault)
	if separator, ok := sf.Tag.Lookup(tagSeparator); ok {
		f.separator = separator
	}
	_, cleanenvRequired := sf.Tag.Lookup(tagRequired)
	empty, hasEmpty := sf.Tag.Lookup(tagEmpty)
	f.allowEmpty = empty == "allow"
	live, hasLive := sf.Tag.Lookup(tagLive)
	f.live = live == "true"
	file, hasFile := sf.Tag.Lookup(tagFile)
	f.allowFile = file == "allow"
	switch {
	case sf.Tag.Get(tagName) == "" || strings.ContainsAny(f.name, ", =\x00"):
		return nil, fmt.Errorf(`env:"NAME" takes exactly one name`)
	case cleanenvRequired:
		return nil, fmt.Errorf(`write env-rule:"required" instead of env-required`)
	case f.separator == "":
		return nil, fmt.Errorf("env-separator is empty")
	case hasEmpty && (!f.allowEmpty || !mayBeEmpty(f.typ)):
		return nil, fmt.Errorf(`env-empty:"allow" is for strings, lists and maps`)
	case hasLive && !f.live:
		return nil, fmt.Errorf(`env-live is "true" or not there`)
	case hasFile && !f.allowFile:
		return nil, fmt.Errorf(`env-file is "allow" or not there`)
	case !supported(f.typ):
		return nil, fmt.Errorf("a %s cannot be read from a variable", f.typ)
	}
	return f, f.parseRules()
}

func (f *field) agrees(other *field) bool {
	return f.typ == other.typ && f.standard == other.standard && f.hasStandard == other.hasStandard &&
		f.separator == other.separator && f.layout == other.layout && f.ruleText == other.ruleText &&
		f.allowEmpty == other.allowEmpty && f.live == other.live && f.allowFile == other.allowFile
}

// disagreement is the error where two fields of one variable do not agree.
func (f *field) disagreement(first *field) error {
	return fmt.Errorf("%s: differs from %s in type, default, rule or tags of %s", f.where, first.where, f.name)
}

func (f *field) secret() bool { return f.typ == secretType }

// inFile reports whether NAME_FILE may name a file that holds the value.
func (f *field) inFile() bool { return f.secret() || f.allowFile }

// counts reports whether text is a value at all. A variable that is set but empty is as good as unset, as most tools that
// write variables cannot unset one.
func (f *field) counts(text string) bool {
	if f.allowEmpty {
		return true
	}
	if f.typ.Kind() == reflect.String {
		return text != ""
	}
	return strings.TrimSpace(text) != ""
}

// set notes the value and stores a copy of it in every field of the variable.
func (f *field) set(v reflect.Value) {
	f.value = v
	for _, target := range f.targets {
		assign(target, v)
	}
}

// assign stores a copy of v in a field of its type, or of a pointer to that. A Validate that sorts a list must not do that
// to a list that somebody else has.
func assign(target, v reflect.Value) {
	if target.Type() == v.Type() {
		target.Set(copied(v))
		return
	}
	pointer := reflect.New(v.Type())
	pointer.Elem().Set(copied(v))
	target.Set(pointer)
}

// copied returns v with memory of its own. What its items point to stays shared.
func copied(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && !v.IsNil():
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		return own
	case v.Kind() == reflect.Map && !v.IsNil():
		own := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, item := range v.Seq2() {
			own.SetMapIndex(key, item)
		}
		return own
	case v.Kind() == reflect.Pointer && v.Type() != locationType && !v.IsNil():
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(copied(v.Elem()))
		return own
	}
	return v
}
