package env

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a [Finding] makes a file invalid.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // the file must not be used
	SeverityWarning Severity = "warning" // somebody should look at it
)

// Finding is one problem of a file. It contains no value and no part of one.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1; 0 for the whole file
	Column   int      `json:"column"` // in characters, from 1; 0 for the whole file
	Variable string   `json:"variable,omitzero"`
	Rule     string   `json:"rule"` // a name for machines
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // for people
}

// String returns "file:line:column: severity: VARIABLE message (rule)", a form that editors and CI
// systems link.
func (f Finding) String() string {
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", place, f.Severity, f.text(), f.Rule)
}

func (f Finding) text() string { return strings.TrimSpace(f.Variable + " " + f.Message) }

// Result is the outcome of a validation.
type Result struct {
	File      string    `json:"file"`
	Level     Level     `json:"level"`
	Variables int       `json:"variables"` // number of variables in the file
	Findings  []Finding `json:"findings"`  // in the order of the lines
	Valid     bool      `json:"valid"`     // no finding is an error
	Errors    int       `json:"errors"`
	Warnings  int       `json:"warnings"`
}

func (f *File) result(level Level, found []Finding) Result {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Variable, b.Variable))
	})
	r := Result{File: f.path, Level: level, Variables: len(f.last), Findings: append([]Finding{}, found...)}
	for _, one := range found {
		if one.Severity == SeverityError {
			r.Errors++
		}
	}
	r.Valid, r.Warnings = r.Errors == 0, len(found)-r.Errors
	return r
}
