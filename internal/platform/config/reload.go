package config

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
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
// are validated twice: as they were read, and as they take effect together with those that stay. The environment that the
// service runs in stays too: what production refuses is refused, also where APP_ENVIRONMENT has become another.
//
// Subscribers are called before Reload returns. Reloads wait for each other.
func (s *Store) Reload(ctx context.Context) (Change, error) {
	if err := take(ctx, s.reloading); err != nil {
		return Change{}, err
	}
	defer give(s.reloading)
	change, err := s.swap(ctx)
	if err == nil {
		s.tell(ctx, change)
	}
	return change, err
}

// swap is Reload without the subscribers, who may ask for types that are not loaded yet.
func (s *Store) swap(ctx context.Context) (Change, error) {
	if err := take(ctx, s.turn); err != nil {
		return Change{}, err
	}
	defer give(s.turn)
	var (
		old     = *s.snapshots.Load()
		next    = make(map[reflect.Type]snapshot, len(old))
		changed = map[string]bool{}
		restart = map[string]bool{}
		failed  Error
	)
	for t, before := range old {
		after, err := s.load(ctx, reflect.New(t).Interface(), before.environment)
		if err == nil {
			after, err = after.replace(before, changed, restart)
		}
		if e, ok := errors.AsType[*Error](err); ok {
			failed.add(e)
		} else if err != nil {
			return Change{}, err
		}
		next[t] = after
	}
	if len(failed.Problems) > 0 {
		return Change{}, &failed
	}
	s.snapshots.Store(&next)
	return Change{Changed: slices.Sorted(maps.Keys(changed)), RestartRequired: slices.Sorted(maps.Keys(restart))}, nil
}

// replace returns what takes effect in the place of before: s, but with the values that need a restart as they were. It notes
// what differs.
func (s snapshot) replace(before snapshot, changed, restart map[string]bool) (snapshot, error) {
	stays := map[string]held{}
	for i, f := range s.plan.fields {
		if !f.live && f.differs(before.plan.fields[i]) {
			stays[f.name] = before.holds(i)
			restart[f.name] = true
		}
	}
	if len(stays) > 0 {
		var err error
		if s, err = s.blend(stays); err != nil {
			return s, err
		}
	}
	for i, f := range s.plan.fields {
		switch {
		case !f.differs(before.plan.fields[i]):
		case f.live:
			changed[f.name] = true
		default: // a Validate has derived it from what has changed
			restart[f.name] = true
			for j, target := range before.plan.fields[i].targets {
				assign(f.targets[j], target)
			}
			s.provenance.settings[i] = before.provenance.settings[i]
		}
	}
	return s, nil
}

// holds returns the i-th variable as it is in effect.
func (s snapshot) holds(i int) held {
	return held{s.plan.fields[i].value, s.plan.fields[i].targets, s.provenance.settings[i]}
}

// differs compares what is in effect in two values of one type.
func (f *field) differs(other *field) bool {
	for i, target := range f.targets {
		if !reflect.DeepEqual(target.Interface(), other.targets[i].Interface()) {
			return true
		}
	}
	return false
}

// add adds what another type has found, and leaves out what both have.
func (e *Error) add(other *Error) {
	for _, p := range other.Problems {
		if !slices.Contains(e.Problems, p) {
			e.Problems = append(e.Problems, p)
		}
	}
	for _, one := range other.Suggestions {
		if !slices.Contains(e.Suggestions, one) {
			e.Suggestions = append(e.Suggestions, one)
		}
	}
	slices.SortStableFunc(e.Problems, func(a, b Problem) int { return cmp.Compare(a.Variable, b.Variable) })
	slices.SortStableFunc(e.Suggestions, func(a, b Suggestion) int { return cmp.Compare(a.Variable, b.Variable) })
}
