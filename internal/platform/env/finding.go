package env

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Severity says how bad a [Finding] is.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // the file must not be used
	SeverityWarning Severity = "warning" // somebody should look at it
)

// Finding is one thing that is wrong with a file. It never holds a value or a part of one.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1; 0 for the file as a whole
	Column   int      `json:"column"` // in characters, from 1; 0 for the file as a whole
	Variable string   `json:"variable,omitzero"`
	Rule     string   `json:"rule"` // for machines: one of the Rule constants, of the schema's rules, or of the configuration's
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // for people
}

// String returns "file:line:column: severity: VARIABLE message (rule)", the form that editors and CI systems turn into links.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(&b, ": %s: ", f.Severity)
	if f.Variable != "" {
		b.WriteString(f.Variable + " ")
	}
	fmt.Fprintf(&b, "%s (%s)", f.Message, f.Rule)
	return b.String()
}

// Result is what a validation has found, in the order of the lines.
type Result struct {
	File      string    `json:"file"`
	Variables int       `json:"variables"` // how many there are in the file
	Findings  []Finding `json:"findings"`
}

// Valid reports whether no finding is an error.
func (r Result) Valid() bool { return r.Count(SeverityError) == 0 }

// Count returns how many findings are of a severity.
func (r Result) Count(s Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Err returns nil for a valid file, else a VALIDATION_ERROR "Environment validation failed" whose details.errors lists the
// findings that are errors, and whose details.fields those in the form that every VALIDATION_ERROR has.
func (r Result) Err() error {
	if r.Valid() {
		return nil
	}
	list := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Severity != SeverityError })
	fields := make([]errors.FieldError, len(list))
	for i, f := range list {
		fields[i] = errors.FieldError{Field: f.Variable, Rule: f.Rule, Message: f.Message}
	}
	return errors.New(errors.CodeValidation, "Environment validation failed").With("errors", list).With("fields", fields)
}

// first returns the first error as text, without its file.
func (r Result) first() string {
	for _, f := range r.Findings {
		if f.Severity == SeverityError {
			return strings.TrimSpace(f.Variable + " " + f.Message)
		}
	}
	return ""
}

func sortFindings(list []Finding) {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Variable, b.Variable))
	})
}
