package config

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
)

// Change is what a reload has found. The names are sorted, each is there once.
type Change struct {
	Changed         []string // live variables whose values are others now
	RestartRequired []string // variables that have another value in their source, which a restart will take over
}

// Has reports whether one of these variables has changed.
func (c Change) Has(variables ...string) bool {
	return slices.ContainsFunc(variables, func(v string) bool { return slices.Contains(c.Changed, v) })
}

// Reload reads every type that the store holds again, and puts new values in the place of all of them at once: a caller of
// [Get] sees either all of the old configuration or all of the new. Where anything is wrong, everything stays as it is, and
// the error is the [*Error] that lists all of it.
//
// Only variables of fields with env-live:"true" change. Any other keeps its value, and is named in the result. The new values
// are validated twice: as they were read, and as they take effect together with those that stay.
//
// Subscribers are called before Reload returns. Reloads wait for each other.
func (s *Store) Reload(ctx context.Context) (Change, error) {
	if err := s.lock(ctx); err != nil {
		return Change{}, err
	}
	defer s.unlock()
	var (
		old      = *s.snapshots.Load()
		next     = make(map[reflect.Type]snapshot, len(old))
		changed  = map[string]bool{}
		restart  = map[string]bool{}
		problems []Problem
	)
	for t, before := range old {
		after, err := s.load(ctx, reflect.New(t).Interface())
		if after.plan == nil {
			return Change{}, err
		}
		if err == nil {
			err = after.keep(before, changed, restart)
		}
		if err != nil {
			problems = append(problems, err.(*Error).Problems...) //nolint:errorlint,forcetypeassert,errcheck // both return nothing else
			continue
		}
		next[t] = after
	}
	if len(problems) > 0 {
		return Change{}, &Error{Problems: unique(problems)}
	}
	change := Change{Changed: slices.Sorted(maps.Keys(changed)), RestartRequired: slices.Sorted(maps.Keys(restart))}
	s.snapshots.Store(&next)
	s.tell(ctx, change)
	return change, nil
}

// keep puts the values that need a restart back to what they were before, and notes what differs. The error is an [*Error].
func (s snapshot) keep(before snapshot, changed, restart map[string]bool) error {
	kept := false
	for i, f := range s.plan.fields {
		was, is := before.plan.fields[i].targets[0], f.targets[0]
		if reflect.DeepEqual(was.Interface(), is.Interface()) {
			continue
		}
		if f.live {
			changed[f.name] = true
			continue
		}
		restart[f.name], kept = true, true
		for j, target := range f.targets {
			target.Set(before.plan.fields[i].targets[j])
		}
		s.provenance.settings[i] = before.provenance.settings[i]
	}
	if !kept {
		return nil
	}
	problems := &Problems{environment: s.plan.environment}
	for _, v := range s.plan.validators {
		v.Validate(problems)
	}
	if list := problems.sorted(s.plan.order()); len(list) > 0 {
		return &Error{Problems: list}
	}
	return nil
}

// unique drops what several types have found alike.
func unique(problems []Problem) []Problem {
	var list []Problem
	for _, p := range problems {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b Problem) int { return cmp.Compare(a.Variable, b.Variable) })
	return list
}
