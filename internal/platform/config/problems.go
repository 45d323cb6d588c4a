package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// Problem is one thing that is wrong with a configuration. It never holds the refused value.
type Problem struct {
	Variable string // the name of the variable
	Rule     string // for machines: type, range, oneof, required, url…
	Message  string // for people, to be read after the name: "must be in 1..100"
	Source   string // where the value came from, as in [Setting]; empty where no source is to blame
}

// Validator is a struct that checks itself after its fields have been read.
type Validator interface{ Validate(p *Problems) }

// Problems collects what is wrong while [LoadInto] runs. A [Validator] gets one to add to; it is not for concurrent use.
// The zero value is empty and usable, in the test of a Validate too.
type Problems struct {
	environment Environment
	list        []Problem
	unreadable  map[string]bool // variables whose value could not be read
	source      func(variable string) string
}

// Add notes that the value of a variable breaks a rule. The rule is a word for machines, the message is for people and
// never holds the value. A complaint about a variable that could not be read is dropped, since its field does not hold
// what the operator wrote, and so is one that was made before.
func (p *Problems) Add(variable, rule, message string) {
	if p.unreadable[variable] {
		return
	}
	problem := Problem{Variable: variable, Rule: rule, Message: message}
	if p.source != nil {
		if source := p.source(variable); source != SourceUnset {
			problem.Source = source
		}
	}
	if !slices.Contains(p.list, problem) {
		p.list = append(p.list, problem)
	}
}

// Range notes a problem where value is not in low..high, both ends allowed. The three are integers, floats, durations or
// [Bytes]; the bounds may be plain constants, so that 0 stands for no duration. It panics on anything else.
func (p *Problems) Range(variable string, value, low, high any) {
	v := number(value)
	if v >= number(low) && v <= number(high) {
		return
	}
	like := reflect.TypeOf(value)
	bounds := display(reflect.ValueOf(low).Convert(like), "") + ".." + display(reflect.ValueOf(high).Convert(like), "")
	p.Add(variable, "range", "must be in "+bounds)
}

// Environment returns where the service runs, for rules that hold in one environment only. It is "" where APP_ENVIRONMENT
// itself is not valid.
func (p *Problems) Environment() Environment { return p.environment }

// Readable reports whether the variable could be read. Where it could not, its field holds the default, and a rule that
// compares it with another field says nothing.
func (p *Problems) Readable(variable string) bool { return !p.unreadable[variable] }

// All returns what has been added so far. It is what the test of a Validate looks at.
func (p *Problems) All() []Problem { return slices.Clone(p.list) }

// fail notes why a value could not be read.
func (p *Problems) fail(problem Problem) {
	p.list = append(p.list, problem)
	p.unreadable[problem.Variable] = true
}

// sorted returns the problems in the order of the fields, those of no field first.
func (p *Problems) sorted(order map[string]int) []Problem {
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Compare(order[a.Variable], order[b.Variable]) })
	return p.list
}

func number(value any) float64 {
	v := reflect.ValueOf(value)
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	}
	panic(fmt.Sprintf("config: %T is not a number", value))
}
