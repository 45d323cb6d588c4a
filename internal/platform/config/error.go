package config

import (
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Error is everything that is wrong with a configuration, in the order of the struct's fields. It never holds a value.
type Error struct {
	Problems    []Problem
	Suggestions []Suggestion // as in [Provenance.Suggestions]: what is missing may only be misspelt
}

// Error returns a heading and a line for each problem.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("the configuration is not valid:")
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.Variable + ": " + p.Message)
		if p.Source != "" {
			b.WriteString(" (" + p.Source + ")")
		}
	}
	return b.String()
}

// Variables returns the names of the variables, each once.
func (e *Error) Variables() []string {
	var names []string
	seen := make(map[string]bool, len(e.Problems))
	for _, p := range e.Problems {
		if !seen[p.Variable] {
			seen[p.Variable] = true
			names = append(names, p.Variable)
		}
	}
	return names
}

// Validation returns the same as a VALIDATION_ERROR whose details.fields lists the problems.
func (e *Error) Validation() *errors.Error {
	fields := make([]errors.FieldError, len(e.Problems))
	for i, p := range e.Problems {
		fields[i] = errors.FieldError{Field: p.Variable, Rule: p.Rule, Message: p.Message}
	}
	return errors.Validation(fields...)
}

// Unwrap returns [Error.Validation], so that code which knows only the errors package finds its code and its fields.
func (e *Error) Unwrap() error { return e.Validation() }
