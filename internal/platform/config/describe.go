package config

import "reflect"

// Variable describes one variable of a struct.
type Variable struct {
	Name        string
	Type        string // how a value is written, for people
	Default     string // empty for none, and for a secret
	Description string
	Rule        string // the text of env-rule
	Required    bool
	Secret      bool // also read from the secret store
	File        bool // also read from the file that Name_FILE names
	Live        bool // a reload takes a change of it over
}

// Describe returns the variables of a struct, given by value or by pointer, in the order of the fields. It reads no value
// and leaves dst alone. The error is the programmer's: a mistake in the struct or its tags.
func Describe(dst any) ([]Variable, error) {
	t := reflect.TypeOf(dst)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		t = reflect.TypeFor[any]()
	}
	// A fresh value, because a plan sets the nil pointers of the struct that it walks.
	p, err := newPlan(reflect.New(t).Interface())
	if err != nil {
		return nil, err
	}
	variables := make([]Variable, len(p.fields))
	for i, f := range p.fields {
		variables[i] = Variable{
			Name: f.name, Type: format(f.typ), Default: f.standard, Description: f.description,
			Rule: f.ruleText, Required: f.required, Secret: f.secret(),
			File: f.inFile(), Live: f.live,
		}
		if f.secret() {
			variables[i].Default = ""
		}
	}
	return variables, nil
}
