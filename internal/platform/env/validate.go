package env

import (
	"context"
	"maps"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/env/spelling"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Problem is what a [Check] finds wrong with a variable. It never holds the value.
type Problem struct {
	Variable string
	Rule     string
	Message  string
	Severity Severity // "" is an error
}

// Check judges a file by something else than a schema, usually by reading the configuration of a service from it.
type Check func(ctx context.Context, f *File) []Problem

// Validator says what a file has to fulfil. The zero value looks at form and safety, at the level of production.
type Validator struct {
	Level  Level
	Schema *Schema        // nil for none
	Check  Check          // nil for none
	Log    logging.Logger // the zero value is the logger of the package
}

// Validate judges a file and returns everything that it finds, each thing once: of one variable several, where they are about
// different rules. It logs validation_started, and then
// validation_passed or validation_failed. It never fails.
func (v Validator) Validate(ctx context.Context, f *File) Result {
	if v.Log.IsZero() {
		v.Log = log
	}
	v.Log.Info(ctx, "validation_started", logging.String("env_file", f.Path))
	found := f.lint()
	if v.Schema != nil {
		found = append(found, v.Schema.validate(f)...)
	}
	if v.Check != nil {
		for _, p := range v.Check(ctx, f) {
			if p.Severity == "" {
				p.Severity = SeverityError
			}
			found = append(found, f.about(p.Variable, p.Rule, p.Severity, p.Message))
		}
	}
	found = append(found, f.secure(v.Level, v.Schema, found)...)
	sortFindings(found)
	r := Result{File: f.Path, Variables: len(f.last), Findings: append([]Finding{}, found...)}
	if r.Valid() {
		v.Log.Info(ctx, "validation_passed", logging.Int("variable_count", r.Variables))
	} else {
		v.Log.Error(ctx, "validation_failed", logging.Int("error_count", r.Count(SeverityError)), logging.String("first_error", r.first()))
	}
	return r
}

// validate judges the variables of a file by the schema. One that the schema does not know is a warning.
func (s *Schema) validate(f *File) (found []Finding) {
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		e, ok := f.entry(name)
		v := s.Variables[name]
		switch {
		case (!ok || e.Value == "") && v.Required:
			found = append(found, f.about(name, RuleRequired, SeverityError, "is required"))
		case ok && e.Value != "":
			for _, b := range v.judge(e.Value) {
				found = append(found, f.at(e, b.rule, SeverityError, b.message))
			}
		}
	}
	for e := range f.effective {
		if _, known := s.Variables[e.Key]; known || printable(e.Key) == "" {
			continue
		}
		message := "is not in the schema"
		if meant := spelling.Nearest(e.Key, maps.Keys(s.Variables)); meant != "" {
			message += ": did you mean " + meant + "?"
		}
		found = append(found, f.at(e, RuleUnknown, SeverityWarning, message))
	}
	return found
}
