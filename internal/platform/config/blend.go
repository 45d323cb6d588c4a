package config

import (
	"fmt"
	"reflect"
)

// held is a variable whose value stays in effect although its sources have another.
type held struct {
	value   reflect.Value   // as it was read
	targets []reflect.Value // as it is in effect, in each field of the variable; none where a Validate has yet to run
	setting Setting
}

// join returns the snapshot of a type that is loaded after others: the variables that it shares with them are as they are
// there.
func (s snapshot) join(known map[reflect.Type]snapshot) (snapshot, error) {
	stays := map[string]held{}
	for _, other := range known {
		for i, theirs := range other.plan.fields {
			f := s.plan.byName[theirs.name]
			if f == nil {
				continue
			}
			if !f.agrees(theirs) {
				return s, fmt.Errorf("config: %w", f.disagreement(theirs))
			}
			if !sameValue(f.value, theirs.value) {
				stays[f.name] = held{value: theirs.value, setting: other.provenance.settings[i]}
			}
		}
	}
	if len(stays) == 0 {
		return s, nil
	}
	return s.blend(stays)
}

// blend returns a new snapshot in which the variables of stays have their old values and all others have those of s, validated
// again. The error is an [*Error].
func (s snapshot) blend(stays map[string]held) (snapshot, error) {
	next := snapshot{value: reflect.New(reflect.TypeOf(s.value).Elem()).Interface(), environment: s.environment}
	var err error
	if next.plan, err = newPlan(next.value); err != nil {
		return s, err
	}
	next.plan.environment = s.environment
	from := make(map[string]string, len(next.plan.fields))
	for i, f := range next.plan.fields {
		one, ok := stays[f.name]
		if !ok {
			one = held{value: s.plan.fields[i].value, setting: s.provenance.settings[i]}
		}
		if one.value.IsValid() {
			f.set(one.value)
		}
		for j, target := range one.targets {
			assign(f.targets[j], target)
		}
		from[f.name] = one.setting.Source
		if one.setting.Source == SourceDerived { // it is found again where it still holds
			from[f.name] = SourceUnset
		}
	}
	problems := &Problems{environment: s.environment, source: func(name string) string { return from[name] }}
	for _, v := range next.plan.validators {
		v.Validate(problems)
	}
	next.provenance = newProvenance(next.plan.fields, from, problems)
	next.provenance.suggestions = s.provenance.suggestions
	if list := problems.sorted(next.plan.order()); len(list) > 0 {
		return next, &Error{Problems: list}
	}
	return next, nil
}

// sameValue compares what was read. Both are not valid where nothing was.
func sameValue(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
