package config

import (
	"cmp"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration. It never holds the invalid value.
type Problem struct {
	Variable string
	Rule     string // for programs: type, range, oneof, required…
	Message  string // for people, read after the name: "must be between 1 and 100"
	Source   string // where the value came from, as in [Setting]; empty if no source has one
}

// problems collects what is wrong while a configuration is loaded.
type problems struct {
	list    []Problem
	invalid map[string]bool // variables whose text could not be read or breaks a rule
	texts   map[string]text
}

// unread adds a problem of a variable whose field now holds the default instead of the operator's
// value.
func (p *problems) unread(problem Problem) {
	p.list = append(p.list, problem)
	if p.invalid == nil {
		p.invalid = map[string]bool{}
	}
	p.invalid[problem.Variable] = true
}

// add is the report function of a [Validator]. It drops duplicates, and problems that are about an
// invalid variable or whose message names one: the validator compared a default, not the operator's
// value.
func (p *problems) add(variable, rule, message string) {
	for name := range p.invalid {
		if name == variable || strings.Contains(message, name) {
			return
		}
	}
	problem := Problem{Variable: variable, Rule: rule, Message: message}
	if t := p.texts[variable]; t.ok {
		problem.Source = t.source
	}
	if !slices.Contains(p.list, problem) {
		p.list = append(p.list, problem)
	}
}

// err returns an [*Error] with the problems in the order of the fields, those of other variables
// first, or nil.
func (p *problems) err(fields []*field) error {
	if len(p.list) == 0 {
		return nil
	}
	position := func(problem Problem) int {
		return slices.IndexFunc(fields, func(f *field) bool { return f.name == problem.Variable })
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Compare(position(a), position(b)) })
	return &Error{Problems: p.list}
}

// Error is everything that is wrong with a configuration. It never holds a value.
type Error struct {
	Problems    []Problem    // in the order of the struct's fields
	Suggestions []Suggestion // as in [Provenance]: a missing variable may be misspelled
}

// Error returns a heading and one line for each problem.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("invalid configuration:")
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.Variable + ": " + p.Message)
		if p.Source != "" {
			b.WriteString(" (" + p.Source + ")")
		}
	}
	return b.String()
}

// Variables returns the names of the variables that have problems, each once.
func (e *Error) Variables() []string {
	names := []string{}
	for _, p := range e.Problems {
		if !slices.Contains(names, p.Variable) {
			names = append(names, p.Variable)
		}
	}
	return names
}
